// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where the receiving direction is: the boundary, at which raw bytes end, and
 * what is behind it; and what has been consumed, which the peer is told.
 */
#include <string.h>

#include "base/clock.h"
#include "base/real.h"
#include "conn/core.h"
#include "conn/cross.h"
#include "conn/due.h"
#include "conn/early.h"
#include "conn/outbox.h"
#include "conn/parts.h"
#include "conn/watch.h"

/* A part of the mark, and nothing behind it for long, is raw bytes. */
static bool given_up(struct conn *conn)
{
	if (conn->leg.mark_ms == TIME_NEVER) {
		conn->leg.mark_ms = clock_ms() +
				conn->decision.lane.stall_timeout_ms;
		return false;
	}
	return clock_ms() >= conn->leg.mark_ms;
}

/* With receive: at the boundary of a cancelled lane. 0 or -EAGAIN. */
static int mark_or_raw(struct conn *conn)
{
	uint8_t in[WIRE_TOKEN_SIZE];
	ssize_t got = real.recv(conn->tcp, in, sizeof(in),
				MSG_PEEK | MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (got > 0 && memcmp(in, conn->join.peer_mark, got) == 0) {
		if (got < WIRE_TOKEN_SIZE && !given_up(conn))
			return -EAGAIN;
		if (got == WIRE_TOKEN_SIZE) {
			real.recv(conn->tcp, in, sizeof(in), MSG_DONTWAIT);
			conn->leg.mark_seen = true;
			conn->leg.mark_ms = TIME_NEVER;
			conn->leg.asked_ms = clock_ms();
			rx_step(&conn->rx.stage, RX_ON_marked);
			return -EAGAIN;
		}
	}
	conn->leg.mark_ms = TIME_NEVER;
	rx_step(&conn->rx.stage, RX_ON_unmarked);
	conn->rx.boundary = OFFSET_NEVER;
	conn->leg.resume_seen = true;
	return 0;
}

/* With receive: has the raw part been read to its end? */
void cross_locked(struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	if (conn->rx.stage != RX_RAW || conn_pulled(conn) != conn->rx.boundary)
		return;
	if (state == STATE_on_rdma)
		rx_step(&conn->rx.stage, RX_ON_boundary);
	else if (state == STATE_retreating)
		rx_step(&conn->rx.stage, RX_ON_cancelled);
}

/* With receive: the boundary, and what is behind it after a retreat. */
int cross_find(struct conn *conn)
{
	cross_locked(conn);
	return conn->rx.stage == RX_MAYBE ? mark_or_raw(conn) : 0;
}

/* What a change of the receiving stage asks for. No locks. */
void cross_changed(struct conn *conn, enum rx_stage before)
{
	enum rx_stage now = conn->rx.stage;

	if (conn->leg.resume_seen && conn_state(conn) == STATE_retreating)
		due(conn, DUE_retreat);
	if (now == before)
		return;
	if (now != RX_RAW)
		watch_conn(conn);
}

void conn_find_stage(struct conn *conn)
{
	enum rx_stage before;

	lock_acquire(&conn->rx.lock);
	before = conn->rx.stage;
	cross_find(conn);
	lock_release(&conn->rx.lock);
	cross_changed(conn, before);
}

void conn_cross(struct conn *conn)
{
	conn_find_stage(conn);
	conn_ring(conn, NULL);
}

void conn_acknowledge(struct conn *conn)
{
	uint64_t consumed = conn->rx.bytes;
	bool closed = conn->close.peers & WIRE_CLOSE_FULL;

	conn->rx.ack_sent = consumed;
	outbox_say(conn, WIRE_ACK, closed ? WIRE_ACK_CLOSE : 0, consumed);
}

bool conn_ring_full(const struct conn *conn)
{
	return conn->tx.replay.limit && !conn->tx.replay.lent &&
	       conn->tx.bytes - conn->tx.acked >= conn->tx.replay.limit;
}
