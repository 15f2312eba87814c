// SPDX-License-Identifier: BSD-2-Clause
/*
 * What was no REPLY is taken back: the connection is dissolved, and dialled
 * again, plainly, on the same socket from the same address, before the server
 * has seen an application byte.
 */
#include "conn/redial.h"

#include <fcntl.h>
#include <netinet/in.h>

#include "base/addr.h"
#include "base/real.h"
#include "conn/core.h"
#include "conn/greeting.h"
#include "conn/hold.h"
#include "conn/parts.h"
#include "conn/unaware.h"
#include "mark/mark.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51	/* linux/in.h */
#endif

void dial_dissolve(struct conn *conn)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	real.connect(conn->tcp, &unspec, sizeof(unspec));
}

/* Let connect(2) choose this port alone (ip(7), since Linux 6.3); 0: any. */
static bool choose_port(int fd, uint16_t port)
{
	uint32_t range = (uint32_t)port << 16 | port;

	return real.setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range,
			       sizeof(range)) == 0;
}

/* With lock: connect(2) without sleeping. 0, -EINPROGRESS, -errno. */
static int connect_at_once(struct conn *conn)
{
	int flags = real.fcntl(conn->tcp, F_GETFL, NULL), ret;

	if (!(flags & O_NONBLOCK))
		real.fcntl(conn->tcp, F_SETFL,
			   (void *)(long)(flags | O_NONBLOCK));
	ret = real.connect(conn->tcp, (struct sockaddr *)&conn->ends.dialled,
			   conn->ends.dialled_length) == 0
		      ? 0
		      : -errno;
	if (!(flags & O_NONBLOCK))
		real.fcntl(conn->tcp, F_SETFL, (void *)(long)flags);
	return ret;
}

/*
 * With lock: dissolve the connection (connect(2), AF_UNSPEC) and dial plainly
 * from the same address. bind(2) is refused it where another connection has
 * the port, too; connect(2) may share it. Never blocks. 0, -EINPROGRESS,
 * -errno.
 */
static int redial(struct conn *conn)
{
	struct sockaddr_storage local;
	socklen_t length = sizeof(local);
	bool chosen = false;
	bool named = real.getsockname(conn->tcp, (struct sockaddr *)&local,
				      &length) == 0;
	int ret;

	dial_dissolve(conn);
	if (conn->greeting.marked_syn)
		mark_syn_never(conn->tcp);
	if (named &&
	    real.bind(conn->tcp, (struct sockaddr *)&local, length) != 0)
		chosen = choose_port(conn->tcp, addr_port(&local));
	ret = connect_at_once(conn);
	if (chosen)
		choose_port(conn->tcp, 0);
	if (chosen && ret == -EADDRNOTAVAIL)
		ret = connect_at_once(conn);
	greeting_learn_local(conn);
	return ret;
}

static enum reason reason_of_silence(const struct conn *conn)
{
	return conn->decision.greeting == POLICY_GREETING_MARK
		       ? REASON_taken_back
		       : REASON_peer_unaware;
}

/*
 * With lock: the second connect() has failed, so the server has ended the first
 * connection and is gone. What was sent on that is lost; if nothing was, and
 * dial.c saw no reset, the application sees the end of the stream, as it would
 * have.
 */
static int error_of_refusal(const struct conn *conn)
{
	return hold_any(conn) ? -ECONNRESET : conn->failure.error;
}

void redial_take_back(struct conn *conn)
{
	int ret;

	conn->greeting.deadline_ms = TIME_NEVER;
	if (conn->decision.greeting == POLICY_GREETING_PROBE)
		unaware_remember(&conn->ends.remote,
				 conn->decision.handshake.forget_after_ms);
	if (greeting_needs_lane(conn)) {
		dial_dissolve(conn);
		conn_fail_locked(conn, REQUIRED_ERROR, reason_of_silence(conn));
		return;
	}
	if (greeting_is_trusted(conn)) {
		hold_leave(conn, REASON_peer_unaware);
		return;
	}
	ret = redial(conn);
	if (ret == 0) {
		hold_leave(conn, reason_of_silence(conn));
	} else if (ret == -EINPROGRESS) {
		greeting_step(&conn->greeting.stage, GREETING_ON_taken_back);
	} else {
		conn_fail_locked(conn, error_of_refusal(conn),
				 reason_of_silence(conn));
	}
}

void redial_look(struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp, .events = POLLOUT };

	if (real.poll(&tcp, 1, 0) != 1)
		return;
	if (tcp.revents & (POLLERR | POLLHUP)) {
		conn_fail_locked(conn, error_of_refusal(conn),
				 reason_of_silence(conn));
		return;
	}
	greeting_learn_local(conn);
	hold_leave(conn, reason_of_silence(conn));
}
