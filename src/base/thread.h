/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of our own, in a process that is not ours. They take no signals, and
 * their stacks have a size of our choice: the default one is the program's
 * (RLIMIT_STACK, pthread_create(3)), which may be too small for librdmacm, or
 * megabytes for each.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <stdbool.h>

#define THREAD_STACK (512 * 1024)	/* bytes */

/*
 * Start a detached thread, with all signals blocked. 0 or -errno, as
 * pthread_create(3): -EAGAIN: RLIMIT_NPROC, the cgroup's pids.max, or no memory
 * for its stack. Not in a signal handler: it allocates. Any other thread.
 */
int thread_start(void *(*run)(void *arg), void *arg);

/* The process is ours: at the library's beginning, and in a fork(2) child. */
void thread_own_process(void);
/* Are we it, and not a vfork(2) child in its memory? */
bool thread_owns_process(void);
/*
 * May a thread be made now? Not in a signal handler (above), nor by a vfork(2)
 * child, whose exec would end it in its parent's memory, in whatever it does.
 */
bool thread_may_start(void);

#endif
