/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a lane comes to be.
 */
#ifndef CONN_JOIN_H
#define CONN_JOIN_H

#include "conn/parts.h"
#include "conn/stranger.h"

void join_if_worth(struct conn *conn);	/* active: begin when it pays */
/* Passive: a peer's lane is here, and pins so many bytes. */
void join_accept(int rs, uint64_t pins);
/* Jobs: the active side's, and the passive one's, which returns whose lane it
 * was, held, or NULL. */
void join_run(struct conn *conn);
struct conn *join_admit(struct stranger *stranger);

#endif
