// SPDX-License-Identifier: BSD-2-Clause
/* poll(2), select(2) and their twins. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/libc.h"
#include "preload/shim.h"
#include "preload/vectors.h"
#include "rdma/rdma.h"
#include "ready/ready.h"

#define MANY_FDS 1024	/* more than this is checked against the limit */

bool shim_valid_timeout(const struct timespec *timeout)
{
	return !timeout || (timeout->tv_sec >= 0 && timeout->tv_nsec >= 0 &&
			    timeout->tv_nsec < 1000000000);
}

SHIM_REST bool over_limit(nfds_t n)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) != 0 || n > limit.rlim_cur;
}

/* Is it ours to answer? What the kernel refuses is left to it. */
static inline bool concerns(const struct pollfd *fds, nfds_t n)
{
	if (bad_pointer(fds) || (n > MANY_FDS && over_limit(n)))
		return false;
	return ready_concerns(fds, n);
}

static bool concerns_sets(int n, const fd_set *r, const fd_set *w,
			  const fd_set *e)
{
	if (n < 0 || (r && bad_pointer(r)) || (w && bad_pointer(w)) ||
	    (e && bad_pointer(e)))
		return false;
	return ready_concerns_sets(n, r, w, e);
}

SHIM_REST int poll_some(struct pollfd *fds, nfds_t n, int timeout)
{
	uint64_t until = READY_FOREVER;
	int ret, saved = errno;

	if (timeout >= 0)
		until = clock_us() + (uint64_t)timeout * 1000;
	ret = ready_poll(fds, n, until, NULL);
	errno = saved;
	return (int)shim_result(ret);
}

SHIM_REST int poll_many(struct pollfd *fds, nfds_t n, int timeout)
{
	return concerns(fds, n) ? poll_some(fds, n, timeout)
				: real.poll(fds, n, timeout);
}

/* What would want a stack frame is elsewhere. */
SHIM_OFTEN int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (rdma_poll_hooked())
		return rdma_poll_hook(fds, n, timeout);
	if (__builtin_expect(n > MANY_FDS, 0))
		return poll_many(fds, n, timeout);
	if (bad_pointer(fds) || !ready_concerns(fds, n))
		return real.poll(fds, n, timeout);
	return poll_some(fds, n, timeout);
}

SHIM int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	       const sigset_t *mask)
{
	int ret, saved = errno;

	if (!shim_valid_timeout(timeout) || !concerns(fds, n))
		return real.ppoll(fds, n, timeout, mask);
	ret = ready_poll(fds, n, ready_until(timeout), mask);
	errno = saved;
	return (int)shim_result(ret);
}

SHIM int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	if (size / sizeof(*fds) < n)
		shim_overrun();
	return poll(fds, n, timeout);
}

SHIM int __ppoll_chk(struct pollfd *fds, nfds_t n,
		     const struct timespec *timeout, const sigset_t *mask,
		     size_t size)
{
	if (size / sizeof(*fds) < n)
		shim_overrun();
	return ppoll(fds, n, timeout, mask);
}

/* Linux's select() stores the time that is left (select(2)); musl hides it. */
static void store_left(struct timeval *timeout, uint64_t until)
{
	uint64_t now = clock_us(), left = until > now ? until - now : 0;

	timeout->tv_sec = (time_t)(left / 1000000);
	timeout->tv_usec = (suseconds_t)(left % 1000000);
}

SHIM int select(int n, fd_set *r, fd_set *w, fd_set *e,
		struct timeval *timeout)
{
	uint64_t until = READY_FOREVER;
	int ret, saved = errno;

	n = ready_bound_sets(n);
	if ((timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0)) ||
	    !concerns_sets(n, r, w, e))
		return real.select(n, r, w, e, timeout);
	if (timeout)
		until = clock_until(timeout->tv_sec, timeout->tv_usec);
	ret = ready_select(n, r, w, e, until, NULL);
	if (timeout && !libc_is_musl())
		store_left(timeout, until);
	errno = saved;
	return (int)shim_result(ret);
}

SHIM int pselect(int n, fd_set *r, fd_set *w, fd_set *e,
		 const struct timespec *timeout, const sigset_t *mask)
{
	int ret, saved = errno;

	n = ready_bound_sets(n);
	if (!shim_valid_timeout(timeout) || !concerns_sets(n, r, w, e))
		return real.pselect(n, r, w, e, timeout, mask);
	ret = ready_select(n, r, w, e, ready_until(timeout), mask);
	errno = saved;
	return (int)shim_result(ret);
}

SHIM_ALIAS(poll)
SHIM_ALIAS(select)
