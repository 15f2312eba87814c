// SPDX-License-Identifier: BSD-2-Clause
#include "conn/crowd.h"

#include <stdlib.h>

#include "base/memory.h"
#include "conn/internal.h"

#define PIECE 128	/* connections looked at under the lock */

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

/* With the lock: the connections after that one, held; how many. */
static unsigned collect(struct conn *after, struct conn *piece[PIECE])
{
	struct conn *conn = after ? after->account.next : first;
	unsigned count = 0;

	for (; conn && count < PIECE; conn = conn->account.next)
		if (hold_living(conn))
			piece[count++] = conn;
	return count;
}

/* Is it one to be told of? Not held any more if not. */
static bool belongs(const struct conn *conn)
{
	return !conn_is_plain(conn) &&
	       atomic_load(&conn->object.references) > 0;
}

static bool make_room(struct crowd *crowd)
{
	size_t room = crowd->room * 2 + PIECE;
	struct conn **more;

	if (crowd->count < crowd->room)
		return true;
	more = memory_resize(crowd->conns, room * sizeof(struct conn *));
	if (!more) {
		crowd->incomplete = true;
		return false;
	}
	crowd->conns = more;
	crowd->room = room;
	return true;
}

void crowd_gather(struct crowd *crowd)
{
	struct conn *piece[PIECE], *after = NULL;
	unsigned i, count;

	*crowd = (struct crowd){ .count = 0 };
	do {
		lock_acquire(&lock);
		count = collect(after, piece);
		lock_release(&lock);
		if (after)
			conn_drop(after);
		/* The last one is held until the next piece is there. */
		after = count > 0 ? piece[count - 1] : NULL;
		if (after)
			conn_hold(after);
		for (i = 0; i < count; i++) {
			if (belongs(piece[i]) && make_room(crowd))
				crowd->conns[crowd->count++] = piece[i];
			else
				conn_drop(piece[i]);
		}
	} while (count > 0);
}

void crowd_disperse(struct crowd *crowd)
{
	while (crowd->count > 0)
		conn_drop(crowd->conns[--crowd->count]);
	memory_free(crowd->conns);
}

void crowd_after_fork(void)
{
	lock_init(&lock, LOCK_crowd);
}
