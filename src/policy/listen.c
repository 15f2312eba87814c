// SPDX-License-Identifier: BSD-2-Clause
/* policy_may_listen(): what the peers of a listener may be given. */
#include <netinet/in.h>
#include <string.h>

#include "policy/special.h"
#include "policy/table.h"

/* What is asked, and the first rule found; INDEX_NONE is the default. */
struct search {
	const struct policy *policy;
	uint16_t port;
	bool found;
	uint32_t rule;
};

static void try_address(struct search *search, sa_family_t family,
			const uint8_t bytes[16])
{
	struct sockaddr_storage peer = { .ss_family = family };
	const struct policy *policy = search->policy;
	unsigned least_length;
	uint32_t rule;
	bool tcp;

	if (family == AF_INET)
		memcpy(&((struct sockaddr_in *)&peer)->sin_addr, bytes, 4);
	else
		memcpy(&((struct sockaddr_in6 *)&peer)->sin6_addr, bytes, 16);
	rule = table_find(policy, POLICY_LISTEN, &peer, search->port,
			  &least_length, NULL);
	if (rule == INDEX_NONE)
		tcp = least_length || policy->default_mode == POLICY_TCP;
	else
		tcp = policy->rules[rule].mode == POLICY_TCP;
	search->found |= !tcp;
	if (!tcp && rule < search->rule)
		search->rule = rule;
}

/* The first address behind the prefix. False: there is none. */
static bool step_over(uint8_t bytes[16], unsigned length)
{
	unsigned at = length ? (length - 1) / 8 : 0;
	unsigned sum = length ? 0x80u >> (length - 1) % 8 : 0x100;

	for (;; at--) {
		sum += bytes[at];
		bytes[at] = (uint8_t)sum;
		sum >>= 8;
		if (!sum || !at)
			return !sum;
	}
}

/*
 * From the lowest address to the highest the decision changes only where a
 * prefix begins or has just ended, so to try these is to try every address.
 */
static void try_prefix(struct search *search, sa_family_t family,
		       const uint8_t bytes[16], unsigned length)
{
	uint8_t behind[16];

	try_address(search, family, bytes);
	memcpy(behind, bytes, sizeof(behind));
	if (step_over(behind, length))
		try_address(search, family, behind);
}

static void try_rules(struct search *search, sa_family_t family)
{
	const struct index *index =
		&search->policy->index[POLICY_LISTEN][family == AF_INET6];
	const struct index_node *node;

	for (uint32_t i = 0; i < index->node_count; i++) {
		node = &index->nodes[i];
		if (index_node_rule(index, node, search->port) != INDEX_NONE)
			try_prefix(search, family, node->bytes, node->length);
	}
}

bool policy_may_listen(const struct policy *policy, uint16_t port,
		       struct policy_handshake *handshake)
{
	struct search search = { policy, port, false, INDEX_NONE };
	const struct addr_prefix *range;
	uint32_t settings = 0;

	if (policy_all_tcp(policy, POLICY_LISTEN))
		return false;
	/* the unspecified address, the lowest of its family, is one of them */
	for (size_t i = 0; (range = special_range(i)); i++)
		try_prefix(&search, range->family, range->bytes,
			   range->length);
	try_rules(&search, AF_INET);
	try_rules(&search, AF_INET6);
	if (search.rule != INDEX_NONE)
		settings = policy->rules[search.rule].settings;
	if (search.found)
		*handshake = policy->settings[settings].handshake;
	return search.found;
}
