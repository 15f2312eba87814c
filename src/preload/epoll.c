// SPDX-License-Identifier: BSD-2-Clause
/* epoll(7): sets without connections of ours pass through. */
#include "base/clock.h"
#include "preload/shim.h"
#include "preload/verdict.h"
#include "rdma/rdma.h"
#include "ready/epoll.h"
#include "ready/ready.h"

/* The set of this epoll fd, held, or NULL. */
static struct epollset *set_of(int epfd)
{
	struct fdtab_object *object;
	struct epollset *set;

	if (!fdtab_maybe(epfd))
		return NULL;
	object = fdtab_hold(epfd, NULL);
	set = epollset_from(object);
	if (object && !set)
		fdtab_release(object);
	return set;
}

static void done(struct epollset *set)
{
	int saved = errno;

	fdtab_release((struct fdtab_object *)set);
	errno = saved;
}

static int made(int epfd)
{
	shim_fresh(epfd);
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

SHIM int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	struct epollset *set = set_of(epfd);
	struct conn *conn;
	int ret, saved = errno;

	if (!set)
		return real.epoll_ctl(epfd, op, fd, event);
	conn = shim_conn(fd);
	if (!event && op != EPOLL_CTL_DEL)
		ret = -EFAULT;
	else
		ret = epollset_ctl(set, op, fd, conn, event);
	if (conn)
		shim_done(conn);
	done(set);
	errno = saved;
	return (int)shim_result(ret);
}

/* A set that has something of ours in it; NULL: the kernel's business. */
static struct epollset *busy_set(int epfd, bool usable)
{
	struct epollset *set = usable ? set_of(epfd) : NULL;

	if (set && epollset_is_plain(set)) {
		done(set);
		set = NULL;
	}
	return set;
}

static int wait_on(struct epollset *set, struct epoll_event *events, int max,
		   uint64_t until, const sigset_t *mask, int saved)
{
	int ret = epollset_wait(set, events, max, until, mask);

	done(set);
	errno = saved;
	return (int)shim_result(ret);
}

static uint64_t until_of(int timeout)
{
	return timeout < 0 ? READY_FOREVER
			   : clock_us() + (uint64_t)timeout * 1000;
}

SHIM int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	int saved = errno;
	struct epollset *set = busy_set(epfd, max > 0 && events);

	if (!set)
		return real.epoll_wait(epfd, events, max, timeout);
	return wait_on(set, events, max, until_of(timeout), NULL, saved);
}

SHIM int epoll_pwait(int epfd, struct epoll_event *events, int max,
		     int timeout, const sigset_t *mask)
{
	int saved = errno;
	struct epollset *set = busy_set(epfd, max > 0 && events);

	if (!set)
		return real.epoll_pwait(epfd, events, max, timeout, mask);
	return wait_on(set, events, max, until_of(timeout), mask, saved);
}

SHIM int epoll_pwait2(int epfd, struct epoll_event *events, int max,
		      const struct timespec *timeout, const sigset_t *mask)
{
	int saved = errno;
	struct epollset *set = busy_set(epfd, max > 0 && events);

	if (!set)
		return real.epoll_pwait2(epfd, events, max, timeout, mask);
	return wait_on(set, events, max, ready_until(timeout), mask, saved);
}
