// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket options and ioctls where the kernel socket does not know the answer.
 * Everything else is the kernel's: the socket is real, and stays.
 */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/memory.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/internal.h"

/* SO_ERROR: the kernel's, unless connect() or a lane has one of its own. */
static int socket_error(struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	if (conn->role == CONN_ACTIVE && state != STATE_plain)
		dial_look(conn);
	state = conn_state(conn);
	if (state == STATE_dead)
		return atomic_exchange(&conn->failure.told, true)
			       ? 0
			       : -conn->failure.error;
	if (state == STATE_on_rdma)
		return atomic_exchange(&conn->failure.pending, 0);
	if (state == STATE_greeting ||
	    (state == STATE_connecting &&
	     conn->mode == POLICY_REQUIRE))
		return 0;
	return CONN_PLAIN;
}

/* tcp_states.h, as TCP_INFO numbers them */
enum { TCP_IS_FIN_WAIT2 = 5, TCP_IS_CLOSE = 7, TCP_IS_CLOSE_WAIT = 8 };

/* The kernel's TCP_INFO, with the state the application has brought about. */
static int tcp_info(struct conn *conn, void *value, socklen_t *length)
{
	bool read_over = conn->rx.end != OFFSET_NEVER;
	uint8_t state = 0;

	if (real.getsockopt(conn->tcp, IPPROTO_TCP, TCP_INFO, value, length))
		return -errno;
	if (conn->failure.reset || (read_over && conn->tx.shut))
		state = TCP_IS_CLOSE;
	else if (read_over)
		state = TCP_IS_CLOSE_WAIT;
	else if (conn->tx.shut)
		state = TCP_IS_FIN_WAIT2;
	if (state && *length > offsetof(struct tcp_info, tcpi_state))
		((struct tcp_info *)value)->tcpi_state = state;
	return 0;
}

int conn_getsockopt(struct conn *conn, int level, int name, void *value,
		    socklen_t *length)
{
	int error, saved = errno;

	if (level == IPPROTO_TCP && name == TCP_INFO && value && length &&
	    conn_state(conn) == STATE_on_rdma)
		return tcp_info(conn, value, length);
	if (level != SOL_SOCKET || name != SO_ERROR || !value || !length)
		return CONN_PLAIN;
	error = socket_error(conn);
	errno = saved;		/* which may be what is filled next */
	if (error < 0)
		return error;
	if (*length > sizeof(error))
		*length = sizeof(error);
	memcpy(value, &error, *length);
	return 0;
}

/* With receive, in the lane: how much of `size` bytes is there to be read. */
static size_t peek(struct conn *conn, void *bytes, size_t size)
{
	struct iovec iov = { bytes, size };
	ssize_t got = carrier->receive(conn->lane.rs, &iov, 1, MSG_PEEK);

	return got > 0 ? (size_t)got : 0;
}

/*
 * What a recv() from the lane would give. An rsocket tells only by giving it,
 * and holds no more than its buffer.
 */
static size_t lane_pending(struct conn *conn)
{
	char scratch[4096];
	size_t got = 0, most = conn->decision.lane.receive_buffer;
	void *bytes;

	lock_acquire(&conn->rx.lock);
	if (lane_enter(conn)) {
		got = peek(conn, scratch, sizeof(scratch));
		bytes = got == sizeof(scratch) ? memory_resize(NULL, most)
						: NULL;
		if (bytes)
			got = peek(conn, bytes, most);
		memory_free(bytes);
		lane_leave(conn);
	}
	lock_release(&conn->rx.lock);
	return got;
}

/* Of the raw part of the stream, which ends `left` bytes on. */
static int raw_pending(struct conn *conn, uint64_t left, int *bytes)
{
	if (real.ioctl(conn->tcp, FIONREAD, bytes) != 0)
		return -errno;
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

int conn_unsent(struct conn *conn, int *bytes)
{
	int held = (int)conn->greeting.held_size;

	if (conn_state(conn) != STATE_on_rdma) {
		if (held == 0)
			return CONN_PLAIN;
		if (real.ioctl(conn->tcp, SIOCOUTQ, bytes) != 0)
			return -errno;
		*bytes += held;
		return 0;
	}
	*bytes = (int)(conn->tx.bytes - conn->tx.acked) + held;
	return 0;
}
