/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that wait for the greeting, or for the way to or from the lane.
 */
#ifndef CONN_HOLD_H
#define CONN_HOLD_H

#include "conn/core.h"

/* Does something wait for the greeting, so that its end has to be awaited? */
bool hold_waits(const struct conn *conn);
/* Frozen, on its way to the lane or back: is what is sent held meanwhile? */
bool hold_while_moving(const struct conn *conn);
size_t hold_room(const struct conn *conn);
/* With send: keep as much as there is room for, as sendmsg(2); -EAGAIN. */
ssize_t hold_take(struct conn *conn, const struct iovec *iov, int count);
/* Something is held, and the application may be elsewhere. No locks. */
void hold_attend(struct conn *conn);
/*
 * With lock: no lane. It is plain, at once or when what is held has gone:
 * then TX_RELEASE, and the caller goes on with hold_release().
 */
void hold_leave(struct conn *conn, enum reason reason);
/* The same without a lock, and all of it. */
void hold_quit(struct conn *conn, enum reason reason);
/* TX_RELEASE: put what is held on TCP, as far as the kernel takes it. */
void hold_release(struct conn *conn);
/* The same with send; true: it is TX_RAW now, and hold_over() is due. */
bool hold_release_locked(struct conn *conn);
void hold_over(struct conn *conn);
/* With send: put it on the lane. False: that has no room for all of it. */
bool hold_on_lane(struct conn *conn);
/* The same without, and what waited for it. True: look again soon. No locks. */
bool hold_lane_look(struct conn *conn);
/* Forget it: the connection is dissolved, or another process's. */
void hold_drop(struct conn *conn);

#endif
