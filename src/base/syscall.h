/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A system call without libc's syscall(2), which is one of the names that
 * the library interposes: our own must not come back to us.
 */
#ifndef BASE_SYSCALL_H
#define BASE_SYSCALL_H

#include <sys/syscall.h>

/* As syscall(2): up to six arguments, errno and -1. Async-signal-safe. */
long sys_call(long number, ...);

#endif
