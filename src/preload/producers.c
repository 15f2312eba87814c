// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that get a new number from the kernel. If the table knows it, it was
 * closed behind our back, and is something else now: the entry goes.
 */
#include <fcntl.h>
#include <stdarg.h>

#include "preload/shim.h"

/* open()'s mode, which is there only if the flags say so. */
#define MODE_OF(mode, flags) \
	do { \
		if (((flags) & O_CREAT) || \
		    ((flags) & O_TMPFILE) == O_TMPFILE) { \
			va_list args; \
			va_start(args, flags); \
			mode = va_arg(args, mode_t); \
			va_end(args); \
		} \
	} while (0)

SHIM int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(mode, flags);
	return shim_fresh(real.open(path, flags, mode));
}

SHIM int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(mode, flags);
	return shim_fresh(real.open64(path, flags, mode));
}

SHIM int openat(int at, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(mode, flags);
	return shim_fresh(real.openat(at, path, flags, mode));
}

SHIM int openat64(int at, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(mode, flags);
	return shim_fresh(real.openat64(at, path, flags, mode));
}

#define PRODUCER(name, params, args) \
	SHIM int name params \
	{ \
		return shim_fresh(real.name args); \
	}

PRODUCER(__open_2, (const char *path, int flags), (path, flags))
PRODUCER(__open64_2, (const char *path, int flags), (path, flags))
PRODUCER(__openat_2, (int at, const char *path, int flags), (at, path, flags))
PRODUCER(__openat64_2, (int at, const char *path, int flags), (at, path, flags))
PRODUCER(creat, (const char *path, mode_t mode), (path, mode))
PRODUCER(creat64, (const char *path, mode_t mode), (path, mode))
PRODUCER(eventfd, (unsigned value, int flags), (value, flags))
PRODUCER(signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
PRODUCER(timerfd_create, (clockid_t clock, int flags), (clock, flags))
PRODUCER(memfd_create, (const char *name, unsigned flags), (name, flags))
PRODUCER(inotify_init, (void), ())
PRODUCER(inotify_init1, (int flags), (flags))
PRODUCER(fanotify_init, (unsigned flags, unsigned files), (flags, files))
PRODUCER(pidfd_open, (pid_t pid, unsigned flags), (pid, flags))
PRODUCER(pidfd_getfd, (int pidfd, int fd, unsigned flags), (pidfd, fd, flags))
PRODUCER(posix_openpt, (int flags), (flags))

static int fresh_pair(int ret, int fds[2])
{
	if (ret == 0) {
		fds[0] = shim_fresh(fds[0]);
		fds[1] = shim_fresh(fds[1]);
	}
	return ret;
}

SHIM int pipe(int fds[2])
{
	return fresh_pair(real.pipe(fds), fds);
}

SHIM int pipe2(int fds[2], int flags)
{
	return fresh_pair(real.pipe2(fds, flags), fds);
}

SHIM int socketpair(int domain, int type, int protocol, int fds[2])
{
	return fresh_pair(real.socketpair(domain, type, protocol, fds), fds);
}

SHIM_ALIAS(open)
SHIM_ALIAS(open64)
SHIM_ALIAS(pipe)
