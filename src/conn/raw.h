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
ssize_t peek_amount(struct conn *conn, size_t size);
/*
 * Has the kernel an error to tell of this socket, and nothing to read before it
 * if it is `reading`? send(2) and recv(2) take it, so only who returns it to
 * the application may ask them. (POLLERR alone may be of the error queue.)
 */
bool raw_is_reset(const struct conn *conn, bool reading);
/*
 * Has the kernel's connection ended, so that it takes no byte of anybody? It
 * may have told the application.
 */
bool raw_is_over(const struct conn *conn);

#endif
