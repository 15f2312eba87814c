// SPDX-License-Identifier: BSD-2-Clause
/*
 * What comes by the TCP leg of a lane: raw bytes up to the boundary, then
 * control records. Only the service thread reads them, record by record,
 * because raw bytes follow RESUME.
 */
#include <string.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/cross.h"
#include "conn/early.h"
#include "conn/inbox.h"
#include "conn/leave.h"
#include "conn/parts.h"
#include "conn/retreat.h"
#include "conn/timer.h"
#include "diag/log.h"

#define DRAIN_MS 1000	/* RDMA bytes may come in after the peer's FIN */
#define IDLE_MS 1000
#define PULL_AGAIN_MS 100	/* others may have given early bytes back */

/* The leg has ended: without CLOSE the peer died; give RDMA time to drain. */
void inbox_ended(struct conn *conn, enum leg_end end)
{
	if (conn_state(conn) == STATE_retreating) {
		conn->leg.end = end;
		if (!retreat_alone(conn, conn->reason))
			conn_fail(conn, -ECONNRESET, REASON_peer_died);
		return;
	}
	/* Behind a FIN, which CLOSE stands for, the kernel says EPIPE. */
	if (end == LEG_RST && !(conn->close.peers & WIRE_CLOSE_FULL))
		conn_reset(conn, conn->rx.end == OFFSET_NEVER ? ECONNRESET
							      : EPIPE);
	conn->rx.end_ms = clock_ms();
	conn->leg.end = end;	/* who sees it sees the reset */
	if (conn->rx.end == OFFSET_NEVER)
		conn->reason = REASON_peer_died;
	conn->lane.end_ms = clock_ms() + DRAIN_MS;
	timer_by(conn, conn->lane.end_ms);
	conn_ring(conn, NULL);
}

/* Read up to `size` bytes of the part-read record. True: they are there. */
static bool fill(struct conn *conn, unsigned size)
{
	ssize_t got;

	while (conn->leg.in_size < size) {
		got = real.recv(conn->tcp, conn->leg.in + conn->leg.in_size,
				size - conn->leg.in_size, MSG_DONTWAIT);
		if (got > 0) {
			conn->leg.in_size += got;
			continue;
		}
		if (got == 0)
			inbox_ended(conn, LEG_FIN);
		else if (errno != EAGAIN && errno != EINTR)
			inbox_ended(conn, LEG_RST);
		return false;
	}
	return true;
}

/* FIN alone would let the peer go on: it hears RST when we close. */
static void protocol_error(struct conn *conn)
{
	const struct linger reset = { .l_onoff = 1 };

	real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &reset,
			sizeof(reset));
	real.shutdown(conn->tcp, SHUT_RDWR);
	conn_fail(conn, -ECONNRESET, REASON_protocol_error);
}

/*
 * A record that changes nothing: an honest peer has a few a second to say. Who
 * says thousands would keep the service thread from all others.
 */
static void hear_idle(struct conn *conn)
{
	uint64_t now = clock_ms();

	if (now - conn->leg.idle_ms >= IDLE_MS) {
		conn->leg.idle_ms = now;
		conn->leg.idle = 0;
	}
	if (++conn->leg.idle > BOUND_idle_records)
		protocol_error(conn);
}

/* What conn_pulled() adds up changes while the application reads. */
static uint64_t pulled_now(struct conn *conn)
{
	uint64_t pulled;

	lock_acquire(&conn->rx.lock);
	pulled = conn_pulled(conn);
	lock_release(&conn->rx.lock);
	return pulled;
}

static void hear_close(struct conn *conn, const struct wire_record *record)
{
	hear_idle(conn);
	if (record->offset < pulled_now(conn) ||
	    (conn->rx.end != OFFSET_NEVER && conn->rx.end != record->offset)) {
		protocol_error(conn);
		return;
	}
	/* First: who sends meanwhile is to hear of it, and not of an end. */
	if (record->flags & WIRE_CLOSE_RESET)
		conn_reset(conn, ECONNRESET);
	atomic_fetch_or(&conn->close.peers, record->flags);
	if (conn->rx.end == OFFSET_NEVER)
		conn->rx.end_ms = clock_ms();
	conn->rx.end = record->offset;
	lock_acquire(&conn->rx.lock);
	if ((record->flags & WIRE_CLOSE_FULL) ||
	    conn->rx.bytes == conn->rx.end)
		conn_acknowledge(conn);
	lock_release(&conn->rx.lock);
	conn_ring(conn, NULL);
}

static void hear_resume(struct conn *conn, uint64_t offset)
{
	bool wrong;

	lock_acquire(&conn->rx.lock);
	wrong = !conn->leg.retreat_seen || conn->rx.stage != RX_CONTROL ||
		offset != conn_pulled(conn);
	if (!wrong) {
		rx_step(&conn->rx.stage, RX_ON_resumed);
		conn->rx.boundary = OFFSET_NEVER;
		conn->leg.resume_seen = true;
	}
	lock_release(&conn->rx.lock);
	if (wrong)
		protocol_error(conn);
	else
		retreat_check(conn);
}

static void hear_ack(struct conn *conn, const struct wire_record *record)
{
	uint64_t offset = record->offset;
	bool wrong;

	if (offset <= conn->tx.acked)
		hear_idle(conn);
	if (record->flags & WIRE_ACK_CLOSE)
		conn->close.heard = true;
	lock_acquire(&conn->tx.lock);
	wrong = offset > conn->tx.bytes;
	if (!wrong && offset > conn->tx.acked) {
		conn->tx.acked = offset;
		replay_drop(&conn->tx.replay, offset);
	}
	lock_release(&conn->tx.lock);
	conn->lane.progress_ms = 0;
	conn->lane.probe_sent = false;
	if (wrong)
		protocol_error(conn);
	else
		conn_ring(conn, NULL);
}

void inbox_answer_probe(struct conn *conn)
{
	bool alive = conn->rx.bytes >= conn->lane.probed;

	if (!alive && lane_enter(conn)) {
		alive = carrier->ready(conn->lane.rs, POLLIN) & POLLIN;
		lane_leave(conn);
	}
	if (!alive || conn->rx.stage != RX_LANE)
		return;
	conn->lane.probed = 0;
	lock_acquire(&conn->rx.lock);
	conn_acknowledge(conn);
	lock_release(&conn->rx.lock);
}

/* Said once; and what is on its way is no more than buffers hold. */
static void hear_leave(struct conn *conn, uint64_t offset)
{
	uint64_t pulled = pulled_now(conn);

	if (conn->leave.peer_at != OFFSET_NEVER || offset < pulled ||
	    offset - pulled > BOUND_early_bytes +
				      conn->decision.lane.receive_buffer)
		protocol_error(conn);
	else
		leave_heard(conn, offset);
}

/* Said once, and always before RESUME. */
static void hear_retreat(struct conn *conn, uint64_t offset)
{
	if (conn->leg.retreat_seen) {
		protocol_error(conn);
		return;
	}
	conn->leg.retreat_seen = true;
	if (leave_waits(conn))
		conn->leave.retreat_at = offset;
	else
		retreat_heard(conn, offset);
}

/* A whole record of `size` bytes, which is still in conn->in. */
static void hear(struct conn *conn, const struct wire_record *record,
		 size_t size)
{
	switch (record->type) {
	case WIRE_CLOSE:
		hear_close(conn, record);
		break;
	case WIRE_ACK:
		hear_ack(conn, record);
		break;
	case WIRE_PROBE:
		hear_idle(conn);
		conn->lane.probed = record->offset;
		break;		/* one answer for all that are there */
	case WIRE_LEAVE:
		hear_leave(conn, record->offset);
		break;
	case WIRE_RETURN:
		if (!leave_returned(conn, record->offset,
				    conn->leg.in + WIRE_RECORD_SIZE,
				    size - WIRE_RECORD_SIZE))
			protocol_error(conn);
		break;
	case WIRE_RETREAT:
		hear_retreat(conn, record->offset);
		break;
	case WIRE_RESUME:
		hear_resume(conn, record->offset);
		break;
	default:
		if (record->type & WIRE_MAY_IGNORE)
			hear_idle(conn);
		else
			protocol_error(conn);
	}
}

/* The mark that precedes the first record. False: not there, or not it. */
static bool hear_mark(struct conn *conn)
{
	if (conn->leg.mark_seen)
		return true;
	if (!fill(conn, WIRE_TOKEN_SIZE))
		return false;
	conn->leg.in_size = 0;
	conn->leg.mark_seen = memcmp(conn->leg.in, conn->join.peer_mark,
				 WIRE_TOKEN_SIZE) == 0;
	if (!conn->leg.mark_seen)
		protocol_error(conn);
	return conn->leg.mark_seen;
}

static bool hear_record(struct conn *conn)
{
	struct wire_record record;
	int length;

	if (!fill(conn, WIRE_RECORD_SIZE))
		return false;
	length = wire_get_record(conn->leg.in, conn->leg.in_size, &record);
	if (length == -EAGAIN) {
		if (!fill(conn, (conn->leg.in[2] << 8 | conn->leg.in[3])))
			return false;
		length =
		    wire_get_record(conn->leg.in, conn->leg.in_size, &record);
	}
	conn->leg.in_size = 0;
	if (length < 0)
		protocol_error(conn);
	else
		hear(conn, &record, length);
	return length > 0;
}

/*
 * With receive: one step of pull(). False: no more now. *end: the leg has
 * come to it, before the boundary.
 */
static bool pull_step(struct conn *conn, enum leg_end *end)
{
	uint8_t *room;
	size_t want = conn_early_room(conn, conn->rx.boundary, &room);
	ssize_t got;

	if (want == 0) {
		if (conn_pulled(conn) < conn->rx.boundary)
			timer_by(conn, clock_ms() + PULL_AGAIN_MS);
		return false;
	}
	got = real.recv(conn->tcp, room, want, MSG_DONTWAIT);
	if (got > 0) {
		conn->rx.early.size += got;
		conn->rx.early.raw += got;
	} else if (got == 0)
		*end = LEG_FIN;
	else if (errno != EAGAIN && errno != EINTR)
		*end = LEG_RST;
	return got > 0;
}

/*
 * Take raw bytes off TCP up to the boundary, as far as they are there; a piece,
 * and it looks again soon.
 */
static void pull(struct conn *conn)
{
	enum conn_state state = conn_state(conn);
	enum leg_end end = LEG_OPEN;
	int left = BOUND_round_pieces;

	if (conn->rx.stage != RX_RAW || conn->rx.boundary == OFFSET_NEVER ||
	    (state != STATE_on_rdma && state != STATE_retreating))
		return;
	lock_acquire(&conn->rx.lock);
	if (conn->rx.stage == RX_RAW && conn->rx.boundary != OFFSET_NEVER)
		while (left > 0 && pull_step(conn, &end))
			left--;
	lock_release(&conn->rx.lock);
	if (left == 0)
		timer_by(conn, clock_ms() + 1);
	conn_cross(conn);
	if (end == LEG_OPEN || conn->leg.end != LEG_OPEN)
		return;
	if (state == STATE_on_rdma || !conn->rx.early.size || conn_closed(conn))
		inbox_ended(conn, end);
	else			/* what came is read; who writes hears of it */
		conn_reset(conn, ECONNRESET);
}

void inbox_look(struct conn *conn)
{
	enum rx_stage rx;
	int left = BOUND_round_records;

	pull(conn);
	if (conn->rx.stage == RX_MAYBE)
		conn_find_stage(conn);
	while (rx = conn->rx.stage, (rx == RX_LANE || rx == RX_CONTROL) &&
					conn->leg.end == LEG_OPEN &&
					conn_state(conn) != STATE_dead) {
		if (left-- == 0) {
			timer_by(conn, clock_ms() + 1);
			break;
		}
		if (!hear_mark(conn) || !hear_record(conn))
			break;
	}
	if (conn->lane.probed)
		inbox_answer_probe(conn);
}
