// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who sleeps on a connection, and the epoll sets that it is in: they are rung
 * when there is news that no fd tells.
 */
#include "conn/core.h"
#include "conn/parts.h"

void conn_ring(struct conn *conn, const struct conn_waiter *except)
{
	struct conn_waiter *waiter;

	lock_acquire(&conn->waits.lock);
	for (waiter = conn->waits.first; waiter; waiter = waiter->next)
		if (waiter != except)
			waiter->ring(waiter);
	lock_release(&conn->waits.lock);
}

void conn_waiter_add(struct conn *conn, struct conn_waiter *waiter)
{
	lock_acquire(&conn->waits.lock);
	waiter->next = conn->waits.first;
	conn->waits.first = waiter;
	if (waiter->used)
		atomic_fetch_add(&conn->waits.sets, 1);
	lock_release(&conn->waits.lock);
}

bool conn_waited_for(struct conn *conn)
{
	bool any;

	lock_acquire(&conn->waits.lock);
	any = conn->waits.first != NULL;
	lock_release(&conn->waits.lock);
	return any;
}

bool conn_waiter_remove(struct conn *conn, struct conn_waiter *waiter)
{
	struct conn_waiter **link;
	bool found = false;

	lock_acquire(&conn->waits.lock);
	for (link = &conn->waits.first; *link; link = &(*link)->next)
		if (*link == waiter) {
			*link = waiter->next;
			if (waiter->used)
				atomic_fetch_sub(&conn->waits.sets, 1);
			found = true;
			break;
		}
	lock_release(&conn->waits.lock);
	return found;
}

void conn_used(struct conn *conn, short drained)
{
	struct conn_waiter *waiter;

	lock_acquire(&conn->waits.lock);
	for (waiter = conn->waits.first; waiter; waiter = waiter->next)
		if (waiter->used)
			waiter->used(waiter, drained);
	lock_release(&conn->waits.lock);
}

void conn_end_waiters(struct conn *conn)
{
	struct conn_waiter *waiter;

	lock_acquire(&conn->waits.lock);
	while ((waiter = conn->waits.first)) {
		conn->waits.first = waiter->next;
		if (waiter->ended)
			waiter->ended(waiter);
	}
	atomic_store(&conn->waits.sets, 0);
	lock_release(&conn->waits.lock);
}

void conn_unarm_waiters(struct conn *conn)
{
	struct conn_waiter *waiter;

	lock_acquire(&conn->waits.lock);
	for (waiter = conn->waits.first; waiter; waiter = waiter->next)
		if (waiter->unarm)
			waiter->unarm(waiter);
	lock_release(&conn->waits.lock);
}

void conn_plain_waiters(struct conn *conn)
{
	struct conn_waiter **link = &conn->waits.first, *waiter;

	lock_acquire(&conn->waits.lock);
	while ((waiter = *link)) {
		if (!waiter->plain) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		atomic_fetch_sub(&conn->waits.sets, 1);
		waiter->plain(waiter);
	}
	lock_release(&conn->waits.lock);
}
