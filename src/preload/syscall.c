// SPDX-License-Identifier: BSD-2-Clause
/*
 * syscall(2) with a number that concerns fds of ours: the shim of that name
 * answers. Programs (libuv's close(), Go-like runtimes in C) use it to get
 * round libc's wrappers, not round the library. All else is libc's business.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "preload/shim.h"
#include "preload/vectors.h"
#include "preload/verdict.h"
#include "ready/ready.h"

#define KERNEL_SIGSET_SIZE 8

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

/* One row: this number is that call. `a` are the arguments, as longs. */
#define AS(number, call) \
	case SYS_##number: \
		*ret = call; \
		return true;
#define FD(i) ((int)a[i])
#define INT(i) ((int)a[i])
#define UNSIGNED(i) ((unsigned)a[i])
#define SIZE(i) ((size_t)a[i])
#define PTR(i) ((void *)a[i])

/* Bytes of one fd; asked only if the table may know it. */
static bool on_bytes(long number, const long *a, long *ret)
{
	switch (number) {
	AS(read, read(FD(0), PTR(1), SIZE(2)))
	AS(readv, readv(FD(0), PTR(1), INT(2)))
	AS(recvfrom, recvfrom(FD(0), PTR(1), SIZE(2), INT(3), PTR(4), PTR(5)))
	AS(preadv2, preadv2(FD(0), PTR(1), INT(2), a[3], INT(5)))
	AS(write, write(FD(0), PTR(1), SIZE(2)))
	AS(writev, writev(FD(0), PTR(1), INT(2)))
	AS(sendto, sendto(FD(0), PTR(1), SIZE(2), INT(3), PTR(4),
			  (socklen_t)a[5]))
	AS(pwritev2, pwritev2(FD(0), PTR(1), INT(2), a[3], INT(5)))
	default:
		return false;
	}
}

/* State of one fd; asked only if the table may know it. */
static bool on_state(long number, const long *a, long *ret)
{
	switch (number) {
	AS(shutdown, shutdown(FD(0), INT(1)))
	AS(getsockopt, getsockopt(FD(0), INT(1), INT(2), PTR(3), PTR(4)))
	AS(getpeername, getpeername(FD(0), PTR(1), PTR(2)))
	AS(getsockname, getsockname(FD(0), PTR(1), PTR(2)))
	AS(fcntl, fcntl(FD(0), INT(1), a[2]))
	AS(ioctl, ioctl(FD(0), (unsigned long)a[1], a[2]))
	AS(epoll_ctl, epoll_ctl(FD(0), INT(1), INT(2), PTR(3)))
#ifdef SYS_epoll_wait
	AS(epoll_wait, epoll_wait(FD(0), PTR(1), INT(2), INT(3)))
#endif
	default:
		return false;
	}
}

static bool duplicates(const long *a)
{
	return a[1] == F_DUPFD || a[1] == F_DUPFD_CLOEXEC;
}

/* Messages, which may have fds in them, whatever the socket is. */
static bool on_messages(long number, const long *a, long *ret)
{
	switch (number) {
	AS(recvmsg, recvmsg(FD(0), PTR(1), INT(2)))
	AS(recvmmsg, recvmmsg(FD(0), PTR(1), UNSIGNED(2), INT(3), PTR(4)))
	AS(sendmsg, sendmsg(FD(0), PTR(1), INT(2)))
	AS(sendmmsg, sendmmsg(FD(0), PTR(1), UNSIGNED(2), INT(3)))
	default:
		return false;
	}
}

/* What ends this program, or begins another in its place. */
static bool on_ends(long number, const long *a, long *ret)
{
	switch (number) {
	AS(execve, execve(PTR(0), PTR(1), PTR(2)))
	AS(execveat, execveat(FD(0), PTR(1), PTR(2), PTR(3), INT(4)))
	case SYS_exit_group:
		_exit(INT(0));
	default:
		return false;
	}
}

/* Numbers that come and go, and calls with more than one fd. */
static bool on_numbers(long number, const long *a, long *ret)
{
	switch (number) {
	AS(close, close(FD(0)))
	AS(close_range, close_range(UNSIGNED(0), UNSIGNED(1), INT(2)))
	AS(dup, dup(FD(0)))
#ifdef SYS_dup2
	AS(dup2, dup2(FD(0), FD(1)))
	AS(pipe, pipe(PTR(0)))
	AS(epoll_create, epoll_create(INT(0)))
#endif
	AS(dup3, dup3(FD(0), FD(1), INT(2)))
	AS(pipe2, pipe2(PTR(0), INT(1)))
	AS(socket, socket(INT(0), INT(1), INT(2)))
	AS(socketpair, socketpair(INT(0), INT(1), INT(2), PTR(3)))
	AS(epoll_create1, epoll_create1(INT(0)))
	AS(setsockopt, setsockopt(FD(0), INT(1), INT(2), PTR(3),
				  (socklen_t)a[4]))
	AS(unshare, unshare(INT(0)))
	AS(setns, setns(FD(0), INT(1)))
	AS(setrlimit, setrlimit(UNSIGNED(0), PTR(1)))
	AS(prlimit64, prlimit64((pid_t)a[0], UNSIGNED(1), PTR(2), PTR(3)))
	AS(connect, connect(FD(0), PTR(1), (socklen_t)a[2]))
	AS(accept, accept(FD(0), PTR(1), PTR(2)))
	AS(accept4, accept4(FD(0), PTR(1), PTR(2), INT(3)))
	AS(sendfile, sendfile64(FD(0), FD(1), PTR(2), SIZE(3)))
	AS(splice, splice(FD(0), PTR(1), FD(2), PTR(3), SIZE(4), UNSIGNED(5)))
	case SYS_fcntl:
		if (!duplicates(a))
			return false;
		*ret = fcntl(FD(0), INT(1), a[2]);
		return true;
	default:
		return false;
	}
}

/* Does it return a new number? */
static bool makes_fd(long number)
{
	switch (number) {
#ifdef SYS_open
	case SYS_open:
	case SYS_creat:
	case SYS_eventfd:
	case SYS_signalfd:
	case SYS_inotify_init:
#endif
	case SYS_openat:
	case SYS_openat2:
	case SYS_eventfd2:
	case SYS_signalfd4:
	case SYS_timerfd_create:
	case SYS_memfd_create:
	case SYS_inotify_init1:
	case SYS_fanotify_init:
	case SYS_perf_event_open:
	case SYS_userfaultfd:
	case SYS_mq_open:
	case SYS_pidfd_open:
	case SYS_pidfd_getfd:
	case SYS_io_uring_setup:
		return true;
	default:
		return false;
	}
}

/* The kernel's signal sets are shorter than libc's. */
static const sigset_t *widen(const void *mask, sigset_t *set)
{
	if (!mask)
		return NULL;
	sigemptyset(set);
	memcpy(set, mask, KERNEL_SIGSET_SIZE);
	return set;
}

static void store_left(struct timespec *timeout, uint64_t until)
{
	uint64_t now = clock_us(), left = until > now ? until - now : 0;

	if (!timeout)
		return;
	timeout->tv_sec = (time_t)(left / 1000000);
	timeout->tv_nsec = (long)(left % 1000000 * 1000);
}

/* ppoll and pselect6 store the time that is left; libc's do not. */
static bool on_ppoll(const long *a, long *ret)
{
	struct timespec *timeout = PTR(2);
	sigset_t set;
	uint64_t until;

	if (!a[0] || (a[3] && a[4] != KERNEL_SIGSET_SIZE) ||
	    !ready_concerns(PTR(0), (nfds_t)a[1]))
		return false;
	until = ready_until(timeout);
	*ret = ppoll(PTR(0), (nfds_t)a[1], timeout, widen(PTR(3), &set));
	store_left(timeout, until);
	return true;
}

static bool on_pselect(const long *a, long *ret)
{
	const struct { const void *mask; size_t size; } *signals = PTR(5);
	const void *mask = signals ? signals->mask : NULL;
	struct timespec *timeout = PTR(4);
	sigset_t set;
	uint64_t until;

	if ((mask && signals->size != KERNEL_SIGSET_SIZE) ||
	    !ready_concerns_sets(INT(0), PTR(1), PTR(2), PTR(3)))
		return false;
	until = ready_until(timeout);
	*ret = pselect(INT(0), PTR(1), PTR(2), PTR(3), timeout,
		       widen(mask, &set));
	store_left(timeout, until);
	return true;
}

static bool on_epoll_pwait(long number, const long *a, long *ret)
{
	sigset_t set;
	const sigset_t *mask;

	if (!fdtab_maybe(FD(0)) || (a[4] && a[5] != KERNEL_SIGSET_SIZE))
		return false;
	mask = widen(PTR(4), &set);
	if (number == SYS_epoll_pwait)
		*ret = epoll_pwait(FD(0), PTR(1), INT(2), INT(3), mask);
	else
		*ret = epoll_pwait2(FD(0), PTR(1), INT(2), PTR(3), mask);
	return true;
}

static bool on_waits(long number, const long *a, long *ret)
{
	switch (number) {
#ifdef SYS_poll
	case SYS_poll:
		if (!a[0] || !ready_concerns(PTR(0), (nfds_t)a[1]))
			return false;
		*ret = poll(PTR(0), (nfds_t)a[1], INT(2));
		return true;
	case SYS_select:
		if (!ready_concerns_sets(INT(0), PTR(1), PTR(2), PTR(3)))
			return false;
		*ret = select(INT(0), PTR(1), PTR(2), PTR(3), PTR(4));
		return true;
#endif
	case SYS_ppoll:
		return on_ppoll(a, ret);
	case SYS_pselect6:
		return on_pselect(a, ret);
	case SYS_epoll_pwait:
#ifdef SYS_epoll_pwait2
	case SYS_epoll_pwait2:
#endif
		return on_epoll_pwait(number, a, ret);
	default:
		return false;
	}
}

static bool is_ours(long number, const long *a, long *ret)
{
	if (fdtab_maybe(FD(0)) &&
	    (on_bytes(number, a, ret) || on_state(number, a, ret)))
		return true;
	return on_numbers(number, a, ret) || on_messages(number, a, ret) ||
	       on_waits(number, a, ret) || on_ends(number, a, ret);
}

/*
 * A fork without libc: its handlers do not run, and in the child locks of libc
 * may be held by threads that are not there. So it is to find plain sockets.
 */
static bool forks(long number, const long *a)
{
	switch (number) {
#ifdef SYS_fork
	case SYS_fork:
		return true;
#endif
	case SYS_clone:
		return !(a[0] & CLONE_VM);
#ifdef SYS_clone3
	case SYS_clone3:
		return !bad_pointer(a[0]) &&
		       !(*(const uint64_t *)PTR(0) & CLONE_VM);
#endif
	default:
		return false;
	}
}

SHIM long syscall(long number, ...)
{
	long a[6], ret;
	va_list args;
	int i;

	va_start(args, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (real_ready() && is_ours(number, a, &ret))
		return ret;
	if (real_ready() && forks(number, a) && shim_owns_process())
		shim_send_all_back(REASON_forked);
	if (real_ready() && number == SYS_io_submit) {
		ret = aio_before_submit(a[1], PTR(2));
		if (ret < 0)
			return shim_result(ret);
	}
	ret = real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (ret >= 0 && makes_fd(number))
		shim_forget((int)ret);
	if (ret >= 0 && number == SYS_io_uring_setup)
		verdict_forbid(REASON_io_uring, LOG_WARN);
	return ret;
}
