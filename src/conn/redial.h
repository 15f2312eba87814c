/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dial.c and redial.c have in common: the active side's greeting, and
 * taking it back.
 */
#ifndef CONN_REDIAL_H
#define CONN_REDIAL_H

#include "conn/internal.h"

#define REQUIRED_ERROR (-ENETUNREACH)	/* require, and no lane */

/* dial.c */
/* By our policy's word, or the peer's. */
bool dial_must_have_lane(const struct conn *conn);
/* The policy vouches for the server: bytes wait for no REPLY. */
bool dial_is_trusted(const struct conn *conn);
/* With lock: ask the kernel for our end's name. */
void dial_learn_local(struct conn *conn);

/* redial.c */
/* With lock: what came is no REPLY, or nothing came in time. */
void redial_take_back(struct conn *conn);
/* With lock: is the second connection there? */
void redial_look(struct conn *conn);

#endif
