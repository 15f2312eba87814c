// SPDX-License-Identifier: BSD-2-Clause
#include "policy/policy.h"
#include "policy/special.h"

static bool is_listed(const struct policy_lane_remote *where,
		      const struct sockaddr_storage *lane, unsigned least)
{
	for (unsigned i = 0; i < where->count; i++) {
		if (where->prefixes[i].length >= least &&
		    addr_in_prefix(lane, &where->prefixes[i]))
			return true;
	}
	return false;
}

bool policy_lane_may_end(const struct policy_decision *decision,
			 const struct sockaddr_storage *remote,
			 const struct sockaddr_storage *lane, bool named)
{
	const struct policy_lane_remote *where = &decision->lane_remote;
	unsigned special = named ? special_length(lane) : 0;

	if (is_listed(where, lane, special))
		return true;
	if (where->peer)
		return addr_same_host(lane, remote);
	return where->count == 0 &&
	       (special == 0 || special == special_length(remote));
}
