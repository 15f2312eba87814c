// SPDX-License-Identifier: BSD-2-Clause
/*
 * Control records on the TCP leg, behind each direction's boundary. Any
 * thread may say one; only the service thread reads them, record by record,
 * because raw bytes follow RESUME.
 */
#include <string.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/internal.h"
#include "diag/log.h"

#define DRAIN_MS 1000	/* RDMA bytes may come in after the peer's FIN */
#define IDLE_MS 1000

/* With lock. True: all of it is out. */
static bool flush_locked(struct conn *conn)
{
	ssize_t put;

	while (conn->leg.out_size > 0) {
		put = real.send(conn->tcp, conn->leg.out, conn->leg.out_size,
				MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put < 0 && errno != EAGAIN && errno != EINTR) {
			/* Nobody will read it. EPIPE: FIN was here before. */
			if (errno == ECONNRESET)
				conn->leg.lost = true;
			put = conn->leg.out_size;
		}
		if (put <= 0)
			break;
		conn->leg.out_size -= put;
		conn->leg.out_kept -=
		    put < conn->leg.out_kept ? put : conn->leg.out_kept;
		memmove(conn->leg.out, conn->leg.out + put, conn->leg.out_size);
	}
	return conn->leg.out_size == 0;
}

/*
 * With lock. What waits already says less than a later one of its type, so
 * that there is always room; RESUME, behind which no record may come, is said
 * once.
 */
static void queue(struct conn *conn, const struct wire_record *record)
{
	unsigned at;

	if (!conn->leg.mark_sent) {
		memcpy(conn->leg.out, conn->join.mark, WIRE_TOKEN_SIZE);
		conn->leg.out_size = conn->leg.out_kept = WIRE_TOKEN_SIZE;
		conn->leg.mark_sent = true;
	}
	at = conn->leg.out_kept ? conn->leg.out_kept
			    : conn->leg.out_size % WIRE_RECORD_SIZE;
	while (at < conn->leg.out_size &&
	       conn->leg.out[at + WIRE_RECORD_TYPE] != record->type)
		at += WIRE_RECORD_SIZE;
	wire_put_record(conn->leg.out + at, record);
	if (at == conn->leg.out_size)
		conn->leg.out_size += WIRE_RECORD_SIZE;
}

void control_say(struct conn *conn, uint8_t type, uint32_t flags,
		 uint64_t offset)
{
	struct wire_record record = { type, flags, offset };
	int saved = errno;

	lock_acquire(&conn->lock);
	if (!conn->leg.resume_said) {	/* else raw bytes follow: too late */
		conn->leg.resume_said = type == WIRE_RESUME;
		queue(conn, &record);
		flush_locked(conn);
	}
	lock_release(&conn->lock);
	errno = saved;
}

size_t control_return(struct conn *conn, uint64_t offset, const uint8_t *bytes,
		      size_t size)
{
	const size_t most = WIRE_RECORD_MAX - WIRE_RECORD_SIZE;

	size = size < most ? size : most;
	lock_acquire(&conn->lock);
	if (!flush_locked(conn) || conn->leg.resume_said)
		size = 0;
	if (size > 0) {
		wire_put_return(conn->leg.out, offset, bytes, size);
		conn->leg.out_size = conn->leg.out_kept = WIRE_RECORD_SIZE +
							  size;
		flush_locked(conn);
	}
	lock_release(&conn->lock);
	return size;
}

void control_flush(struct conn *conn)
{
	bool flushed = control_flushed(conn);

	if (conn->leg.lost && conn_state(conn) == STATE_retreating &&
	    !retreat_alone(conn, conn->reason))
		conn_fail(conn, -ECONNRESET, REASON_peer_died);
	if (flushed && conn_state(conn) == STATE_retreating)
		retreat_pump(conn);
}

bool control_flushed(struct conn *conn)
{
	bool flushed;

	lock_acquire(&conn->lock);
	flushed = flush_locked(conn);
	lock_release(&conn->lock);
	return flushed;
}

/* The leg has ended: without CLOSE the peer died; give RDMA time to drain. */
void control_ended(struct conn *conn, enum leg_end end)
{
	conn->leg.end = end;
	if (conn_state(conn) == STATE_retreating) {
		if (!retreat_alone(conn, conn->reason))
			conn_fail(conn, -ECONNRESET, REASON_peer_died);
		return;
	}
	/* Behind a FIN, which CLOSE stands for, the kernel says EPIPE. */
	if (end == LEG_RST && !(conn->close.peers & WIRE_CLOSE_FULL))
		conn_reset(conn, conn->rx.end == OFFSET_NEVER ? ECONNRESET
							      : EPIPE);
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
			control_ended(conn, LEG_FIN);
		else if (errno != EAGAIN && errno != EINTR)
			control_ended(conn, LEG_RST);
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

static void hear_close(struct conn *conn, const struct wire_record *record)
{
	hear_idle(conn);
	if (record->offset < conn_pulled(conn) ||
	    (conn->rx.end != OFFSET_NEVER && conn->rx.end != record->offset)) {
		protocol_error(conn);
		return;
	}
	atomic_fetch_or(&conn->close.peers, record->flags);
	conn->rx.end = record->offset;
	if (record->flags & WIRE_CLOSE_RESET)
		conn_reset(conn, ECONNRESET);
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

void control_answer_probe(struct conn *conn)
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
	uint64_t pulled = conn_pulled(conn);

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
		control_answer_probe(conn);
		break;
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

void control_look(struct conn *conn)
{
	enum rx_stage rx;
	int left = BOUND_round_records;

	conn_pull(conn);
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
}

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

int control_mark_or_raw(struct conn *conn)
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
