/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of a lane that is alive, without a ring.
 */
#ifndef CONN_LEAVE_H
#define CONN_LEAVE_H

#include "conn/parts.h"

/* Out of a lane that is alive, without a ring */
/* Stop sending, say LEAVE; the service thread does the rest. No locks. */
void leave_in_order(struct conn *conn, enum reason reason);
/* Service thread: one step. True: look again soon. */
bool leave_look(struct conn *conn);
/*
 * Service thread: is something taken in or given back, so that the peer's
 * RETREAT, or the lane's end, has to wait?
 */
bool leave_waits(const struct conn *conn);
/* LEAVE{sent} came. */
void leave_heard(struct conn *conn, uint64_t sent);
/* RETURN came. False: that is not what is missing, or there is no memory. */
bool leave_returned(struct conn *conn, uint64_t offset, const uint8_t *bytes,
		    size_t size);

#endif
