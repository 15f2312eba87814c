/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket (diag/channel.h): what the command asks of this process.
 * The service thread listens; it takes a request in without waiting, and a job
 * (work.c) reads, answers and hangs up. ASKERS at a time are heard, the others
 * are told to come again; nobody has more than seconds for his question, or
 * to read the answer. Root, the process's own user and control.reader may ask;
 * the last not for a drain.
 */
#ifndef CONN_OPERATOR_H
#define CONN_OPERATOR_H

/* A listening socket, high and close-on-exec, or -errno. */
int operator_listen(void);

/* Somebody has come: take the request and return at once. */
void operator_knock(int listener);

void operator_after_fork(void);

#endif
