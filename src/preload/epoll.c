// SPDX-License-Identifier: BSD-2-Clause
/* epoll(7): sets without connections of ours pass through. */
#include <fcntl.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "preload/shim.h"
#include "preload/vectors.h"
#include "preload/verdict.h"
#include "rdma/rdma.h"
#include "ready/asleep.h"
#include "ready/epoll.h"
#include "ready/ready.h"

/* The set of this epoll fd, held, or NULL. */
static struct epollset *set_of(int epfd)
{
	struct fdtab_object *object;
	struct epollset *set;

	if (!fdtab_maybe(epfd))
		return NULL;
	asleep_sweep();
	cancel_hold();
	object = fdtab_hold(epfd, NULL);
	set = epollset_from(object);
	if (object && !set)
		fdtab_release(object);
	if (!set)
		cancel_release();
	return set;
}

static void done(struct epollset *set)
{
	int saved = errno;

	fdtab_release((struct fdtab_object *)set);
	cancel_release();
	errno = saved;
}

static int made(int epfd)
{
	epfd = shim_fresh(epfd);
	if (epfd >= 0 && (verdict_possible(POLICY_CONNECT) ||
			  verdict_possible(POLICY_LISTEN)))
		epollset_made(epfd);
	return epfd;
}

SHIM int epoll_create(int size)
{
	return made(real.epoll_create(size));
}

SHIM int epoll_create1(int flags)
{
	return made(real.epoll_create1(flags));
}

/*
 * The set is none of ours: it was made while no rule wanted a lane, or where
 * there was no room for it, or by another process. So the kernel alone is
 * asked, and what is in it has to be the kernel's.
 */
static void leave_to_kernel(int epfd, int fd)
{
	struct conn *conn = shim_conn(fd);
	int saved = errno;

	if (conn && !conn_is_plain(conn) &&
	    real.fcntl(epfd, F_GETFD, NULL) >= 0)
		(void)ready_make_plain(conn, REASON_epoll);
	if (conn)
		shim_done(conn);
	errno = saved;
}

SHIM int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	struct epollset *set;
	struct conn *conn;
	int ret, saved = errno;

	if (fd_is_judged(fd))
		return real.epoll_ctl(epfd, op, fd, event);
	set = set_of(epfd);
	if (!set) {
		if (op != EPOLL_CTL_DEL && fdtab_maybe(fd))
			leave_to_kernel(epfd, fd);
		return real.epoll_ctl(epfd, op, fd, event);
	}
	conn = shim_conn(fd);
	if (bad_pointer(event) && op != EPOLL_CTL_DEL)
		ret = -EFAULT;
	else
		ret = epollset_ctl(set, op, fd, conn, event);
	/* The kernel has room for it, we have not: RLIMIT_NOFILE, memory. */
	if (ret == -ENOMEM && conn && op == EPOLL_CTL_ADD &&
	    ready_make_plain(conn, REASON_no_memory) == 0)
		ret = epollset_ctl(set, op, fd, conn, event);
	if (conn)
		shim_done(conn);
	done(set);
	errno = saved;
	return (int)shim_result(ret);
}

/* The set if the kernel's answer would not do, held. */
static struct epollset *busy_set(int epfd, int max, bool good)
{
	struct epollset *set = NULL;

	if (epollset_all_plain())
		return NULL;
	pthread_testcancel();
	if (max > 0 && good)
		set = set_of(epfd);
	if (set && epollset_is_plain(set)) {
		done(set);
		set = NULL;
	}
	return set;
}

/* The clock is asked only by those who may have to wait again. */
static uint64_t until_of(int timeout)
{
	if (timeout <= 0)
		return timeout < 0 ? READY_FOREVER : 0;
	return clock_us() + (uint64_t)timeout * 1000;
}

static int wait_on(struct epollset *set, struct epoll_event *events, int max,
		   uint64_t until, const sigset_t *mask)
{
	int saved = errno, ret = epollset_wait(set, events, max, until, mask);

	done(set);
	errno = saved;
	return (int)shim_result(ret);
}

/*
 * The set was plain, and is not any more: some of the `ret` events are ours to
 * look at, and none may be left.
 */
SHIM_REST int sort(int epfd, struct epoll_event *events, int max,
		   uint64_t until, const sigset_t *mask, int ret)
{
	struct epollset *set = set_of(epfd);

	if (!set)
		return ret;	/* closed meanwhile */
	ret = epollset_sort(set, events, ret);
	if (ret == 0)
		return wait_on(set, events, max, until, mask);
	done(set);
	return ret;
}

static int passed(int epfd, struct epoll_event *events, int max, uint64_t until,
		  const sigset_t *mask, int ret)
{
	if (ret > 0 && __builtin_expect(epollset_tagged(events, ret), 0))
		return sort(epfd, events, max, until, mask, ret);
	return ret;
}

SHIM_REST int wait_known(int epfd, struct epoll_event *events, int max,
			 int timeout)
{
	struct epollset *set = busy_set(epfd, max, !bad_pointer(events));
	uint64_t until = until_of(timeout);

	if (set)
		return wait_on(set, events, max, until, NULL);
	return passed(epfd, events, max, until, NULL,
		      real.epoll_wait(epfd, events, max, timeout));
}

/* No set has a connection: the clock, and no more. */
__attribute__((hot)) SHIM_REST int wait_timed(int epfd,
					      struct epoll_event *events,
					      int max, int timeout)
{
	uint64_t until = until_of(timeout);

	return passed(epfd, events, max, until, NULL,
		      real.epoll_wait(epfd, events, max, timeout));
}

SHIM_OFTEN int epoll_wait(int epfd, struct epoll_event *events, int max,
			  int timeout)
{
	int ret;

	if (!fdtab_maybe(epfd))
		return real.epoll_wait(epfd, events, max, timeout);
	if (!epollset_all_plain())
		return wait_known(epfd, events, max, timeout);
	if (timeout > 0)
		return wait_timed(epfd, events, max, timeout);
	ret = real.epoll_wait(epfd, events, max, timeout);
	if (ret <= 0)
		return ret;
	return passed(epfd, events, max, until_of(timeout), NULL, ret);
}

SHIM_OFTEN int epoll_pwait(int epfd, struct epoll_event *events, int max,
			   int timeout, const sigset_t *mask)
{
	struct epollset *set;
	uint64_t until;

	if (!fdtab_maybe(epfd))
		return real.epoll_pwait(epfd, events, max, timeout, mask);
	set = busy_set(epfd, max, !bad_pointer(events));
	until = until_of(timeout);
	if (set)
		return wait_on(set, events, max, until, mask);
	return passed(epfd, events, max, until, mask,
		      real.epoll_pwait(epfd, events, max, timeout, mask));
}

SHIM int epoll_pwait2(int epfd, struct epoll_event *events, int max,
		      const struct timespec *timeout, const sigset_t *mask)
{
	bool good = !bad_pointer(events) && shim_valid_timeout(timeout);
	struct epollset *set;
	uint64_t until;

	if (!fdtab_maybe(epfd) || !good)
		return real.epoll_pwait2(epfd, events, max, timeout, mask);
	set = busy_set(epfd, max, good);
	until = ready_until(timeout);
	if (set)
		return wait_on(set, events, max, until, mask);
	return passed(epfd, events, max, until, mask,
		      real.epoll_pwait2(epfd, events, max, timeout, mask));
}
