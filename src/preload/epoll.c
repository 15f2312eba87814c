// SPDX-License-Identifier: BSD-2-Clause
/* epoll(7): sets without connections of ours pass through. */
#include "base/clock.h"
#include "preload/shim.h"
#include "preload/vectors.h"
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
	if (bad_pointer(event) && op != EPOLL_CTL_DEL)
		ret = -EFAULT;
	else
		ret = epollset_ctl(set, op, fd, conn, event);
	if (conn)
		shim_done(conn);
	done(set);
	errno = saved;
	return (int)shim_result(ret);
}

/* NULL: not ours, or an argument that the kernel is to refuse. */
static struct epollset *usable_set(int epfd, int max, bool good)
{
	return max > 0 && good ? set_of(epfd) : NULL;
}

static uint64_t until_of(int timeout)
{
	return timeout < 0 ? READY_FOREVER
			   : clock_us() + (uint64_t)timeout * 1000;
}

/*
 * `ret` is the kernel's answer if the set was plain. If it is not any more,
 * some of the events may be ours to look at, and none be left.
 */
static int finish(struct epollset *set, struct epoll_event *events, int max,
		  uint64_t until, const sigset_t *mask, int ret)
{
	int saved = errno;

	if (ret > 0 && (ret = epollset_sort(set, events, ret)) == 0) {
		ret = epollset_wait(set, events, max, until, mask);
		done(set);
		return (int)shim_result(ret);
	}
	done(set);
	errno = saved;
	return ret;
}

static int wait_on(struct epollset *set, struct epoll_event *events, int max,
		   uint64_t until, const sigset_t *mask)
{
	int saved = errno, ret = epollset_wait(set, events, max, until, mask);

	done(set);
	errno = saved;
	return (int)shim_result(ret);
}

SHIM int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	struct epollset *set = usable_set(epfd, max, !bad_pointer(events));
	uint64_t until;

	if (!set)
		return real.epoll_wait(epfd, events, max, timeout);
	until = until_of(timeout);
	if (!epollset_is_plain(set))
		return wait_on(set, events, max, until, NULL);
	return finish(set, events, max, until, NULL,
		      real.epoll_wait(epfd, events, max, timeout));
}

SHIM int epoll_pwait(int epfd, struct epoll_event *events, int max,
		     int timeout, const sigset_t *mask)
{
	struct epollset *set = usable_set(epfd, max, !bad_pointer(events));
	uint64_t until;

	if (!set)
		return real.epoll_pwait(epfd, events, max, timeout, mask);
	until = until_of(timeout);
	if (!epollset_is_plain(set))
		return wait_on(set, events, max, until, mask);
	return finish(set, events, max, until, mask,
		      real.epoll_pwait(epfd, events, max, timeout, mask));
}

SHIM int epoll_pwait2(int epfd, struct epoll_event *events, int max,
		      const struct timespec *timeout, const sigset_t *mask)
{
	bool good = !bad_pointer(events) && shim_valid_timeout(timeout);
	struct epollset *set = usable_set(epfd, max, good);
	uint64_t until;

	if (!set)
		return real.epoll_pwait2(epfd, events, max, timeout, mask);
	until = ready_until(timeout);
	if (!epollset_is_plain(set))
		return wait_on(set, events, max, until, mask);
	return finish(set, events, max, until, mask,
		      real.epoll_pwait2(epfd, events, max, timeout, mask));
}
