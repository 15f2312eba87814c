/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes taken off TCP or the lane before they were asked for.
 */
#ifndef CONN_EARLY_H
#define CONN_EARLY_H

#include "conn/parts.h"

/* With receive: bytes taken off TCP or the lane, read or not */
uint64_t conn_pulled(const struct conn *conn);
/* With receive: the first of them, as recvmsg(2) with these flags. */
ssize_t conn_early_receive(struct conn *conn, const struct iovec *iov,
			   int count, int flags);
/*
 * With receive: room for bytes before stream offset `end` behind the early
 * ones. Returns its size; 0: there are none, no memory, or it is all taken.
 */
size_t conn_early_room(struct conn *conn, uint64_t end, uint8_t **room);

/* With receive, or nobody else has the connection: none are kept any more. */
void conn_early_drop(struct conn *conn);

#endif
