// SPDX-License-Identifier: BSD-2-Clause
/*
 * The connections whose TCP legs the service thread watches: no application
 * thread may be looking at them. Greetings of non-blocking connects, bytes that
 * are held, control records of lanes.
 *
 * A watched connection is held. Only the service thread gives up that hold,
 * between two rounds, so an event's pointer is always good.
 */
#include <sys/epoll.h>

#include "base/real.h"
#include "conn/core.h"
#include "conn/loop.h"
#include "conn/parts.h"
#include "conn/timer.h"
#include "conn/watch.h"

static struct lock lock = LOCK_INIT(watch);
static struct conn *watched, *gone;

/* With lock. Edge-triggered: adding it reports what is there already. */
static int begin(struct conn *conn)
{
	int ret;

	loop_source_set(&conn->watch.source, loop_hooks.look, conn);
	/* The thread may have its first event before we return. */
	watch_step(&conn->watch.stage, WATCH_ON_watched);
	ret = loop_add(conn->tcp, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		       &conn->watch.source);
	if (ret != 0) {
		watch_step(&conn->watch.stage, WATCH_ON_failed);
		return ret;
	}
	conn_hold(conn);
	conn->watch.next = watched;
	conn->watch.link = &watched;
	if (watched)
		watched->watch.link = &conn->watch.next;
	watched = conn;
	return 0;
}

int watch_conn(struct conn *conn)
{
	int ret = 0;

	lock_acquire(&lock);
	if (conn->watch.stage == WATCH_NEVER)
		ret = begin(conn);
	lock_release(&lock);
	watch_look(conn);
	return ret;
}

void watch_look(struct conn *conn)
{
	if (conn_watched(conn))
		timer_by(conn, TIME_AT_ONCE);
}

void watch_uncut(struct conn *conn)
{
	struct linger *before = &conn->close.before;

	if (before->l_onoff != LINGER_KEPT)
		real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, before,
				sizeof(*before));
	before->l_onoff = LINGER_KEPT;
}

void unwatch_conn(struct conn *conn)
{
	bool was;

	timer_forget(conn);
	lock_acquire(&lock);
	was = watch_step(&conn->watch.stage, WATCH_ON_over) == WATCH_ON;
	if (was) {
		loop_remove(conn->tcp);
		if (conn_is_plain(conn))
			watch_uncut(conn);
		*conn->watch.link = conn->watch.next;
		if (conn->watch.next)
			conn->watch.next->watch.link = conn->watch.link;
		conn->watch.next = gone;
		gone = conn;
	}
	lock_release(&lock);
	if (was)
		loop_wake();
}

struct conn *watch_after(struct conn *after)
{
	struct conn *conn;

	lock_acquire(&lock);
	/* Who has left meanwhile knows only others who have. */
	conn = after && conn_watched(after) ? after->watch.next : watched;
	if (conn)
		conn_hold(conn);
	lock_release(&lock);
	if (after)
		conn_drop(after);
	return conn;
}

bool watch_any(bool (*is_one)(struct conn *conn, unsigned how), unsigned how)
{
	struct conn *conn;
	bool any = false;

	lock_acquire(&lock);
	for (conn = watched; conn; conn = conn->watch.next)
		if (conn_watched(conn) && !conn->forked.parent)
			any |= is_one(conn, how);
	lock_release(&lock);
	return any;
}

void watch_drop_gone(void)
{
	struct conn *conn, *next;

	lock_acquire(&lock);
	conn = gone;
	gone = NULL;
	lock_release(&lock);
	for (; conn; conn = next) {
		next = conn->watch.next;
		conn_drop(conn);
	}
}

void watch_after_fork(void)
{
	lock_init(&lock, LOCK_watch);
	watched = gone = NULL;
}
