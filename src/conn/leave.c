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

#include "base/clock.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/internal.h"
#include "rdma/rdma.h"

#define TAKE_STEPS 16	/* a round: others have their turn */

void leave_in_order(struct conn *conn, enum reason reason)
{
	bool begin;

	lock_acquire(&conn->send);
	begin = conn->tx == TX_LANE && conn->leg == LEG_OPEN;
	if (begin) {
		tx_step(&conn->tx, TX_ON_leaves);
		conn->leave_reason = reason;
		conn->leaving = true;
	}
	lock_release(&conn->send);
	if (!begin)
		return;
	control_say(conn, WIRE_LEAVE, 0, conn->tx_bytes);
	service_look(conn);
}

/* The peer will not come back: all is as before, but for the peer. */
static void cancel(struct conn *conn)
{
	lock_acquire(&conn->receive);
	if (conn->back) {
		conn->early = conn->back;
		conn->early_size = conn->back_size;
		conn->back = NULL;
		rx_step(&conn->rx, RX_ON_stays);
	}
	lock_release(&conn->receive);
	lock_acquire(&conn->send);
	conn->leaving = false;
	if (conn->tx == TX_FROZEN)
		tx_step(&conn->tx, TX_ON_stays);
	lock_release(&conn->send);
	conn_ring(conn, NULL);
}

/* With receive. False: there is no more now. */
static bool take_step(struct conn *conn)
{
	uint8_t *room = NULL;
	struct iovec iov;
	ssize_t got;

	iov.iov_len = conn_early_room(conn, conn->leave_at, &room);
	if (iov.iov_len == 0)
		return false;
	iov.iov_base = room;
	got = rdma_recv(conn->rs, &iov, 1, 0);
	if (got > 0)
		conn->early_size += got;
	else if (got != -EAGAIN)
		conn->lane_over = true;
	(void)rdma_ready(conn->rs, 0);	/* gives the peer credits */
	return got > 0;
}

/* True: all that the peer has sent is in, and what is unread is to go back. */
static bool take_in(struct conn *conn)
{
	bool all, took = false;
	int left = TAKE_STEPS;

	lock_acquire(&conn->receive);
	while (left-- > 0 && !conn->lane_closed && take_step(conn))
		took = true;
	all = conn_pulled(conn) >= conn->leave_at;
	if (all) {
		if (conn->early_at)
			memmove(conn->early, conn->early + conn->early_at,
				conn->early_size);
		conn->back = conn->early;
		conn->back_size = conn->early_size;
		conn->back_at = 0;
		conn->early = NULL;
		conn->early_size = 0;
		conn->early_at = conn->early_raw = 0;
		rx_step(&conn->rx, RX_ON_taken_in);
	}
	lock_release(&conn->receive);
	if (took) {
		conn->leave_ms = clock_ms();
		conn_ring(conn, NULL);
	}
	return all;
}

/* True: all that is to go back has been said. */
static bool give_back(struct conn *conn)
{
	size_t said;

	while (conn->back_at < conn->back_size) {
		said = control_return(conn, conn->rx_bytes + conn->back_at,
				      conn->back + conn->back_at,
				      conn->back_size - conn->back_at);
		if (said == 0)
			return false;
		conn->back_at += said;
	}
	return true;
}

/* The lane gives no more before all is in: it has died meanwhile. */
static bool is_stuck(const struct conn *conn)
{
	return conn->lane_over ||
	       clock_ms() - conn->leave_ms >=
		       conn->decision.lane.stall_timeout_ms;
}

static void retreat(struct conn *conn, enum reason reason)
{
	memory_free(conn->back);
	conn->back = NULL;
	retreat_lane(conn, reason);
	if (conn->retreat_at != OFFSET_NEVER)
		retreat_heard(conn, conn->retreat_at);
}

/* Does the peer's ring lack what our application has not consumed? */
static bool peer_lacks(const struct conn *conn)
{
	return !conn->ack_every || conn->early_size;
}

bool leave_look(struct conn *conn)
{
	if (!conn->leaving || conn_state(conn) != STATE_on_rdma)
		return false;
	if (conn->lane_closed) {	/* nobody reads any more */
		if (conn->retreat_at != OFFSET_NEVER)
			retreat_heard(conn, conn->retreat_at);
		return false;
	}
	if (conn->leg != LEG_OPEN) {
		cancel(conn);
		return false;
	}
	if (conn->leave_at == OFFSET_NEVER)
		return false;
	if (peer_lacks(conn) && conn->rx == RX_LANE && !take_in(conn)) {
		if (!is_stuck(conn))
			return true;
		retreat(conn, REASON_lane_stalled);
		return false;
	}
	if (give_back(conn))
		retreat(conn, conn->leave_reason);
	return false;
}

bool leave_waits(const struct conn *conn)
{
	return conn->leaving && conn->leave_at != OFFSET_NEVER &&
	       !conn->retreat_sent && !conn->lane_closed;
}

void leave_heard(struct conn *conn, uint64_t sent)
{
	conn->leave_ms = clock_ms();
	conn->leave_at = sent;
	leave_in_order(conn, REASON_peer_left);
}

bool leave_returned(struct conn *conn, uint64_t offset, const uint8_t *bytes,
		    size_t size)
{
	struct iovec iov = { (void *)bytes, size };
	struct replay *ring = &conn->replay;
	bool good;

	lock_acquire(&conn->send);
	good = conn->leaving && offset + size <= conn->tx_bytes &&
	       offset + size >= offset;
	if (good && !conn->returned) {
		replay_free(ring);	/* all of it comes back, and more */
		replay_begin(ring, conn->tx_bytes - offset, offset);
		ring->owed = true;
		conn->returned = true;
	}
	good = good && conn->returned && offset == ring->end &&
	       replay_room(ring, size) == size;
	if (good)
		replay_keep(ring, &iov, size);
	lock_release(&conn->send);
	return good;
}
