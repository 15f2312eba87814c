/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket (diag/channel.h): what `shunt stat` and its like ask
 * of this process. The service thread listens; each request is answered by a
 * job of its own, one at a time. Root and the process's own user may ask.
 */
#ifndef CONN_OPERATOR_H
#define CONN_OPERATOR_H

/* A listening socket, high and close-on-exec, or -errno. */
int operator_listen(void);

/* Somebody has come: take the request and return at once. */
void operator_knock(int listener);

#endif
