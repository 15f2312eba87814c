/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals. A handler may call what is async-signal-safe (signal-safety(7)), so
 * also read(2), write(2), poll(2), close(2) and _exit(2) on a connection that
 * its own thread is in a call on. The library's handler stands before the
 * application's (preload/signals.c), and asks here:
 *
 * - In a *critical* part (a lock is held, a call on a connection is under way,
 *   and not in its sleep) the signal is put off: it is queued again, with all
 *   others blocked, and let in when the part is left. A fault of the thread's
 *   own (SIGSEGV and its like) is not put off.
 * - In a handler the thread may have been in malloc(3), dlopen(3) or stdio:
 *   nothing of these is called then. Memory comes from base/memory.h; what
 *   would load something stays on TCP (in_handler).
 *
 * All is this thread's only. Nothing here allocates.
 */
#ifndef BASE_CRITICAL_H
#define BASE_CRITICAL_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

extern __thread unsigned critical_depth;
extern __thread bool critical_kept;	/* signals are blocked by us */

/* Let in what was put off; keeps errno. */
void critical_let_in(void);

static inline void critical_enter(void)
{
	critical_depth++;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void critical_leave(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	if (--critical_depth == 0 && __builtin_expect(critical_kept, 0))
		critical_let_in();
}

/*
 * Around a sleep, which signals may interrupt however deep it is: returns what
 * critical_resume() is to be given.
 */
unsigned critical_pause(void);
void critical_resume(unsigned depth);

/*
 * Block all signals; *own is the application's mask. What was put off stays
 * pending, and interrupts a sleep with that mask.
 */
void critical_block(sigset_t *own);
void critical_unblock(const sigset_t *own);

/* In a handler, with its arguments: was the signal put off? */
bool critical_put_off(int number, siginfo_t *info, void *context);

/* In the frame of a handler, while the application's runs. */
struct critical_frame {
	struct critical_frame *outer;
	volatile uint64_t seal;
};

void critical_handler_begins(struct critical_frame *frame);
void critical_handler_ends(struct critical_frame *frame);

/*
 * Does a handler run in this thread? One that has jumped out (siglongjmp(3)) is
 * over: its frame is no longer there, or has been written over.
 */
extern __thread struct critical_frame *critical_handler;
bool critical_handler_runs(void);
static inline bool critical_in_handler(void)
{
	return __builtin_expect(critical_handler != NULL, 0) &&
	       critical_handler_runs();
}

/* In a child that fork(2) made of a thread at this depth. */
void critical_after_fork(unsigned depth);

#endif
