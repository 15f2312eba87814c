/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The greeting, of either side.
 */
#ifndef CONN_GREETING_H
#define CONN_GREETING_H

#include "conn/parts.h"

/* Of either side */
/* By our policy's word, or the peer's. */
bool greeting_needs_lane(const struct conn *conn);
/* The policy vouches for the server: bytes wait for no REPLY. */
bool greeting_is_trusted(const struct conn *conn);
/*
 * Milliseconds in which a greeting that has begun is to be there whole: the
 * client's HELLO, the server's REPLY from when it was asked for.
 */
uint64_t greeting_prefix_ms(const struct conn *conn);
/* With lock: until when REPLY may come that is asked for now; clock_ms(). */
uint64_t greeting_reply_by(const struct conn *conn);
/* With lock: something is to go: REPLY is awaited so long, and no longer. */
void greeting_await(struct conn *conn);
/* With lock: ask the kernel for our end's name. */
void greeting_learn_local(struct conn *conn);

#endif
