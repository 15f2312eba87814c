/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of our own, in a process that is not ours. They take no signals, and
 * their stacks have a size of our choice: the default one is the program's
 * (RLIMIT_STACK, pthread_create(3)), which may be too small for librdmacm, or
 * megabytes for each.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#define THREAD_STACK (512 * 1024)	/* bytes */

/*
 * Start a detached thread, with all signals blocked. 0 or -errno, as
 * pthread_create(3): -EAGAIN: RLIMIT_NPROC, the cgroup's pids.max, or no memory
 * for its stack. Not in a signal handler: it allocates. Any other thread.
 */
int thread_start(void *(*run)(void *arg), void *arg);

#endif
