// SPDX-License-Identifier: BSD-2-Clause
/* epoll_ctl(2): registrations, of connections and of plain fds. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/real.h"
#include "ready/epoll_set.h"

/* What it allows beside EPOLLEXCLUSIVE. */
#define EXCLUSIVE_WITH (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | \
			EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

static struct registration *find(struct epollset *set, int fd)
{
	struct registration *registration;

	HASH_FIND_NUMBER(set->registrations, fd, registration);
	return registration;
}

static struct registration *new_registration(struct epollset *set, int fd,
					     const struct epoll_event *event)
{
	struct registration *registration = memory_new(sizeof(*registration));

	if (!registration)
		return NULL;
	registration->fd = fd;
	registration->events = event->events;
	registration->data = event->data;
	HASH_ADD_NUMBER(set->registrations, fd, registration);
	if (registration->hh.tbl)
		return registration;
	memory_free(registration);
	return NULL;
}

/*
 * The fresh member hears of its connection from now on. Another thread may
 * have looked at it, or taken it out, before: what came in between is looked
 * for once more.
 */
static void listen_to(struct member *member)
{
	struct conn *conn = member->conn;
	bool gone;

	atomic_fetch_add(&member->references, 1);
	conn_waiter_add(conn, &member->waiter);
	if (conn_is_plain(conn) && conn_waiter_remove(conn, &member->waiter))
		member->waiter.plain(&member->waiter);
	lock_acquire(&member->set->lock);
	gone = member->gone;
	member_dirty_locked(member);
	lock_release(&member->set->lock);
	if (gone && conn_waiter_remove(conn, &member->waiter))
		member_release(member);
	member_release(member);
}

static int add(struct epollset *set, int fd, struct conn *conn,
	       const struct epoll_event *event)
{
	struct registration *registration;
	struct member *member = NULL;
	bool fresh = false;
	int ret = -ENOMEM;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration && registration->member) {
		ret = -EEXIST;
		goto out;
	}
	if (registration) {	/* a stale note */
		HASH_DEL(set->registrations, registration);
		memory_free(registration);
	}
	member = member_of_locked(set, conn);
	fresh = !member;
	if (!member)
		member = member_new_locked(set, conn);
	registration = member ? new_registration(set, fd, event) : NULL;
	if (!registration)
		goto out;
	registration->member = member;
	registration->sibling = member->registrations;
	member->registrations = registration;
	member_dirty_locked(member);
	ret = 0;
out:
	lock_release(&set->lock);
	if (fresh && member)
		listen_to(member);
	epollset_ring(set);
	return ret;
}

static int modify(struct epollset *set, int fd,
		  const struct epoll_event *event)
{
	struct registration *registration;
	int ret = -ENOENT;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration && registration->member &&
	    ((registration->events | event->events) & EPOLLEXCLUSIVE)) {
		ret = -EINVAL;
	} else if (registration && registration->member) {
		registration->events = event->events;
		registration->data = event->data;
		registration->disabled = false;
		registration->told = 0;
		member_dirty_locked(registration->member);
		ret = 0;
	}
	lock_release(&set->lock);
	epollset_ring(set);
	return ret;
}

/* With lock: one registration off its member; true: it was the last. */
static bool detach(struct registration *registration)
{
	struct member *member = registration->member;
	struct registration **link = &member->registrations;

	while (*link != registration)
		link = &(*link)->sibling;
	*link = registration->sibling;
	HASH_DEL(member->set->registrations, registration);
	memory_free(registration);
	if (member->registrations)
		return false;
	member_remove_locked(member);
	return true;
}

static int del(struct epollset *set, int fd)
{
	struct registration *registration;
	struct member *member = NULL;
	bool last = false;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration)
		member = registration->member;
	if (member) {
		atomic_fetch_add(&member->references, 1);
		last = detach(registration);
	}
	lock_release(&set->lock);
	if (!member)
		return -ENOENT;
	if (last && conn_waiter_remove(member->conn, &member->waiter))
		member_release(member);
	member_release(member);
	return 0;
}

/*
 * A plain fd, which connect() may make a connection: remember the event. What
 * is taken out of the set is kept for the next time: many programs put an fd
 * in and take it out again for each message.
 */
static void note(struct epollset *set, int op, int fd,
		 const struct epoll_event *event)
{
	struct registration *registration;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (!registration && op != EPOLL_CTL_DEL)
		registration = new_registration(set, fd, event);
	if (registration && !registration->member) {
		registration->noted = op != EPOLL_CTL_DEL;
		if (registration->noted) {
			registration->events = event->events;
			registration->data = event->data;
		}
	}
	lock_release(&set->lock);
}

/* The fd's connection has become plain, and its set has not heard of it. */
static void catch_up(struct epollset *set, int fd)
{
	struct registration *registration;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration && registration->member &&
	    conn_is_plain(registration->member->conn))
		member_to_kernel_locked(registration->member);
	lock_release(&set->lock);
}

static int plain_ctl(struct epollset *set, int op, int fd,
		     struct epoll_event *event)
{
	struct fdtab_object *object = fdtab_hold(fd, NULL);
	struct epollset *inner = epollset_from(object);
	int ret;

	if (!epollset_is_plain(set))
		catch_up(set, fd);
	ret = real.epoll_ctl(set->epoll, op, fd, event) == 0 ? 0 : -errno;
	if (ret == 0 && inner && op == EPOLL_CTL_ADD)
		epollset_nest(set, inner);
	else if (ret == 0 && inner && op == EPOLL_CTL_DEL)
		epollset_unnest(set, inner);
	else if (ret == 0 && !inner)
		note(set, op, fd, event);
	if (object)
		fdtab_release(object);
	return ret;
}

/* Is it in there as another connection, which a call in flight keeps? */
static bool is_former(struct epollset *set, int fd, struct conn *conn)
{
	struct registration *registration;
	bool former;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	former = registration && registration->member &&
		 registration->member->conn != conn;
	lock_release(&set->lock);
	return former;
}

static int conn_ctl(struct epollset *set, int op, int fd, struct conn *conn,
		    struct epoll_event *event)
{
	switch (op) {
	case EPOLL_CTL_ADD:
		if (is_former(set, fd, conn))
			del(set, fd);
		if ((event->events & EPOLLEXCLUSIVE) &&
		    (event->events & ~EXCLUSIVE_WITH))
			return -EINVAL;
		return add(set, fd, conn, event);
	case EPOLL_CTL_MOD:
		return modify(set, fd, event);
	case EPOLL_CTL_DEL:
		return del(set, fd);
	default:
		return -EINVAL;
	}
}

/*
 * connect() in another thread may have made a connection of the plain fd since.
 * It enters that into the table and then looks for what is noted; here it is
 * noted, or was not there, and then the table is looked at.
 */
static int meet(struct epollset *set, int op, int fd,
		struct epoll_event *event, int ret)
{
	struct fdtab_object *object = fdtab_hold(fd, NULL);
	struct conn *conn = conn_from(object);

	if (conn && !conn_is_plain(conn)) {
		if (ret == -ENOENT)
			ret = conn_ctl(set, op, fd, conn, event);
		else if (ret == 0 && op != EPOLL_CTL_DEL)
			epollset_take_over(set, fd, conn);
	}
	if (object)
		fdtab_release(object);
	return ret;
}

/*
 * A connection becomes plain on some other thread: in the table a moment
 * longer, but registered with the kernel already.
 */
int epollset_ctl(struct epollset *set, int op, int fd, struct conn *conn,
		 struct epoll_event *event)
{
	int ret = conn && !conn_is_plain(conn)
			  ? conn_ctl(set, op, fd, conn, event)
			  : -ENOENT;

	if (ret == -ENOENT && (!conn || conn_is_plain(conn)))
		ret = plain_ctl(set, op, fd, event);
	return !conn && fdtab_maybe(fd) ? meet(set, op, fd, event, ret) : ret;
}

/* A noted registration, off the kernel's set; false: there was none. */
static bool take_note(struct epollset *set, int fd, struct epoll_event *event)
{
	struct registration *registration;
	bool there = false;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration && registration->noted) {
		event->events = registration->events;
		event->data = registration->data;
		HASH_DEL(set->registrations, registration);
		memory_free(registration);
		there = real.epoll_ctl(set->epoll, EPOLL_CTL_DEL, fd, NULL) ==
			0;
	}
	lock_release(&set->lock);
	return there;
}

void epollset_take_over(struct epollset *set, int fd, struct conn *conn)
{
	struct epoll_event event;

	if (!take_note(set, fd, &event) || add(set, fd, conn, &event) == 0)
		return;
	conn_refuse(conn, REASON_no_memory);
	real.epoll_ctl(set->epoll, EPOLL_CTL_ADD, fd, &event);
}
