/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For t/semantics compiled with musl: what the programs call and musl lacks,
 * over what it has. Most go by syscall(2), which the library interposes, too.
 */
#ifndef MUSL_COMPAT_H
#define MUSL_COMPAT_H

#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define fcntl64 fcntl
#define preadv64v2 preadv2
#define pwritev64v2 pwritev2
#define strerrorname_np strerror
#define sigabbrev_np strsignal

static inline int close_range(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline void closefrom(int low)
{
	close_range((unsigned)(low < 0 ? 0 : low), ~0u, 0);
}

static inline int epoll_pwait2(int set, struct epoll_event *events, int most,
			       const struct timespec *timeout,
			       const sigset_t *mask)
{
	return (int)syscall(SYS_epoll_pwait2, set, events, most, timeout, mask,
			    8L);
}

static inline ssize_t preadv2(int fd, const struct iovec *iov, int count,
			      off_t at, int flags)
{
	return syscall(SYS_preadv2, fd, iov, (long)count, at, 0L, flags);
}

static inline ssize_t pwritev2(int fd, const struct iovec *iov, int count,
			       off_t at, int flags)
{
	return syscall(SYS_pwritev2, fd, iov, (long)count, at, 0L, flags);
}

#endif
