/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may block: a thread for each job, a few per kind.
 */
#ifndef CONN_WORK_H
#define CONN_WORK_H

#include <stdbool.h>

/* What may block */
enum work_kind {
	WORK_JOIN,
	WORK_ADMIT,
	WORK_END,	/* of lanes with bytes in them: exit() waits */
	WORK_DISCARD,	/* of dead ones */
	WORK_LISTEN,
	WORK_ANSWER,	/* operator.c, and the next */
	WORK_DRAIN,
	WORK_KINDS
};
/*
 * Run it on a thread of its own, or queue it; -EAGAIN: too many wait, or no
 * thread can be made; -ENOMEM.
 */
int work_start(enum work_kind kind, void (*run)(void *arg), void *arg);
/*
 * The same of a lane's end, which takes as long as its peer likes: `from`, an
 * address's quota, has a part of the threads. Held, which this drops; NULL:
 * nobody's.
 */
struct quota;
int work_start_for(enum work_kind kind, struct quota *from,
		   void (*run)(void *arg), void *arg);
/* Wait until none of a kind is left; false: not within the time. */
bool work_wait(enum work_kind kind, unsigned ms);
/* Service thread: threads for what handlers have left (loop_wake()). */
void work_catch_up(void);
/* On a thread of its own that may last, or not at all: -errno. */
int work_alone(void *(*run)(void *arg), void *arg);
void work_after_fork(void);

#endif
