// SPDX-License-Identifier: BSD-2-Clause
/* What the peers of a listener may be given. */
#include <netinet/in.h>
#include <string.h>

#include "policy/special.h"
#include "policy/table.h"

/* What is asked, and the first rule found; INDEX_NONE is the default. */
struct search {
	const struct policy *policy;
	uint16_t port;
	bool found;		/* an address that may leave TCP */
	uint32_t rule;		/* the first that says so */
	uint32_t tcp_rule;	/* the first that says tcp */
	bool tcp_default;	/* the default decides some, and says tcp */
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
	search->tcp_default |= tcp && rule == INDEX_NONE && !least_length;
	if (!tcp && rule < search->rule)
		search->rule = rule;
	if (tcp && rule < search->tcp_rule)
		search->tcp_rule = rule;
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

static void try_all(struct search *search)
{
	const struct addr_prefix *range;

	/* the unspecified address, the lowest of its family, is one of them */
	for (size_t i = 0; (range = special_range(i)); i++)
		try_prefix(search, range->family, range->bytes, range->length);
	try_rules(search, AF_INET);
	try_rules(search, AF_INET6);
}

bool policy_decide_listener(const struct policy *policy, uint16_t port,
			    struct policy_decision *decision)
{
	struct search search = { .policy = policy, .port = port,
				 .rule = INDEX_NONE, .tcp_rule = INDEX_NONE };
	uint32_t rule;

	if (policy->refusal == REASON_none)
		try_all(&search);
	rule = search.rule;
	if (!search.found && !search.tcp_default)
		rule = search.tcp_rule;
	table_answer(policy, rule, 0, decision);
	return search.found;
}

bool policy_may_listen(const struct policy *policy, uint16_t port,
		       struct policy_handshake *handshake)
{
	struct policy_decision decision;
	bool may;

	if (policy_all_tcp(policy, POLICY_LISTEN))
		return false;
	may = policy_decide_listener(policy, port, &decision);
	if (may)
		*handshake = decision.handshake;
	return may;
}
