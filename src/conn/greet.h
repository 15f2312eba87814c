/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The passive side of the greeting (greet.c, judge.c).
 */
#ifndef CONN_GREET_H
#define CONN_GREET_H

#include "conn/parts.h"

/* The passive side. One non-blocking look at the greeting. */
void greet_look(struct conn *conn);
void greet_answer(struct conn *conn);	/* a REPLY was due */
/*
 * With lock: why a lane is out of the question, from HELLO alone,
 * as wire_get_hello() has found it. REASON_none: it is not.
 */
enum reason greet_judge(struct conn *conn, int parsed,
			const struct wire_hello *hello);
/*
 * Passive, under `require`, and the client has no lane yet: what it has sent by
 * TCP is not for the application before that.
 */
bool greet_awaits_lane(const struct conn *conn);
/* With receive: read then: -EAGAIN; 0: its end; -ECONNRESET: behind bytes. */
ssize_t greet_receive(struct conn *conn);
/* The same, and it has had its time: reset. No locks. */
void greet_end_wait(struct conn *conn);
/*
 * The application has sent, or would: has HELLO had its grace? Then, or if the
 * client's SYN was not marked, its bytes go raw.
 */
void greet_speak(struct conn *conn);
/*
 * The same before another program has the connection: a client on a busy host
 * may take longer, and who reads HELLO then knows nothing of it.
 */
void greet_give(struct conn *conn);
/* In accept(): see conn_accepted(). */
bool greet_accepted(struct conn *conn, unsigned mark, enum reason unmarked,
		    const struct mark_client *client);

#endif
