/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The application's interest is over.
 */
#ifndef CONN_END_H
#define CONN_END_H

#include "conn/parts.h"

/* The application's interest is over */
void end_conn(struct conn *conn);
/* The same, before a lane; again when what was held has gone. */
void end_greeting(struct conn *conn);
void end_released(struct conn *conn);	/* if that is how it is still */
/* Closed, and a join or retreat is over, or it failed. */
void end_settle(struct conn *conn);
/* Closed while retreating: the TCP leg goes when that is over. */
void end_linger(struct conn *conn);
/*
 * Closed, and what is held has not found room on the lane for a minute: reset,
 * as the kernel does a peer that takes nothing any more.
 */
void end_held_late(struct conn *conn);
/*
 * It has a lane, or had. Once: a close that meets the end of the join is seen
 * by both.
 */
void end_lane(struct conn *conn);
void end_take_down(struct conn *conn);	/* its job */
/* Service thread: may a closed connection's TCP leg go now? */
bool end_linger_over(struct conn *conn, uint64_t now_ms);

#endif
