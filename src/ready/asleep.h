/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's sleeps, so that one which a signal handler has jumped out of
 * (siglongjmp(3)) is found: its call never comes back to take its waiters off
 * their connections and to give back what it holds. What such a sleep needs is
 * in the thread's yard, memory of its own that outlives the frames on its
 * stack; the thread's next call on a connection or set, its next sleep, or its
 * end forsakes it, as cancelling the thread would have.
 *
 * A handler may sleep in a call of its own while its thread is in one. Which of
 * the two it is the stack tells: a frame that is no longer there lies below us,
 * or has been written over. On a stack of its own (sigaltstack(2)) a handler is
 * taken for one that is inside.
 */
#ifndef READY_ASLEEP_H
#define READY_ASLEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asleep;

/* In the frame that sleeps; the first three are the caller's to set. */
struct asleep_seal {
	void (*forsake)(void *arg);	/* all that the call holds */
	void *arg;			/* its room, or on the heap */
	bool on_stack;			/* there was no room for it */
	struct asleep *record;
	unsigned critical;		/* critical_pause() */
	volatile uint64_t value;
};

/*
 * Room for what a call has while it sleeps, until asleep_leave() with what it
 * returned. NULL: there is none; then let it be on the stack, and a jump out of
 * it is not noticed.
 */
void *asleep_room(size_t size);
void asleep_leave(void *room);

/*
 * Around a sleep; they are cancel_begin_sleep() and cancel_end_sleep() as well.
 * Between pthread_cleanup_push(asleep_cancelled, seal) and its pop.
 */
void asleep_begin(struct asleep_seal *seal);
void asleep_end(struct asleep_seal *seal);
void asleep_cancelled(void *seal);

/* Once, before all of it: the key is one of the process's first. */
void asleep_prepare(void);

extern __thread struct asleep *asleep_top;

/* Forsake what was jumped out of. Before a call holds anything. */
void asleep_look(void);
static inline void asleep_sweep(void)
{
	if (__builtin_expect(asleep_top != NULL, 0))
		asleep_look();
}

#endif
