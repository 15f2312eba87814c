// SPDX-License-Identifier: BSD-2-Clause
/* Bytes on a lane, whatever carries it. */
#include <string.h>

#include "carrier_help.h"
#include "conn/cross.h"
#include "conn/endpoint.h"
#include "conn/hold.h"
#include "conn/lane.h"
#include "conn/replay.h"

static char bytes[4096];

static ssize_t receive(struct conn *conn, size_t size, int flags)
{
	struct iovec iov = { bytes, size };

	return lane_receive(conn, &iov, 1, flags);
}

static ssize_t transmit(struct conn *conn, size_t size)
{
	struct iovec iov = { bytes, size };

	return lane_transmit(conn, &iov, 1);
}

Test(lane, what_is_read_is_counted)
{
	int far;
	struct conn *conn = conn_on_lane(&far);

	cr_assert_eq(receive(conn, 10, 0), -EAGAIN);
	cr_assert_eq(write(far, "0123456789", 10), 10);
	cr_assert_eq(receive(conn, 4, MSG_PEEK), 4);
	cr_assert_eq(conn->rx.bytes, 0);
	cr_assert_eq(receive(conn, 4, 0), 4);
	cr_assert_eq(memcmp(bytes, "0123", 4), 0);
	cr_assert_eq(receive(conn, 4, MSG_TRUNC), 4);	/* they go nowhere */
	cr_assert_eq(memcmp(bytes, "0123", 4), 0);
	cr_assert_eq(receive(conn, 10, 0), 2);
	cr_assert_eq(conn->rx.bytes, 10);
}

/* rrecv(3) gives none by itself: a look does, now and then. */
Test(lane, credits_are_given)
{
	int far, i;
	struct conn *conn = conn_on_lane(&far);

	for (i = 0; i < 8; i++) {
		cr_assert_eq(write(far, bytes, 512), 512);
		cr_assert_eq(receive(conn, 512, 0), 512);
	}
	cr_assert_eq(carrier_looks, 4);		/* of a quarter each */
}

/* The carrier's end is an end when TCP has one, and the count is right. */
Test(lane, its_end_is_not_the_streams)
{
	int far;
	struct conn *conn = conn_on_lane(&far);

	cr_assert_eq(write(far, bytes, 10), 10);
	close(far);
	conn->rx.end = 10;
	cr_assert_eq(receive(conn, 4, 0), 4);
	cr_assert_eq(receive(conn, 10, 0), 6);
	cr_assert_eq(receive(conn, 10, 0), 0);
	cr_assert_not(lane_over(conn));		/* it was not asked again */
	conn->rx.end = 20;
	cr_assert_eq(receive(conn, 10, 0), -EAGAIN);
	cr_assert(lane_over(conn));
	conn->leg.end = LEG_FIN;
	cr_assert_eq(receive(conn, 10, 0), -ECONNRESET);
}

Test(lane, what_is_sent_is_kept_as_far_as_the_ring_goes)
{
	int far;
	struct conn *conn = conn_on_lane(&far);
	uint64_t sent = 0;
	ssize_t put;

	conn->lane.stall_watched = true;	/* no service thread here */
	replay_begin(&conn->tx.replay, 8192, 0);
	while ((put = transmit(conn, 3000)) > 0)
		sent += (uint64_t)put;
	cr_assert_eq(put, -EAGAIN);
	cr_assert_eq(sent, 8192);
	cr_assert_eq(conn->tx.bytes, sent);
	replay_drop(&conn->tx.replay, 1000);
	cr_assert_eq(transmit(conn, 3000), 1000);
}

/* A send that fails has sent nothing: TCP will, or tells of the end. */
Test(lane, a_dead_one_waits_for_tcp)
{
	int far;
	struct conn *conn = conn_on_lane(&far);

	close(far);
	cr_assert_eq(transmit(conn, 10), -EAGAIN);
	cr_assert(lane_over(conn));
	cr_assert_eq(conn->tx.bytes, 0);
}

Test(lane, closed_it_gives_nothing)
{
	int far;
	struct conn *conn = conn_on_lane(&far);

	cr_assert_eq(write(far, bytes, 10), 10);
	endpoint_close(conn);
	cr_assert(lane_closed(conn));
	cr_assert_eq((int)conn->lane.rs, -1);
	cr_assert_eq(receive(conn, 10, 0), -EAGAIN);
	cr_assert_eq(read(far, bytes, 10), -1);	/* reset: it had bytes unread */
	endpoint_close(conn);			/* once is enough */
}

/* What is kept in the carrier's memory is the application's after close(). */
Test(lane, what_the_carrier_keeps_outlives_it)
{
	static uint8_t kept[8192];
	int far;
	struct conn *conn = conn_on_lane(&far);
	const uint8_t *piece;

	conn->lane.stall_watched = true;
	replay_begin(&conn->tx.replay, 8192, 0);
	replay_lend(&conn->tx.replay, kept, sizeof(kept), 0);
	memset(kept, 'x', sizeof(kept));
	cr_assert_eq(transmit(conn, 3000), 3000);
	cr_assert(!conn_ring_full(conn));
	conn->tx.bytes = 20000;		/* of which little is acknowledged */
	cr_assert(!conn_ring_full(conn));
	cr_assert_eq(transmit(conn, 3000), 3000, "the carrier says when");
	endpoint_close(conn);
	memset(kept, 'y', sizeof(kept));
	cr_assert(replay_has(&conn->tx.replay, 0));
	cr_assert_eq(replay_piece(&conn->tx.replay, 0, &piece), 6000);
	cr_assert_eq(piece[5999], 'x');
}

/* exit() waits from close() until a job of work.c has the lane's end. */
Test(lane, its_end_is_awaited_from_the_join_on)
{
	int far;
	struct conn *conn = conn_on_lane(&far);

	conn->state = STATE_joining;
	conn->tx.stage = TX_FROZEN;
	cr_assert(!hold_waits(conn));
	conn->tx.stage = TX_LANE;	/* what was held may be on it already */
	cr_assert(hold_waits(conn));
	conn->state = STATE_on_rdma;
	cr_assert(!hold_waits(conn));
	close_step(&conn->close.stage, CLOSE_ON_closed);
	cr_assert(hold_waits(conn));
	lane_step(&conn->lane.stage, LANE_ON_ending);
	cr_assert(hold_waits(conn));	/* the job has not begun */
	endpoint_close(conn);
	cr_assert(!hold_waits(conn));
}
