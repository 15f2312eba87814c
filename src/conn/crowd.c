// SPDX-License-Identifier: BSD-2-Clause
#include "conn/crowd.h"

#include "conn/parts.h"

static struct lock lock = LOCK_INIT(crowd);
static struct conn *first;
static uint64_t made;

void crowd_enter(struct conn *conn)
{
	lock_acquire(&lock);
	conn->account.number = ++made;
	conn->account.next = first;
	conn->account.link = &first;
	if (first)
		first->account.link = &conn->account.next;
	first = conn;
	lock_release(&lock);
}

void crowd_leave(struct conn *conn)
{
	lock_acquire(&lock);
	*conn->account.link = conn->account.next;
	if (conn->account.next)
		conn->account.next->account.link = conn->account.link;
	lock_release(&lock);
}

/* With the lock. False: it is being freed. */
static bool hold_living(struct conn *conn)
{
	unsigned holders = conn->holders;

	while (holders > 0)
		if (atomic_compare_exchange_weak(&conn->holders, &holders,
						 holders + 1))
			return true;
	return false;
}

unsigned crowd_hold(const struct conn *after, struct conn **piece,
		    unsigned most)
{
	struct conn *conn;
	unsigned count = 0;

	lock_acquire(&lock);
	conn = after ? after->account.next : first;
	for (; conn && count < most; conn = conn->account.next)
		if (hold_living(conn))
			piece[count++] = conn;
	lock_release(&lock);
	return count;
}

void crowd_after_fork(void)
{
	lock_init(&lock, LOCK_crowd);
}

void crowd_each_inherited(void (*visit)(struct conn *conn))
{
	struct conn *conn;

	for (conn = first; conn; conn = conn->account.next)
		visit(conn);
}
