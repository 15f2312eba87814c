/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaving a lane because somebody says so, not because it failed. Any thread,
 * no locks held.
 */
#ifndef CONN_DRAIN_H
#define CONN_DRAIN_H

#include "conn/conn.h"

enum drain_news {
	DRAIN_NEW,	/* still being set up: as a new connection */
	DRAIN_NONE,	/* it had no lane, and will get none */
	DRAIN_MOVED,	/* it is on TCP */
	DRAIN_MOVING,	/* ask again when something has happened */
	DRAIN_CLOSED,	/* by its peer, who need not answer any more */
	DRAIN_GONE,	/* it ended */
};

/* One step of a connection towards TCP, for good. */
enum drain_news drain_step(struct conn *conn, enum reason reason);

/* Why one of these news is not DRAIN_MOVED, for people; "" if it is. */
const char *drain_text(enum drain_news news);

/*
 * Service thread: has a policy come since the last call? Then, or if it has not
 * been judged by that yet, a connection leaves its lane if the policy says tcp
 * and the rule says drain.
 */
bool drain_policy_is_new(void);
void drain_if_judged(struct conn *conn);
void drain_after_fork(void);

#endif
