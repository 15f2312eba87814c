// SPDX-License-Identifier: BSD-2-Clause
/*
 * How much there is to read, and how much has not arrived: FIONREAD, SIOCOUTQ.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "base/memory.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/early.h"
#include "conn/parts.h"

/* With receive, in the lane: how much of `size` bytes is there to be read. */
static size_t peek(struct conn *conn, void *bytes, size_t size)
{
	struct iovec iov = { bytes, size };
	ssize_t got = carrier->receive(conn->lane.rs, &iov, 1, MSG_PEEK);

	return got > 0 ? (size_t)got : 0;
}

/*
 * With receive, in the lane: what a recv() from it would give. An rsocket tells
 * only by giving it, and holds no more than its buffer.
 */
static size_t peek_all(struct conn *conn)
{
	char scratch[4096];
	size_t got = peek(conn, scratch, sizeof(scratch));
	size_t most = conn->decision.lane.receive_buffer;
	void *bytes;

	if (got < sizeof(scratch))
		return got;
	bytes = memory_resize(NULL, most);
	if (bytes)
		got = peek(conn, bytes, most);
	memory_free(bytes);
	return got;
}

/* With receive. */
static size_t pending_locked(struct conn *conn)
{
	ssize_t got;

	if (!lane_enter(conn))
		return 0;
	got = carrier->queued(conn->lane.rs);
	if (got < 0)
		got = (ssize_t)peek_all(conn);
	lane_leave(conn);
	return (size_t)got;
}

static size_t lane_pending(struct conn *conn)
{
	size_t pending;

	lock_acquire(&conn->rx.lock);
	pending = pending_locked(conn);
	lock_release(&conn->rx.lock);
	return pending;
}

bool conn_reads_lane(const struct conn *conn)
{
	return conn->rx.stage == RX_LANE;
}

bool conn_came(struct conn *conn, uint64_t *came, bool *any)
{
	size_t pending = 0;
	bool counted;

	lock_acquire(&conn->rx.lock);
	counted = conn->rx.stage == RX_LANE;
	if (counted)
		pending = pending_locked(conn);
	*came = conn_pulled(conn) + pending;
	*any = pending > 0 || conn->rx.early.size || *came == conn->rx.end;
	lock_release(&conn->rx.lock);
	return counted;
}

/* Of the raw part of the stream, which ends `left` bytes on. */
static int raw_pending(struct conn *conn, uint64_t left, int *bytes)
{
	if (real.ioctl(conn->tcp, FIONREAD, bytes) != 0)
		return conn_state(conn) == STATE_dead ? 0 : -errno;
	if (*bytes >= 0 && (uint64_t)*bytes >= left)
		*bytes = (int)(left + lane_pending(conn));
	return 0;
}

int conn_pending(struct conn *conn, int *bytes)
{
	int ret = 0;

	if (conn->rx.stage == RX_GREET)
		conn_ready(conn, POLLIN);
	if (conn_is_plain(conn))
		return CONN_PLAIN;
	*bytes = 0;
	if (conn->rx.stage == RX_RAW)
		ret = raw_pending(conn, conn->rx.boundary - conn_pulled(conn),
				  bytes);
	else if (conn->rx.stage == RX_LANE)
		*bytes = (int)lane_pending(conn);
	*bytes += (int)conn->rx.early.size;
	return ret;
}

/*
 * What the kernel calls unsent has not come to the other host. Of the lane's
 * bytes that is known when it takes no more: then they are those that the
 * peer's application has not consumed. As long as it takes more they are out.
 */
int conn_unsent(struct conn *conn, int *bytes)
{
	enum conn_state state = conn_state(conn);
	int held = (int)conn->greeting.held_size;

	if (state != STATE_on_rdma && state != STATE_retreating) {
		if (held == 0)
			return CONN_PLAIN;
		*bytes = 0;
		if (real.ioctl(conn->tcp, SIOCOUTQ, bytes) != 0 &&
		    state != STATE_dead)
			return -errno;
		*bytes += held;
		return 0;
	}
	*bytes = held;
	if (conn->tx.stage != TX_LANE || !(conn_ready(conn, POLLOUT) & POLLOUT))
		*bytes += (int)(conn->tx.bytes - conn->tx.acked);
	return 0;
}
