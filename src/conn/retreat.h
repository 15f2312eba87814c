/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Back to TCP from a lane, by the rings.
 */
#ifndef CONN_RETREAT_H
#define CONN_RETREAT_H

#include "conn/parts.h"

/* Back to TCP */
/* The lane failed with bytes on it. */
void retreat_lane(struct conn *conn, enum reason reason);
/*
 * The peer has closed, and its end of the TCP leg is gone: nobody answers. If
 * all that it sent has been read, the kernel's socket says what we would; if
 * not, false.
 */
bool retreat_alone(struct conn *conn, enum reason reason);
/* We were told of the peer's boundary and put nothing on the lane. */
void retreat_unused(struct conn *conn);
/* RETREAT{consumed} came. */
void retreat_heard(struct conn *conn, uint64_t consumed);
/* Put what the peer lacks on TCP, as far as the kernel takes it. */
void retreat_pump(struct conn *conn);
/* Does the peer owe RETREAT or RESUME? */
bool retreat_owed(const struct conn *conn);
/* The same, and it has had its time since it was asked? */
bool retreat_overdue(const struct conn *conn);
/* A direction may be raw again: is the connection the kernel's now? */
void retreat_check(struct conn *conn);
/* Send what waits on the TCP leg; behind RESUME, what the peer lacks. */
void retreat_flush(struct conn *conn);

#endif
