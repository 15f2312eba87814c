/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library's own functions: struct real has one pointer per row of
 * calls.def. They start as raw system calls, so that a shim works before the
 * constructor has run (allocators call libc while they initialise), and
 * real_init() replaces them with dlsym(RTLD_NEXT), all in one pass. This is
 * the only caller of it. No locks; real is read-only after real_init().
 */
#ifndef BASE_REAL_H
#define BASE_REAL_H

#include <aio.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

struct mq_attr;

struct real {
#define CALL(type, name, params, args, test) type (*name) params;
#include "base/calls.def"
#undef CALL
};

extern struct real real;

/*
 * Look every row up. A symbol that this libc lacks keeps its raw system call.
 * Called once, from the constructor (or a unit test's start).
 */
void real_init(void);

/* Has real_init() run? Never in a process that real_secure() is true of. */
bool real_ready(void);

/*
 * Has this program more privileges than who started it (AT_SECURE: set-user-ID,
 * file capabilities)? The library is inert there, whatever it was told.
 */
bool real_secure(void);

#endif
