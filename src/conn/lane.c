// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bytes of the application on the lane, for io.c; each with its direction's
 * lock, one non-blocking call.
 */
#include "base/clock.h"
#include "base/iov.h"
#include "base/memory.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/lane.h"
#include "conn/parts.h"
#include "conn/timer.h"

/* Lane and leg have ended: what is not there now will not come. */
static bool all_over(const struct conn *conn)
{
	return lane_over(conn) && conn->leg.end != LEG_OPEN;
}

/*
 * The lane has nothing: wait, or what TCP would say at its end. That the lane
 * is over does not mean that it is empty. `over`: it was all over before it was
 * read.
 */
static ssize_t lane_end(struct conn *conn, bool over)
{
	uint64_t end = conn->rx.end;

	if (end != conn->rx.bytes && !over)
		return -EAGAIN;
	if (end != conn->rx.bytes && end != OFFSET_NEVER)
		conn_reset(conn, ECONNRESET);	/* died with bytes unsent */
	if (conn->failure.pending == ECONNRESET)
		return -atomic_exchange(&conn->failure.pending, 0);
	return 0;
}

/*
 * MSG_TRUNC on TCP: the bytes are taken and go nowhere (tcp(7)). A look at them
 * begins at the first each time, so it is one look at all.
 */
static ssize_t lane_discard(struct conn *conn, size_t size, int flags)
{
	size_t most = conn->decision.lane.receive_buffer;
	char scratch[16384];
	struct iovec iov = { scratch, size < sizeof(scratch)
					      ? size
					      : sizeof(scratch) };
	ssize_t got;

	if (!(flags & MSG_PEEK) || size <= sizeof(scratch))
		return carrier->receive(conn->lane.rs, &iov, 1,
					flags & MSG_PEEK);
	iov.iov_len = size < most ? size : most;
	iov.iov_base = memory_resize(NULL, iov.iov_len);
	if (!iov.iov_base)
		return -ENOMEM;
	got = carrier->receive(conn->lane.rs, &iov, 1, MSG_PEEK);
	memory_free(iov.iov_base);
	return got;
}

/*
 * rrecv(3) gives the peer's send queue no credits for what it returns; the
 * next call on the rsocket does (rs_update_credits). An application that has
 * read all and does something else would leave the peer unable to send.
 */
static void give_credits(struct conn *conn, size_t got)
{
	conn->rx.uncredited += got;
	if (conn->rx.uncredited < conn->decision.lane.receive_buffer / 4)
		return;
	conn->rx.uncredited = 0;
	(void)carrier->ready(conn->lane.rs, 0);
}

ssize_t lane_receive(struct conn *conn, const struct iovec *iov,
		     int count, int flags)
{
	size_t size = iov_size(iov, count);
	bool over = all_over(conn);
	ssize_t got;

	if (conn->rx.end == conn->rx.bytes || lane_closed(conn))
		return lane_end(conn, over);
	if (size == 0)
		return carrier->ready(conn->lane.rs, POLLIN) & POLLIN ? 0
								      : -EAGAIN;
	got = flags & MSG_TRUNC ? lane_discard(conn, size, flags)
				: carrier->receive(conn->lane.rs, iov, count,
						   flags & MSG_PEEK);
	if (got > 0) {
		if (!(flags & MSG_PEEK)) {
			conn->rx.bytes += got;
			give_credits(conn, got);
		}
		return got;
	}
	if (got == -EFAULT || got == -ENOMEM)
		return got;
	if (got != -EAGAIN) {
		lane_step(&conn->lane.stage, LANE_ON_over);
		over = all_over(conn);
	}
	return lane_end(conn, over);
}

bool conn_lane_holds(struct conn *conn, size_t size)
{
	char byte, *bytes = size > 1 ? memory_resize(NULL, size) : &byte;
	struct iovec iov = { bytes, size };
	bool holds = false;

	lock_acquire(&conn->rx.lock);
	if (bytes && conn->rx.stage == RX_LANE && lane_enter(conn)) {
		holds = carrier->receive(conn->lane.rs, &iov, 1, MSG_PEEK) ==
			(ssize_t)size;
		lane_leave(conn);
	}
	lock_release(&conn->rx.lock);
	if (size > 1)
		memory_free(bytes);
	return holds;
}

ssize_t lane_gone(struct conn *conn, const struct iovec *iov, int count)
{
	int error;

	if (!conn->failure.reset) {
		conn_reset(conn, EPIPE);
		return iov_size(iov, count);
	}
	error = atomic_exchange(&conn->failure.pending, 0);
	return error ? -error : -EPIPE;
}

/* Bytes are on the lane: somebody has to look after them. Cheap. */
static void look_after(struct conn *conn)
{
	if (!atomic_load_explicit(&conn->lane.stall_watched,
				  memory_order_relaxed) &&
	    !atomic_exchange(&conn->lane.stall_watched, true))
		timer_by(conn, clock_ms() + STALL_LOOK_MS);
}

ssize_t lane_transmit(struct conn *conn, const struct iovec *iov, int count)
{
	struct iovec part[IOV_PART];
	ssize_t put;

	if ((conn->close.peers & WIRE_CLOSE_FULL) ||
	    conn->leg.end != LEG_OPEN || conn->failure.reset)
		return lane_gone(conn, iov, count);
	if (iov_size(iov, count) == 0)
		return 0;
	if (conn->tx.replay.limit && !conn->tx.replay.lent) {
		size_t room = iov_size(iov, count);

		if (room > conn->decision.lane.send_buffer)
			room = conn->decision.lane.send_buffer;
		room = replay_room(&conn->tx.replay, room);
		if (room == 0)
			return -EAGAIN;
		count = iov_limit(part, iov, count, room);
		iov = part;
	}
	put = carrier->send(conn->lane.rs, iov, count);
	if (put > 0) {
		replay_keep(&conn->tx.replay, iov, put);
		conn->tx.bytes += put;
		look_after(conn);
	} else if (put != -EAGAIN && put != -EFAULT && put != 0)
		lane_step(&conn->lane.stage, LANE_ON_over);
	return put < 0 && lane_over(conn) ? -EAGAIN : put;
}
