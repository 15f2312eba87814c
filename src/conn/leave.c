// SPDX-License-Identifier: BSD-2-Clause
/*
 * Leaving a lane that is alive when the rings alone will not do: one side or
 * both keep none (lane.replay = "0"), so that what is on its way is nowhere
 * else; or raw bytes were taken off TCP that the application has not read, and
 * are to be in the kernel's socket for another process. Both stop sending and
 * say so, LEAVE{all that was sent}. Who has taken in all that the other has
 * sent gives back what its application has not consumed, RETURN; that is what
 * the other's RESUME will begin with, in place of its ring. Then it says
 * RETREAT, and retreat.c goes on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/early.h"
#include "conn/leave.h"
#include "conn/outbox.h"
#include "conn/parts.h"
#include "conn/ration.h"
#include "conn/retreat.h"
#include "conn/timer.h"
#include "conn/watch.h"

void leave_in_order(struct conn *conn, enum reason reason)
{
	bool begin;

	lock_acquire(&conn->tx.lock);
	begin = conn->tx.stage == TX_LANE && conn->leg.end == LEG_OPEN;
	if (begin) {
		tx_step(&conn->tx.stage, TX_ON_leaves);
		conn->leave.reason = reason;
		conn->leg.asked_ms = clock_ms();
		conn->leave.begun = true;
		/* Said under the lock: who finds it begun says RETREAT. */
		outbox_say(conn, WIRE_LEAVE, 0, conn->tx.bytes);
	}
	lock_release(&conn->tx.lock);
	if (begin)
		watch_look(conn);
}

/* The peer will not come back: all is as before, but for the peer. */
static void cancel(struct conn *conn)
{
	lock_acquire(&conn->rx.lock);
	if (conn->leave.back) {
		conn->rx.early.bytes = conn->leave.back;
		conn->rx.early.size = conn->leave.back_size;
		conn->rx.early.room = conn->leave.back_size;
		conn->rx.early.at = 0;
		conn->leave.back = NULL;
		rx_step(&conn->rx.stage, RX_ON_stays);
	}
	lock_release(&conn->rx.lock);
	lock_acquire(&conn->tx.lock);
	conn->leave.begun = false;
	if (conn->tx.stage == TX_FROZEN)
		tx_step(&conn->tx.stage, TX_ON_stays);
	lock_release(&conn->tx.lock);
	conn_ring(conn, NULL);
}

/* With receive. False: there is no more now. */
static bool take_step(struct conn *conn)
{
	uint8_t *room = NULL;
	struct iovec iov;
	ssize_t got;

	iov.iov_len = conn_early_room(conn, conn->leave.peer_at, &room);
	if (iov.iov_len == 0)
		return false;
	iov.iov_base = room;
	got = carrier->receive(conn->lane.rs, &iov, 1, 0);
	if (got > 0)
		conn->rx.early.size += got;
	else if (got != -EAGAIN)
		lane_step(&conn->lane.stage, LANE_ON_over);
	(void)carrier->ready(conn->lane.rs, 0);	/* gives the peer credits */
	return got > 0;
}

/* True: all that the peer has sent is in, and what is unread is to go back. */
static bool take_in(struct conn *conn)
{
	bool all, took = false;
	int left = BOUND_round_pieces;

	lock_acquire(&conn->rx.lock);
	while (left-- > 0 && !lane_closed(conn) && take_step(conn))
		took = true;
	all = conn_pulled(conn) >= conn->leave.peer_at;
	if (all) {
		if (conn->rx.early.at)
			memmove(conn->rx.early.bytes,
				conn->rx.early.bytes + conn->rx.early.at,
				conn->rx.early.size);
		conn->leave.back = conn->rx.early.bytes;
		conn->leave.back_size = conn->rx.early.size;
		conn->leave.back_at = 0;
		conn->rx.early.bytes = NULL;
		conn->rx.early.size = conn->rx.early.room = 0;
		conn->rx.early.at = conn->rx.early.raw = 0;
		rx_step(&conn->rx.stage, RX_ON_taken_in);
	}
	lock_release(&conn->rx.lock);
	if (took) {
		conn->leave.progress_ms = clock_ms();
		conn_ring(conn, NULL);
	}
	return all;
}

/* True: all that is to go back has been said. Others have their turn. */
static bool give_back(struct conn *conn)
{
	int left = BOUND_round_records;
	size_t said;

	while (conn->leave.back_at < conn->leave.back_size) {
		if (left-- == 0) {
			timer_by(conn, clock_ms() + 1);
			return false;
		}
		said =
		    outbox_return(conn, conn->rx.bytes + conn->leave.back_at,
				   conn->leave.back + conn->leave.back_at,
				   conn->leave.back_size - conn->leave.back_at);
		if (said == 0)
			return false;
		conn->leave.back_at += said;
	}
	return true;
}

/* The lane gives no more before all is in: it has died meanwhile. */
static bool is_stuck(const struct conn *conn)
{
	return lane_over(conn) ||
	       clock_ms() - conn->leave.progress_ms >=
		       conn->decision.lane.stall_timeout_ms;
}

static void retreat(struct conn *conn, enum reason reason)
{
	lock_acquire(&conn->rx.lock);
	if (conn->leave.back)
		ration_give(conn);
	memory_free(conn->leave.back);
	conn->leave.back = NULL;
	lock_release(&conn->rx.lock);
	retreat_lane(conn, reason);
	if (conn->leave.retreat_at != OFFSET_NEVER)
		retreat_heard(conn, conn->leave.retreat_at);
}

/* Does the peer's ring lack what our application has not consumed? */
static bool peer_lacks(const struct conn *conn)
{
	return !conn->rx.ack_every || conn->rx.early.size;
}

bool leave_look(struct conn *conn)
{
	if (!conn->leave.begun || conn_state(conn) != STATE_on_rdma)
		return false;
	if (lane_closed(conn)) {	/* nobody reads any more */
		if (conn->leave.retreat_at != OFFSET_NEVER)
			retreat_heard(conn, conn->leave.retreat_at);
		return false;
	}
	if (conn->leg.end != LEG_OPEN) {
		cancel(conn);
		return false;
	}
	if (conn->leave.peer_at == OFFSET_NEVER)
		return false;
	if (peer_lacks(conn) && conn->rx.stage == RX_LANE && !take_in(conn)) {
		if (!is_stuck(conn))
			return true;
		retreat(conn, REASON_lane_stalled);
		return false;
	}
	if (give_back(conn))
		retreat(conn, conn->leave.reason);
	return false;
}

bool leave_waits(const struct conn *conn)
{
	return conn->leave.begun && conn->leave.peer_at != OFFSET_NEVER &&
	       !conn->leg.retreat_sent && !lane_closed(conn);
}

void leave_heard(struct conn *conn, uint64_t sent)
{
	conn->leave.progress_ms = clock_ms();
	conn->leave.peer_at = sent;
	leave_in_order(conn, REASON_peer_left);
}

/*
 * What a peer may not have given to its application, with buffers like ours:
 * so much is kept in any case, and more as far as limits.ring_memory goes.
 */
static uint64_t returns_most(const struct conn *conn)
{
	return 2 * (uint64_t)BOUND_early_bytes +
	       conn->decision.lane.receive_buffer +
	       conn->decision.lane.send_buffer;
}

/*
 * Has the peer not said that it consumed this? Of what came raw it has said
 * nothing; it may have taken so much of that in as its boundary allowed.
 */
static bool may_lack(const struct conn *conn, uint64_t offset)
{
	return offset >= conn->tx.acked ||
	       (conn->tx.acked == conn->tx.boundary &&
		offset + BOUND_early_bytes >= conn->tx.boundary);
}

bool leave_returned(struct conn *conn, uint64_t offset, const uint8_t *bytes,
		    size_t size)
{
	struct iovec iov = { (void *)bytes, size };
	struct replay *ring = &conn->tx.replay;
	bool good;

	lock_acquire(&conn->tx.lock);
	good = conn->leave.begun && size > 0 && may_lack(conn, offset) &&
	       offset + size <= conn->tx.bytes && offset + size > offset;
	if (good && !conn->leave.returned) {
		replay_free(ring);	/* all of it comes back, and more */
		replay_begin(ring, conn->tx.bytes - offset, offset);
		ring->owed = conn->tx.bytes - offset <= returns_most(conn);
		conn->leave.returned = true;
	}
	good = good && conn->leave.returned && offset == ring->end &&
	       replay_room(ring, size) == size;
	if (good)
		replay_keep(ring, &iov, size);
	lock_release(&conn->tx.lock);
	return good;
}
