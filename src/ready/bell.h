/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's bell: an eventfd made on its first sleep, closed when it ends.
 * ready/ only.
 */
#ifndef READY_BELL_H
#define READY_BELL_H

#include "conn/conn.h"

/* A waiter whose ring() writes to the fd. */
struct bell_waiter {
	struct conn_waiter waiter;
	int fd;
};

/* Once, before all of it: the key is one of the process's first. */
void bell_prepare(void);

/* This thread's bell; < 0: there is no fd for one. */
int bell_fd(void);

/* Silence it. */
void bell_clear(int fd);

/*
 * Has this thread rung its own bell since it last asked? It is awake and
 * needs no eventfd for that: it looks again before it sleeps.
 */
bool bell_rung(void);

/* Sit the waiter on the connection's list; and take it off. */
void bell_hang(struct bell_waiter *waiter, int fd, struct conn *conn);
void bell_unhang(struct bell_waiter *waiter, struct conn *conn);

void bell_after_fork(void);

#endif
