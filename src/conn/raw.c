// SPDX-License-Identifier: BSD-2-Clause
/*
 * The raw part of the receiving direction, which ends at the boundary, and
 * looking over its end.
 */
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "base/iov.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/early.h"
#include "conn/parts.h"
#include "conn/raw.h"

ssize_t raw_receive(struct conn *conn, const struct iovec *iov, int count,
		    int flags)
{
	struct iovec part[IOV_PART];
	struct msghdr msg = { .msg_iov = (struct iovec *)iov,
			      .msg_iovlen = count };
	uint64_t limit = conn->rx.boundary - conn_pulled(conn);
	ssize_t got;

	if (conn->rx.boundary != OFFSET_NEVER) {
		msg.msg_iov = part;
		msg.msg_iovlen = iov_limit(part, iov, count, limit);
	}
	got = real.recvmsg(conn->tcp, &msg,
			   (flags & ~MSG_WAITALL) | MSG_DONTWAIT);
	if (got < 0)
		return -errno;
	if (!(flags & MSG_PEEK)) {
		conn->rx.bytes += got;
		conn->rx.raw += got;
	}
	return got;
}

/*
 * MSG_PEEK begins at the first byte each time: who looks until enough is there
 * has to see past the end of the raw part, which nobody reads meanwhile.
 */
ssize_t peek_across(struct conn *conn, const struct iovec *iov, int count)
{
	struct iovec rest[IOV_PART];
	uint64_t at = conn_pulled(conn);
	ssize_t got = -EAGAIN, total = 0;
	int used;

	if (conn->rx.early.size)
		total = conn_early_receive(conn, iov, count, MSG_PEEK);
	used = iov_rest(rest, iov, count, total);
	if (used > 0 && conn->rx.stage == RX_RAW && at < conn->rx.boundary) {
		got = raw_receive(conn, rest, used, MSG_PEEK);
		total += got > 0 ? got : 0;
		at += got > 0 ? got : 0;
		used = iov_rest(rest, iov, count, total);
	}
	if (used > 0 && at >= conn->rx.boundary && lane_enter(conn)) {
		got = carrier->receive(conn->lane.rs, rest, used, MSG_PEEK);
		total += got > 0 ? got : 0;
		lane_leave(conn);
	}
	return total ? total : got;
}

/* MSG_PEEK | MSG_TRUNC: how many of `size` there are, into nobody's buffer. */
ssize_t peek_amount(struct conn *conn, size_t size)
{
	size_t most = conn->rx.early.size + conn->decision.lane.receive_buffer;
	struct iovec iov;
	int queued = 0;
	ssize_t got;

	if (real.ioctl(conn->tcp, FIONREAD, &queued) == 0)
		most += (size_t)queued;
	iov.iov_len = size < most ? size : most;
	iov.iov_base = memory_resize(NULL, iov.iov_len ?: 1);
	if (!iov.iov_base)
		return -ENOMEM;
	got = peek_across(conn, &iov, 1);
	memory_free(iov.iov_base);
	return got;
}

/* Is a part of what is not yet read elsewhere than the rest? */
bool is_astride(const struct conn *conn)
{
	if (conn->rx.early.size && conn->rx.stage == RX_RAW)
		return true;
	return conn_state(conn) == STATE_on_rdma &&
	       (conn->rx.early.size || (conn->rx.stage == RX_RAW &&
				     conn->rx.boundary != OFFSET_NEVER));
}

static bool is_closed(const struct conn *conn, short events)
{
	struct pollfd tcp = { .fd = conn->tcp };
	struct tcp_info info = { .tcpi_state = TCP_ESTABLISHED };
	socklen_t size = sizeof(info);

	return real.poll(&tcp, 1, 0) == 1 && (tcp.revents & events) &&
	       real.getsockopt(conn->tcp, IPPROTO_TCP, TCP_INFO, &info,
			       &size) == 0 &&
	       info.tcpi_state == TCP_CLOSE;
}

bool raw_is_over(const struct conn *conn)
{
	return is_closed(conn, POLLERR | POLLHUP);
}

bool raw_is_reset(const struct conn *conn, bool reading)
{
	int queued = 0;

	if (!is_closed(conn, POLLERR))
		return false;
	return !reading || real.ioctl(conn->tcp, FIONREAD, &queued) != 0 ||
	       queued == 0;
}

bool conn_is_reset(struct conn *conn, bool reading)
{
	return (conn_is_plain(conn) || (conn->rx.stage == RX_RAW &&
					conn->tx.stage == TX_RAW)) &&
	       raw_is_reset(conn, reading);
}
