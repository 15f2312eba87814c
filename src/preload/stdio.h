/* SPDX-License-Identifier: BSD-2-Clause */
/* FILEs on connections. preload/ only. */
#ifndef PRELOAD_STDIO_H
#define PRELOAD_STDIO_H

/*
 * The process ends: write what such FILEs still hold, before the lanes are
 * closed; libc would do it after. A FILE that a thread has locked is left.
 */
void stdio_exit(void);

/* In a forked child: another thread may have had the lock. */
void stdio_after_fork(void);

#endif
