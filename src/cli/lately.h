/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of the last such connection of the processes here that may be
 * asked: the newest step in their rings (conn/trace.h) that settled one.
 */
#ifndef CLI_LATELY_H
#define CLI_LATELY_H

#include <stdbool.h>
#include <stdint.h>

#include "diag/channel.h"
#include "policy/policy.h"

struct lately {
	bool any;
	uint64_t time_ns;	/* since 1970 */
	char who[2 * CHANNEL_NAME_MAX];	/* "curl/4711" */
	char state[24];		/* it went to "plain", "on_rdma" or "dead" */
	char reason[24];	/* the names, as the process gave them */
	char peers_reason[24];	/* of peer_declined, if the peer said it */
};

/*
 * Of one to the query's remote address and port; of the role listen, one of
 * the listening port's, from that address or, if it is the wildcard, any.
 */
void lately_find(const struct policy_query *query, struct lately *lately);

/* For people, or as key, tab, value; nothing, if there was none. */
void lately_put(const struct lately *lately, bool porcelain);

#endif
