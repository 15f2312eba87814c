// SPDX-License-Identifier: BSD-2-Clause
/*
 * A lane's bytes do not pass the kernel's packet filter, so a lane goes no
 * further than TCP does: while it carries bytes the TCP leg carries a PROBE
 * every lane.proof, and if the peer's kernel does not answer for
 * lane.stall_timeout the connection leaves the lane. What it then waits for is
 * what it would wait for without one.
 */
#include "conn/proof.h"

#include <netinet/in.h>
#include <linux/tcp.h>

#include "base/real.h"
#include "conn/outbox.h"
#include "conn/parts.h"

/* In a queue of ours that was not sent yet it is the peer who takes nothing. */
bool proof_leg_answers(const struct conn *conn, uint64_t ms)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	return real.getsockopt(conn->tcp, IPPROTO_TCP, TCP_INFO, &info,
			       &size) != 0 ||
	       info.tcpi_unacked == 0 || info.tcpi_last_ack_recv < ms;
}

/* Has the peer said by itself that it has what we sent? */
static bool has_said(struct conn *conn)
{
	bool said = conn->tx.acked > conn->proof.acked;

	conn->proof.acked = conn->tx.acked;
	return said && conn->tx.replay.limit;
}

/* The time begins, as bytes go: what has gone since the last is asked about. */
static bool begin(struct conn *conn, uint64_t now)
{
	uint64_t bytes = conn->tx.bytes + conn->rx.bytes;
	bool moved = bytes != conn->proof.bytes;

	conn->proof.bytes = bytes;
	conn->proof.since_ms = moved ? now : 0;
	return moved;
}

bool proof_look(struct conn *conn, uint64_t now)
{
	const struct policy_lane *lane = &conn->decision.lane;
	uint64_t since = now - conn->proof.since_ms;
	bool first = conn->proof.since_ms == 0;

	if (lane->proof_ms == 0 || conn_closed(conn) || conn->close.peers)
		return false;
	if (!first && !proof_leg_answers(conn, since)) {
		if (since < lane->stall_timeout_ms)
			return true;
		(void)conn_leave(conn, REASON_tcp_stalled);
		return false;
	}
	if (!first && since < lane->proof_ms)
		return true;
	if (!begin(conn, now))
		return false;
	if (!first && !has_said(conn))
		outbox_say(conn, WIRE_PROBE, 0, conn->tx.bytes);
	return true;
}
