/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONN_INFO_H
#define CONN_INFO_H

#include <sys/socket.h>

struct conn;

/*
 * getsockopt(TCP_INFO) of the connection's socket, with what only we know put
 * in: 0 or -errno; CONN_PLAIN: all of it is the kernel's to say. Neither
 * pointer may be NULL; the kernel looks whether they are good. Without locks.
 */
int conn_tcp_info(struct conn *conn, void *value, socklen_t *length);

#endif
