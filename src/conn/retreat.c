// SPDX-License-Identifier: BSD-2-Clause
/*
 * Back to TCP. Who leaves the lane says RETREAT{what it has consumed}; who
 * hears it says its own, if it has not yet, and then RESUME and the bytes the
 * other lacks, from the replay ring. A lane that has died with bytes which
 * are nowhere else (lane.replay = "0") cannot be left: the connection is reset.
 */
#include "base/bounds.h"
#include "base/clock.h"
#include "base/real.h"
#include "conn/core.h"
#include "conn/early.h"
#include "conn/endpoint.h"
#include "conn/fin.h"
#include "conn/hold.h"
#include "conn/outbox.h"
#include "conn/parts.h"
#include "conn/raw.h"
#include "conn/retreat.h"
#include "conn/share.h"
#include "conn/watch.h"

/*
 * Say RETREAT once. Said under the lock: another thread that finds it said goes
 * on with RESUME, behind which none may come. No locks.
 */
static void say_retreat(struct conn *conn)
{
	uint64_t consumed;

	lock_acquire(&conn->rx.lock);
	if (conn->rx.stage == RX_LANE)
		rx_step(&conn->rx.stage, RX_ON_retreats);
	/* What was sent raw is on TCP already, read or not. */
	consumed = conn->rx.stage == RX_RAW && conn->rx.boundary != OFFSET_NEVER
			   ? conn->rx.boundary
			   : conn_pulled(conn);
	if (!conn->leg.retreat_sent)
		outbox_say(conn, WIRE_RETREAT, 0, consumed);
	conn->leg.retreat_sent = true;
	lock_release(&conn->rx.lock);
}

static void lose(struct conn *conn)
{
	real.shutdown(conn->tcp, SHUT_RDWR);
	conn_fail(conn, -ECONNRESET, REASON_lane_dead);
}

/* The peer has consumed `offset` bytes and will read the rest on TCP. */
static void resume_from(struct conn *conn, uint64_t offset)
{
	bool have, said;

	lock_acquire(&conn->tx.lock);
	have = replay_has(&conn->tx.replay, offset) &&
	       conn->tx.replay.end == conn->tx.bytes;
	said = conn->leg.resume_sent;
	if (have && !said) {
		conn->tx.resume_at = offset;
		replay_drop(&conn->tx.replay, offset);
	}
	lock_release(&conn->tx.lock);
	if (said)
		return;
	if (!have) {
		lose(conn);
		return;
	}
	outbox_say(conn, WIRE_RESUME, 0, offset);
	lock_acquire(&conn->tx.lock);
	conn->leg.resume_sent = true;
	lock_release(&conn->tx.lock);
	if (watch_conn(conn) == 0)
		retreat_flush(conn);
}

/*
 * The state and the stage in one: who hears the peer's RETREAT meanwhile is to
 * find both, or would take our direction for raw.
 */
static bool leave_lane(struct conn *conn, enum reason reason)
{
	bool leaving;

	lock_acquire(&conn->tx.lock);
	lock_acquire(&conn->lock);
	leaving = conn_step_locked(conn, EVENT_lane_failed, reason);
	if (leaving)
		tx_step(&conn->tx.stage, TX_ON_failed);
	lock_release(&conn->lock);
	lock_release(&conn->tx.lock);
	if (leaving)
		trace_log(conn);
	return leaving;
}

/* With receive: has all of the peer's stream been taken in? */
static bool take_end(struct conn *conn)
{
	if (conn->rx.end != conn_pulled(conn))
		return false;
	rx_step(&conn->rx.stage, RX_ON_ended);
	conn->rx.boundary = OFFSET_NEVER;
	conn->leg.resume_seen = true;
	return true;
}

bool retreat_alone(struct conn *conn, enum reason reason)
{
	bool over;

	lock_acquire(&conn->rx.lock);
	over = take_end(conn);
	lock_release(&conn->rx.lock);
	if (!over)
		return false;
	leave_lane(conn, reason);
	lock_acquire(&conn->tx.lock);
	if (conn->tx.stage == TX_RETREAT)	/* else it is raw already */
		tx_step(&conn->tx.stage, hold_any(conn) ? TX_ON_resumed_held
						  : TX_ON_resumed);
	replay_free(&conn->tx.replay);
	lock_release(&conn->tx.lock);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
	retreat_check(conn);
	return true;
}

void retreat_lane(struct conn *conn, enum reason reason)
{
	if (conn->leg.end != LEG_OPEN)
		retreat_alone(conn, reason);
	else if (leave_lane(conn, reason))
		say_retreat(conn);
}

void retreat_unused(struct conn *conn)
{
	say_retreat(conn);
	resume_from(conn, conn->tx.bytes);
}

void retreat_heard(struct conn *conn, uint64_t consumed)
{
	leave_lane(conn, REASON_peer_left);
	if (conn->tx.stage != TX_RETREAT)
		return;	/* our direction is raw already */
	say_retreat(conn);
	resume_from(conn, consumed);
}

/* With send. */
static void pump_locked(struct conn *conn)
{
	const uint8_t *piece;
	ssize_t put;
	size_t size;

	while (!raw_is_reset(conn, false) &&
	       (size = replay_piece(&conn->tx.replay, conn->tx.resume_at,
				    &piece))) {
		put = real.send(conn->tcp, piece, size,
				MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put < 0 && errno != EAGAIN && errno != EINTR)
			break;	/* the kernel will tell the application */
		if (put <= 0)
			return;
		conn->tx.resume_at += put;
		conn->tx.raw += put;
	}
	tx_step(&conn->tx.stage, hold_any(conn) ? TX_ON_resumed_held
					  : TX_ON_resumed);
	replay_free(&conn->tx.replay);
	fin_sent(conn);
}

void retreat_pump(struct conn *conn)
{
	int saved = errno;
	/* Said, and out: nothing comes between it and the raw bytes. */
	bool resumed = conn->leg.resume_sent && outbox_flushed(conn);

	lock_acquire(&conn->tx.lock);
	if (conn->tx.stage == TX_RETREAT && resumed)
		pump_locked(conn);
	lock_release(&conn->tx.lock);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
	retreat_check(conn);
	errno = saved;
}

void retreat_flush(struct conn *conn)
{
	bool flushed = outbox_flushed(conn);

	if (conn->leg.lost && conn_state(conn) == STATE_retreating &&
	    !retreat_alone(conn, conn->reason))
		conn_fail(conn, -ECONNRESET, REASON_peer_died);
	if (flushed && conn_state(conn) == STATE_retreating)
		retreat_pump(conn);
}

void retreat_check(struct conn *conn)
{
	if (conn_state(conn) != STATE_retreating)
		return;
	conn_ring(conn, NULL);
	if (conn->tx.stage != TX_RAW || !conn->leg.resume_seen)
		return;
	if (conn->rx.early.size && conn->forked.owed)
		share_hand_over(conn);
	if (conn->rx.early.size && !conn_lingers(conn))
		return;
	/* Before it is plain, when a send is the kernel's. */
	fin_due(conn);
	/* Several threads may see it; one takes the step. */
	if (conn_step(conn, EVENT_resumed, conn->reason))
		endpoint_close_later(conn);
}

/*
 * RETREAT and RESUME are the service thread's to say, and LEAVE: they do not
 * wait for the other application. Behind them, its reading may be awaited; and
 * where the peer knows of no lane, it owes nothing.
 */
bool retreat_owed(const struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	if (conn_is_away(conn))
		return false;
	if (state == STATE_on_rdma)
		return conn->leave.begun;
	return state == STATE_retreating &&
	       ((conn->tx.stage == TX_RETREAT && !conn->leg.resume_sent) ||
		conn->rx.stage == RX_CONTROL);
}

bool retreat_overdue(const struct conn *conn)
{
	/* In this order: it was asked before it owes. */
	return retreat_owed(conn) &&
	       clock_ms() >= conn->leg.asked_ms + BOUND_answer_ms;
}
