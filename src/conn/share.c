// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a process says of a connection to the others that have it.
 */
#include "conn/share.h"

#include <unistd.h>

#include "base/memory.h"
#include "conn/early.h"
#include "conn/hold.h"
#include "conn/parts.h"
#include "conn/watch.h"

/*
 * This process leaves accepted connections to its children: HELLO is answered
 * by who touches one first, not in accept().
 */
static atomic_bool greets_late;

void share_greet_late(void)
{
	greets_late = true;
}

bool share_greets_late(void)
{
	return greets_late;
}

bool conn_is_away(const struct conn *conn)
{
	return family_is_away(conn);
}

bool share_untouched(const struct conn *conn)
{
	return conn->role == CONN_PASSIVE &&
	       conn_state(conn) == STATE_greeting &&
	       conn->rx.stage == RX_GREET && conn->tx.stage == TX_HOLD &&
	       !conn->greeting.reply_due && !hold_any(conn);
}

bool share_is_ours(struct conn *conn)
{
	return conn->forked.share && !family_is_away(conn);
}

/* Does its share, if it has one of ours, say this? */
bool share_says(struct conn *conn, enum share_stage stage)
{
	bool is;

	lock_acquire(&family_lock);
	is = share_is_ours(conn) && conn->forked.share->stage == stage;
	lock_release(&family_lock);
	return is;
}

void share_forget(struct conn *conn)
{
	conn->forked.share = NULL;
	if (--conn->forked.pages->users == 0)
		pages_free(conn->forked.pages);
	conn->forked.pages = NULL;
}

void share_owe(struct conn *conn)
{
	conn->forked.owed = true;
	if (conn_is_plain(conn) || conn_state(conn) == STATE_dead) {
		share_settled(conn);
		return;
	}
	watch_conn(conn);
}

void share_settled(struct conn *conn)
{
	bool plain = conn_is_plain(conn);

	lock_acquire(&family_lock);
	if (conn->forked.taken && plain)
		share_step(&conn->forked.taken->stage, SHARE_ON_taken_back);
	if (conn->forked.share && !family_is_away(conn)) {
		conn->forked.share->error = conn->failure.error;
		share_step(&conn->forked.share->stage,
			   plain ? SHARE_ON_plain : SHARE_ON_dead);
	}
	lock_release(&family_lock);
}

void share_hand_over(struct conn *conn)
{
	struct pages *to;
	uint64_t at;
	bool done = false;

	lock_acquire(&conn->rx.lock);
	lock_acquire(&family_lock);
	to = conn->forked.share ? conn->forked.pages : NULL;
	if (to && conn->rx.early.size) {
		at = atomic_fetch_add(&to->end, conn->rx.early.size);
		done = pages_put(to, at,
				 conn->rx.early.bytes + conn->rx.early.at,
				 conn->rx.early.size);
		conn->forked.share->early_at = at;
		conn->forked.share->early_size = done ? conn->rx.early.size : 0;
	}
	lock_release(&family_lock);
	if (done)
		conn_early_drop(conn);
	lock_release(&conn->rx.lock);
}
