/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The active side of the greeting.
 */
#ifndef CONN_DIAL_H
#define CONN_DIAL_H

#include "conn/parts.h"

/* The active side. See conn_dial(). */
void dial_begin(struct conn *conn, const struct conn_dialling *dialling);
/* One look; the application's own look, which may */
void dial_look(struct conn *conn);
void dial_touch(struct conn *conn);	/* ... begin the greeting */
/* Service thread: a look that is a touch when HELLO is due; and when it is. */
void dial_tend(struct conn *conn);
uint64_t dial_due(const struct conn *conn);
/*
 * The connection is to be an ordinary one, and soon: no HELLO if it is not out;
 * else REPLY gets a second, and then it is taken back.
 */
void dial_hurry(struct conn *conn, enum reason reason);

#endif
