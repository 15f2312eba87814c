/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of the application on the lane.
 */
#ifndef CONN_LANE_H
#define CONN_LANE_H

#include "conn/parts.h"

/* Has the lane, alive or not, so many bytes to read? */
bool conn_lane_holds(struct conn *conn, size_t size);
/*
 * With rx.lock: RX_LANE, as recvmsg(2) with these flags. What was read
 * is counted.
 */
ssize_t lane_receive(struct conn *conn, const struct iovec *iov, int count,
		     int flags);
/*
 * With tx.lock: the peer has closed, or died. As on TCP the first send
 * still succeeds, and its answer (RST) makes the later ones fail.
 */
ssize_t lane_gone(struct conn *conn, const struct iovec *iov, int count);
/* With tx.lock: TX_LANE, without a look at what is held */
ssize_t lane_transmit(struct conn *conn, const struct iovec *iov, int count);

#endif
