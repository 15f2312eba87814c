// SPDX-License-Identifier: BSD-2-Clause
/*
 * Back to TCP. Who leaves the lane says RETREAT{what it has consumed}; who
 * hears it says its own, if it has not yet, and then RESUME and the bytes the
 * other lacks. A lane that carried bytes which are nowhere else any more
 * cannot be left: the connection is reset. (The replay ring that keeps them
 * has its place in resume_from().)
 */
#include "base/real.h"
#include "conn/internal.h"

/* Say RETREAT once. No locks. */
static void say_retreat(struct conn *conn)
{
	uint64_t consumed;
	bool said;

	lock_acquire(&conn->receive);
	if (conn->rx == RX_LANE)
		conn->rx = RX_CONTROL;
	consumed = conn->rx_bytes;
	said = conn->retreat_sent;
	conn->retreat_sent = true;
	lock_release(&conn->receive);
	if (!said)
		control_say(conn, WIRE_RETREAT, 0, consumed);
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

	lock_acquire(&conn->send);
	have = offset == conn->tx_bytes;
	said = conn->resume_sent;
	conn->resume_sent = have;
	lock_release(&conn->send);
	if (said)
		return;
	if (!have) {
		lose(conn);
		return;
	}
	control_say(conn, WIRE_RESUME, 0, offset);
	retreat_check(conn);
}

static bool leave_lane(struct conn *conn, enum reason reason)
{
	bool leaving;

	lock_acquire(&conn->lock);
	leaving = conn_step_locked(conn, EVENT_lane_failed, reason);
	lock_release(&conn->lock);
	if (!leaving)
		return false;
	lock_acquire(&conn->send);
	conn->tx = TX_RETREAT;
	lock_release(&conn->send);
	return true;
}

void retreat_lane(struct conn *conn, enum reason reason)
{
	if (leave_lane(conn, reason)) {
		say_retreat(conn);
		conn_settle(conn);
	}
}

void retreat_unused(struct conn *conn)
{
	say_retreat(conn);
	resume_from(conn, conn->tx_bytes);
}

void retreat_heard(struct conn *conn, uint64_t consumed)
{
	leave_lane(conn, REASON_lane_dead);
	if (conn->tx != TX_RETREAT)
		return;	/* our direction is raw already */
	say_retreat(conn);
	resume_from(conn, consumed);
}

void retreat_check(struct conn *conn)
{
	bool flushed, raw;

	if (conn_state(conn) != STATE_retreating)
		return;
	lock_acquire(&conn->lock);
	flushed = conn->out_size == 0;
	lock_release(&conn->lock);
	lock_acquire(&conn->send);
	if (conn->tx == TX_RETREAT && conn->resume_sent && flushed)
		conn->tx = TX_RAW;
	raw = conn->tx == TX_RAW;
	lock_release(&conn->send);
	conn_ring(conn, NULL);
	if (raw && conn->resume_seen) {
		conn_step(conn, EVENT_resumed, conn->reason);
		end_settle(conn);
	}
}
