// SPDX-License-Identifier: BSD-2-Clause
/*
 * The process ends: exit(3), or exec in its last moment. Lanes are closed in
 * order, and what is held gets its time.
 */
#include "base/bounds.h"
#include "base/clock.h"
#include "base/real.h"
#include "conn/conduct.h"
#include "conn/dial.h"
#include "conn/end.h"
#include "conn/fallback.h"
#include "conn/family.h"
#include "conn/hold.h"
#include "conn/parts.h"
#include "conn/retreat.h"
#include "conn/share.h"
#include "conn/watch.h"
#include "conn/work.h"

static void end_open(struct conn *conn)
{
	bool mine;

	lock_acquire(&conn->lock);
	mine = conn->state == STATE_on_rdma && !conn_closed(conn) &&
	       !conn->forked.owed;
	if (mine)
		close_step(&conn->close.stage, CLOSE_ON_closed);
	lock_release(&conn->lock);
	if (mine)
		end_lane(conn);
	conduct(conn);
}

static void end_entry(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	(void)fd;
	(void)arg;
	if (conn)
		end_open(conn);
}

/*
 * Those as well whose number is gone while a call in flight has the connection:
 * lanes are watched.
 */
static void end_all_open(void)
{
	struct conn *conn = NULL;

	fdtab_each(end_entry, NULL);
	while ((conn = watch_after(conn)))
		if (!conn->forked.parent)
			end_open(conn);
}

/* Accepted, and its client has HELLO on its way: as if it had been closed. */
static void end_untouched(struct conn *conn)
{
	bool mine;

	lock_acquire(&conn->lock);
	mine = share_untouched(conn) && conn->greeting.client.seen &&
	       !conn_closed(conn);
	if (mine)
		close_step(&conn->close.stage, CLOSE_ON_closed);
	lock_release(&conn->lock);
	if (mine)
		end_greeting(conn);
}

/* Held bytes are nowhere else: their greeting is to be over soon. */
static void hurry_entry(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	(void)fd;
	(void)arg;
	if (!conn || conn_is_away(conn))
		return;
	end_untouched(conn);
	conduct(conn);
	if (!hold_waits(conn))
		return;
	if (conn->role == CONN_ACTIVE)
		dial_hurry(conn, REASON_closed);
	watch_conn(conn);
	conduct(conn);
}

/*
 * HELLO is out, and nothing else: a REPLY that nobody has read would make a
 * reset of our end. It has a moment; then FIN goes first.
 */
static void asked_entry(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);
	struct pollfd tcp = { .events = POLLIN };
	uint64_t until_ms = *(uint64_t *)arg, now;

	(void)fd;
	if (!conn || conn->role != CONN_ACTIVE || conn_is_away(conn) ||
	    conn_state(conn) != STATE_greeting || hold_waits(conn) ||
	    conn->greeting.stage != GREETING_ASKED || share_is_ours(conn))
		return;
	conn_refuse(conn, REASON_closed);
	tcp.fd = conn->tcp;
	now = clock_ms();
	if (now < until_ms)
		real.poll(&tcp, 1, (int)(until_ms - now));
	dial_look(conn);
	if (!conn_is_plain(conn))
		real.shutdown(conn->tcp, SHUT_WR);
	conduct(conn);
}

/* Does it wait with bytes held, or for its lane's end to begin? */
static bool holds(struct conn *conn, unsigned how)
{
	enum conn_state state = conn_state(conn);

	(void)how;
	/* Who moves meanwhile is looked at again. */
	return hold_waits(conn) || conn_state(conn) != state;
}

/*
 * Is its lane's end under way? Whoever has it, perhaps without a thread of
 * work.c's: linger_begin() is behind it.
 */
static bool ends(const struct conn *conn)
{
	return conn_state(conn) == STATE_on_rdma &&
	       conn->close.stage == CLOSE_BEGUN;
}

static void owe_entry(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	(void)fd;
	(void)arg;
	if (conn && share_says(conn, SHARE_KEPT))
		share_owe(conn);
}

/* Wait until no child is left in the lurch. */
static void end_family(void)
{
	uint64_t answer_ms = clock_ms() + BOUND_answer_ms;
	uint64_t until = clock_ms() + BOUND_exit_ms;

	fdtab_each(owe_entry, NULL);
	while (!family_all_settled() && clock_ms() < until) {
		real.poll(NULL, 0, 1);
		if (clock_ms() >= answer_ms)
			conn_give_up_all();
	}
}

enum { LATE = 1, GIVE_UP = 2 };

/* Has the kernel yet to get some of what it sent? */
static bool has_unsent(struct conn *conn)
{
	enum tx_stage tx = conn->tx.stage;

	return !conn_is_plain(conn) &&
	       (hold_any(conn) || tx == TX_RETREAT ||
		(tx == TX_FROZEN && conn->leave.begun));
}

/*
 * Is it on its way back to TCP, or waiting for its greeting with bytes held?
 * LATE: who owes an answer is waited for no more. GIVE_UP: a peer that still
 * lacks bytes shall see a reset, as LATE's does.
 */
static bool retreats(struct conn *conn, unsigned how)
{
	const struct linger reset = { .l_onoff = 1 };
	bool late;

	if (conn_state(conn) != STATE_retreating && !conn->leave.begun &&
	    !holds(conn, how) && !ends(conn))
		return false;
	late = (how & GIVE_UP) ? retreat_owed(conn)
			       : (how & LATE) && retreat_overdue(conn);
	if (late || ((how & GIVE_UP) && has_unsent(conn)))
		real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &reset,
				sizeof(reset));
	return !late;
}

void conn_exit(void)
{
	uint64_t until_ms = clock_ms() + BOUND_exit_ms;
	uint64_t answer_ms = clock_ms() + BOUND_answer_ms, reply_ms;
	int saved = errno;

	end_family();
	reply_ms = clock_ms() + GREETING_GRACE_MS;
	fdtab_each(asked_entry, &reply_ms);
	fdtab_each(hurry_entry, NULL);
	while (watch_any(holds, 0) && clock_ms() < until_ms)
		real.poll(NULL, 0, 1);
	end_all_open();
	work_wait(WORK_END, BOUND_exit_ms);
	/* A peer that still talks would reset what TCP has yet to deliver. */
	while (watch_any(retreats, clock_ms() >= answer_ms ? LATE : 0) &&
	       clock_ms() < until_ms)
		real.poll(NULL, 0, 1);
	watch_any(retreats, LATE | GIVE_UP);
	errno = saved;
}

/* Is it closed, with bytes that are nowhere but here, or a child's to get? */
static bool is_closing(struct conn *conn, unsigned how)
{
	enum conn_state state = conn_state(conn);

	return conn_closed(conn) &&
	       (holds(conn, how) || ends(conn) || state == STATE_retreating ||
		(state == STATE_on_rdma &&
		 (conn->forked.owed ||
		  (conn->leave.begun &&
		   !(conn->close.peers & WIRE_CLOSE_FULL)))));
}

void conn_await_closed(void)
{
	uint64_t until_ms = clock_ms() + BOUND_exit_ms;
	int saved = errno;

	while (watch_any(is_closing, 0) && clock_ms() < until_ms)
		real.poll(NULL, 0, 1);
	errno = saved;
}

static bool cut(struct conn *conn, unsigned how)
{
	const struct linger reset = { .l_onoff = 1 };
	struct linger before;
	socklen_t length = sizeof(before);

	(void)how;
	if (has_unsent(conn) && conn->close.before.l_onoff == LINGER_KEPT &&
	    real.getsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &before,
			    &length) == 0) {
		conn->close.before = before;
		real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &reset,
				sizeof(reset));
	}
	return false;
}

void conn_image_goes(void)
{
	watch_any(cut, 0);
}

static bool mend(struct conn *conn, unsigned how)
{
	(void)how;
	watch_uncut(conn);
	return false;
}

void conn_image_stays(void)
{
	int saved = errno;

	watch_any(mend, 0);
	errno = saved;
}

void conn_each_watched(void (*back)(struct conn *conn, void *arg), void *arg)
{
	struct conn *conn = NULL;

	while ((conn = watch_after(conn)))
		if (!conn->forked.parent && !conn_closed(conn))
			back(conn, arg);
}
