// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections that a child has inherited over fork(2): their lanes are its
 * parent's, who is asked for those that are touched.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/core.h"
#include "conn/early.h"
#include "conn/fin.h"
#include "conn/heir.h"
#include "conn/parts.h"
#include "conn/retreat.h"
#include "conn/share.h"
#include "diag/log.h"

/* A connection that we made nothing of: it is as if it were on its way back. */
static void inherit(struct conn *conn, struct parent *parent)
{
	conn->forked.parent = parent;
	atomic_fetch_add(&parent->users, 1);
	conn->forked.asked = false;
	conn->forked.owed = false;
	if (conn->forked.share->stage == SHARE_UNTOUCHED &&
	    share_untouched(conn))
		return;		/* family_claim() */
	conn_early_drop(conn);
	conn->leave.begun = false;
	rx_step(&conn->rx.stage, RX_ON_inherited);
	tx_step(&conn->tx.stage, TX_ON_inherited);
	conn->rx.end = conn->rx.boundary = OFFSET_NEVER;
	conn->leg.mark_ms = conn->lane.end_ms = conn->close.linger_ms =
	    TIME_NEVER;
	conn->close.peers = 0;
	conn->leg.end = LEG_OPEN;
	conn->failure.pending = 0;
	conn->leg.resume_seen = false;
	conn->failure.reset = false;
	memory_free(conn->greeting.held);
	conn->greeting.held = NULL;
	conn->greeting.held_size = 0;
	conn->greeting.held_at = 0;
	greeting_step(&conn->greeting.stage, GREETING_ON_inherited);
	conn->greeting.deadline_ms = TIME_NEVER;
	conn->lane.probed = 0;
	conn_jump_locked(conn, STATE_retreating, TRACE_inherited,
			 REASON_forked);
}

/* No share: there was no memory or fd for one. Nobody can be asked. */
static void disown(struct conn *conn)
{
	if (conn_state(conn) == STATE_plain || conn_state(conn) == STATE_dead)
		return;
	conn->failure.error = -EIO;
	conn_jump_locked(conn, STATE_dead, TRACE_disowned, REASON_forked);
	log_warn("a connection is the parent's, who cannot be asked for it");
}

/*
 * What another thread of the parent's was replacing while this one forked is
 * not ours to free: it may be freed already.
 */
static void leave_replaced(struct conn *conn)
{
	bool sends = !lock_is_free(&conn->tx.lock);

	if (!lock_is_free(&conn->rx.lock)) {
		conn->rx.early.bytes = NULL;
		conn->rx.early.size = 0;
		conn->rx.early.at = conn->rx.early.room = 0;
	}
	if (!lock_is_free(&conn->lock) || sends) {
		conn->greeting.held = NULL;
		conn->greeting.held_size = 0;
	}
}

void heir_begin_again(struct conn *conn)
{
	leave_replaced(conn);
	lock_init(&conn->lock, LOCK_conn);
	lock_init(&conn->rx.lock, LOCK_receive);
	lock_init(&conn->tx.lock, LOCK_send);
	lock_init(&conn->waits.lock, LOCK_waiters);
	conn->waits.first = NULL;
	watch_step(&conn->watch.stage, WATCH_ON_inherited);
	conn->join.expected = conn->join.awaits = false;
	conn->greeting.answering = false;
	conn->watch.place = 0;
	conn->lane.stall_watched = false;
	conn->account.unlogged = 0;
	conn->lane.users = 0;
	conn->lane.rs = -1;
	lane_step(&conn->lane.stage, LANE_ON_inherited);
	conn->due = 0;
}

void heir_inherit(struct conn *conn, struct parent *parent)
{
	enum conn_state state = conn_state(conn);

	heir_begin_again(conn);
	if (family_is_away(conn) || state == STATE_plain ||
	    state == STATE_dead)
		return;		/* as it was */
	if (parent)
		inherit(conn, parent);
	else if (!share_untouched(conn))
		disown(conn);
}

void heir_leave_alone(struct conn *conn)
{
	heir_begin_again(conn);
	if (!family_is_away(conn) && conn_state(conn) != STATE_dead)
		conn_jump_locked(conn, STATE_plain, TRACE_missed,
				 REASON_forked);
}

void heir_leave(struct parent *parent)
{
	if (parent && atomic_fetch_sub(&parent->users, 1) == 1)
		fd_close(parent->channel);
}

/* With family: what is left for heir_leave(). */
static struct parent *part(struct conn *conn)
{
	struct parent *parent = conn->forked.parent;

	conn->forked.parent = NULL;
	conn->forked.share = NULL;	/* its pages stay, for others */
	conn->forked.sharing = 0;
	return parent;
}

/* It is ours alone, or over: the parent need not be asked for it any more. */
void heir_part(struct conn *conn)
{
	struct parent *parent;

	lock_acquire(&family_lock);
	parent = part(conn);
	lock_release(&family_lock);
	heir_leave(parent);
}

/* Raw bytes that the parent had taken off TCP: the first to come has them. */
static void take_early(struct conn *conn, struct share *share)
{
	uint64_t size = atomic_exchange(&share->early_size, 0);

	if (size == 0)
		return;
	conn->rx.early.bytes = memory_resize(NULL, size);
	if (!conn->rx.early.bytes ||
	    !pages_get(conn->forked.pages, share->early_at,
		       conn->rx.early.bytes, size))
		return;
	conn->rx.early.size = size;
	conn->rx.early.room = size;
}

/* What we send now follows all that the parent has sent. */
static void begin_sending(struct conn *conn)
{
	lock_acquire(&conn->tx.lock);
	if (conn->tx.stage == TX_RETREAT) {
		tx_step(&conn->tx.stage, TX_ON_home);
		fin_sent(conn);
	}
	lock_release(&conn->tx.lock);
}

static void come_home(struct conn *conn, struct share *share)
{
	bool mine;

	lock_acquire(&conn->rx.lock);
	lock_acquire(&conn->tx.lock);
	mine = !conn->leg.resume_seen;
	if (mine) {
		take_early(conn, share);
		rx_step(&conn->rx.stage, RX_ON_home);
		tx_step(&conn->tx.stage, TX_ON_home);
		conn->leg.resume_seen = true;
	}
	lock_release(&conn->tx.lock);
	lock_release(&conn->rx.lock);
	if (mine)
		heir_part(conn);
	retreat_check(conn);
}

/* With family: the parent is asked, or cannot be at the moment. */
static bool ask(struct conn *conn)
{
	uint32_t index = conn->forked.index;
	struct pollfd channel = { .fd = conn->forked.parent->channel };
	ssize_t put;

	if (conn->forked.asked)
		return real.poll(&channel, 1, 0) <= 0 ||
		       !(channel.revents & (POLLHUP | POLLERR));
	put = real.send(channel.fd, &index, sizeof(index),
			MSG_DONTWAIT | MSG_NOSIGNAL);
	conn->forked.asked = put == sizeof(index);
	return conn->forked.asked || errno == EAGAIN || errno == EINTR;
}

static void look_away(struct conn *conn)
{
	struct share *share;
	uint32_t stage;
	bool asked = true;

	lock_acquire(&family_lock);
	share = conn->forked.share;
	if (!family_is_away(conn)) {	/* another thread was first */
		lock_release(&family_lock);
		return;
	}
	if (share->stage == SHARE_KEPT)
		asked = ask(conn);
	stage = share->stage;
	lock_release(&family_lock);

	if (stage == SHARE_PLAIN)
		come_home(conn, share);
	else if (stage != SHARE_KEPT)
		conn_fail(conn, share->error ?: -EIO, REASON_forked);
	else if (!asked)
		conn_fail(conn, -ECONNRESET, REASON_forked);
	else if (share->raw_out)
		begin_sending(conn);
}

void family_look(struct conn *conn)
{
	int saved = errno;

	if (family_is_away(conn) && conn_state(conn) == STATE_retreating)
		look_away(conn);
	errno = saved;
}

bool family_claim(struct conn *conn)
{
	struct parent *parent = NULL;
	bool away, mine = true;

	lock_acquire(&family_lock);
	away = family_is_away(conn);
	if (conn->forked.share)
		mine = share_step(&conn->forked.share->stage,
				  away ? SHARE_ON_taken : SHARE_ON_kept);
	if (mine && away) {
		conn->forked.taken = conn->forked.share;
		parent = part(conn);
	}
	lock_release(&family_lock);
	if (mine) {
		heir_leave(parent);
	} else if (away) {
		lock_acquire(&conn->lock);
		if (conn->state == STATE_greeting) {
			rx_step(&conn->rx.stage, RX_ON_inherited);
			tx_step(&conn->tx.stage, TX_ON_inherited);
			conn_jump_locked(conn, STATE_retreating,
					 TRACE_claimed, REASON_forked);
		}
		lock_release(&conn->lock);
	} else {
		log_warn("an accepted connection is a child's now");
		conn_fail(conn, -EIO, REASON_forked);
	}
	return mine;
}
