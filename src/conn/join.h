/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a lane comes to be.
 */
#ifndef CONN_JOIN_H
#define CONN_JOIN_H

#include "conn/parts.h"

void join_if_worth(struct conn *conn);	/* active: begin when it pays */
void join_accept(int rs);		/* passive: a peer's lane is here */
/* Jobs: the active side's, and the passive one's, which returns whose lane it
 * was, held, or NULL. */
void join_run(struct conn *conn);
struct conn *join_admit(int rs);

#endif
