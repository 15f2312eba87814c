/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the service thread watches. Any thread, no locks.
 */
#ifndef CONN_WATCH_H
#define CONN_WATCH_H

#include "conn/parts.h"

/* What the service thread watches. Any thread, no locks. */
/* Watch the TCP leg: dialling, late greetings, control records. 0 or -errno. */
int watch_conn(struct conn *conn);
/* For good: a plain connection, or one whose close has come to its end. */
void unwatch_conn(struct conn *conn);
/* Let the thread look at it, if it is watched, whatever its fd has to say. */
void watch_look(struct conn *conn);
/* One that follows `after`, which was held, held; NULL: it was the last. */
struct conn *watch_after(struct conn *after);
/* Ask of all that are ours, with its lock: does any say true? */
bool watch_any(bool (*is_one)(struct conn *conn, unsigned how), unsigned how);
/*
 * In watch_any(): exec has had the socket's end be a reset, for bytes that the
 * kernel did not have; now it is what it was. unwatch_conn() does it of a plain
 * one, whose bytes are the kernel's.
 */
void watch_uncut(struct conn *conn);
/* Service thread: what is watched no more, and whose events it had. */
void watch_drop_gone(void);
void watch_after_fork(void);

#endif
