// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP_INFO: the kernel's of the TCP leg, with the connection's own state and
 * the application's own bytes. Its times, windows and segments are the leg's.
 */
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/real.h"
#include "conn/info.h"
#include "conn/parts.h"

/* tcp_states.h, as TCP_INFO numbers them */
enum { IS_FIN_WAIT2 = 5, IS_CLOSE = 7, IS_CLOSE_WAIT = 8 };

/* The state that the application and its peer have brought about. */
static void put_state(const struct conn *conn, struct tcp_info *info)
{
	bool read_over = conn->rx.end != OFFSET_NEVER;

	if (conn->failure.reset || (read_over && conn->tx.shut))
		info->tcpi_state = IS_CLOSE;
	else if (read_over)
		info->tcpi_state = IS_CLOSE_WAIT;
	else if (conn->tx.shut)
		info->tcpi_state = IS_FIN_WAIT2;
}

/* Of what the application has sent, the bytes that wait here. */
static uint64_t unsent(struct conn *conn)
{
	int bytes = 0;

	if (conn_unsent(conn, &bytes) != 0 &&
	    real.ioctl(conn->tcp, SIOCOUTQ, &bytes) != 0)
		return 0;
	return (uint64_t)bytes;
}

/*
 * The kernel counts a client's SYN as a byte that was acknowledged, and of a
 * server nothing (tcp_snd_una_update()).
 */
static void put_bytes(struct conn *conn, struct tcp_info *info)
{
	uint64_t held = conn->greeting.held_size;
	uint64_t sent = conn->tx.bytes, left = unsent(conn);
	int pending;

	if (conn_pending(conn, &pending) != 0)
		return;
	left -= held < left ? held : left;
	info->tcpi_notsent_bytes = (uint32_t)held;
	info->tcpi_bytes_sent = sent;
	info->tcpi_bytes_acked = sent - (left < sent ? left : sent) +
				 (conn->role == CONN_ACTIVE);
	info->tcpi_bytes_received = conn->rx.bytes + (uint64_t)pending;
}

/* Is the greeting over, so that what goes and comes is the application's? */
static bool has_counts(enum conn_state state)
{
	return state == STATE_greeted || state == STATE_joining ||
	       state == STATE_on_rdma || state == STATE_retreating;
}

int conn_tcp_info(struct conn *conn, void *value, socklen_t *length)
{
	enum conn_state state = conn_state(conn);
	struct tcp_info info = { 0 };
	size_t size;

	if (!has_counts(state))
		return CONN_PLAIN;
	if (real.getsockopt(conn->tcp, IPPROTO_TCP, TCP_INFO, value, length))
		return -errno;
	size = *length < sizeof(info) ? *length : sizeof(info);
	memcpy(&info, value, size);
	if (state == STATE_on_rdma)
		put_state(conn, &info);
	put_bytes(conn, &info);
	memcpy(value, &info, size);
	return 0;
}
