/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The raw part of the receiving direction, and looking over its end.
 */
#ifndef CONN_RAW_H
#define CONN_RAW_H

#include "conn/parts.h"

/* With receive, recvmsg(2) of it, without sleeping. 0: the leg's end. */
ssize_t raw_receive(struct conn *conn, const struct iovec *iov, int count,
		    int flags);
/* With receive: is a part of what is not read on each lane? Then MSG_PEEK: */
bool is_astride(const struct conn *conn);
ssize_t peek_across(struct conn *conn, const struct iovec *iov, int count);

#endif
