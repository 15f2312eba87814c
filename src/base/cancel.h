/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thread cancellation (pthreads(7)). Nearly every system call is a point at
 * which it may act; it must not while a thread has locks or references of
 * ours. So it is held back in every call on a connection but for its sleeps,
 * which act on it as the call itself would; a handler of pthread_cleanup_push()
 * around each gives back what the call has.
 *
 * Nested: the sleeps in an inner hold do not act on it either, for calls that
 * are no points of cancellation, or have more to give back. This thread's only.
 * A signal handler that jumps out of a call leaves it held back until
 * cancel_set_depth() (ready/asleep.h). Signals are put off as well
 * (base/critical.h).
 */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

void cancel_hold(void);
void cancel_release(void);

/* How often it is held back; and set right after a jump. */
unsigned cancel_depth(void);
void cancel_set_depth(unsigned depth);

/* Around a sleep, whether it is held back or not. */
void cancel_begin_sleep(void);
void cancel_end_sleep(void);

#endif
