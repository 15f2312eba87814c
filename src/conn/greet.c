// SPDX-License-Identifier: BSD-2-Clause
/*
 * The passive side's greeting: a look at the first bytes that came, when the
 * application first touches the accepted socket. Bytes that are not HELLO are
 * left where they are.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/real.h"
#include "conn/family.h"
#include "conn/internal.h"
#include "conn/limits.h"
#include "rdma/rdma.h"

#define GRACE_MOST_US 4000

/* With lock: nothing that could become HELLO is there; the kernel's now. */
static void leave(struct conn *conn, enum reason reason)
{
	if (conn->decision.mode != POLICY_REQUIRE) {
		conn_step_locked(conn, EVENT_unaware, reason);
		return;
	}
	if (conn_step_locked(conn, EVENT_lost, reason)) {
		conn->failure = -ECONNRESET;
		real.shutdown(conn->tcp, SHUT_RDWR);
	}
}

/* Why a lane is out of the question, from HELLO alone; REASON_none: not. */
static enum reason judge(struct conn *conn, int parsed,
			 const struct wire_hello *hello)
{
	if (parsed != 0)
		return REASON_version;
	if (conn->decision.mode == POLICY_TCP)
		return conn->reason;
	if (!conn->decision.nat && !addr_same(&hello->local, &conn->remote))
		return REASON_proxied;
	return REASON_none;
}

/* With lock: the whole of HELLO is at the head of the stream. */
static void take_hello(struct conn *conn, uint8_t *in, int length)
{
	struct wire_hello hello;
	int parsed = wire_get_hello(in, length, &hello);

	real.recv(conn->tcp, in, length, MSG_DONTWAIT);
	conn->deadline_ms = TIME_NEVER;
	if (conn->tx == TX_RAW) {
		/* The client sees our first bytes, not REPLY, and leaves. */
		leave(conn, REASON_late_hello);
		return;
	}
	conn->reason = judge(conn, parsed, &hello);
	if (parsed == 0)
		memcpy(conn->peer_mark, hello.mark, sizeof(conn->peer_mark));
	conn->reply_due = true;
}

/*
 * With lock: the client has reset the connection, and HELLO may be there
 * still. Without any bytes the error is the application's.
 */
static void take_refused_hello(struct conn *conn)
{
	uint8_t in[WIRE_HELLO_MAX];
	int length, there = 0;
	ssize_t got;

	if (real.ioctl(conn->tcp, FIONREAD, &there) != 0 || there == 0)
		return;
	got = real.recv(conn->tcp, in, sizeof(in), MSG_PEEK | MSG_DONTWAIT);
	length = got > 0 ? wire_length(in, got) : -ENOMSG;
	if (length > 0 && length <= got)
		real.recv(conn->tcp, in, length, MSG_DONTWAIT);
}

/* With lock. */
static void look_locked(struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp, .events = POLLIN };
	uint8_t in[WIRE_HELLO_MAX];
	ssize_t got;
	int length;

	if (real.poll(&tcp, 1, 0) != 1)
		return;
	if (tcp.revents & POLLERR) {
		take_refused_hello(conn);
		leave(conn, REASON_peer_closed);
		return;
	}
	got = real.recv(conn->tcp, in, sizeof(in), MSG_PEEK | MSG_DONTWAIT);
	if (got < 0)
		return;
	length = got == 0 ? -ENOMSG : wire_length(in, got);
	if (length == -EAGAIN || length > got) {
		if (conn->deadline_ms == TIME_NEVER)
			conn->deadline_ms = clock_ms() +
				conn->decision.handshake.timeout_ms;
		else if (clock_ms() >= conn->deadline_ms)
			leave(conn, REASON_peer_unaware);
	} else if (length < 0) {
		leave(conn, REASON_peer_unaware);
	} else {
		take_hello(conn, in, length);
	}
}

void greet_look(struct conn *conn)
{
	bool answer, left = false;
	int saved = errno;

	if (conn->share && !family_claim(conn))
		return;
	lock_acquire(&conn->lock);
	if (conn->state == STATE_greeting && !conn->reply_due) {
		look_locked(conn);
		left = conn->state != STATE_greeting;
	}
	answer = conn->reply_due;
	lock_release(&conn->lock);

	if (answer)
		greet_answer(conn);
	else if (left)
		conn_settle(conn);
	errno = saved;
}

/* With lock: REPLY with what the struct says, and the next state. */
static void send_reply(struct conn *conn, struct wire_reply *reply)
{
	uint8_t out[WIRE_REPLY_MAX];
	ssize_t size;

	reply->reason = conn->reason;
	if (conn->reason == REASON_none) {
		reply->flags = WIRE_REPLY_ACCEPT;
		if (conn->decision.mode == POLICY_REQUIRE)
			reply->flags |= WIRE_REPLY_REQUIRE;
		conn_random(conn->mark, sizeof(conn->mark));
		memcpy(reply->token, conn->token, sizeof(reply->token));
		memcpy(reply->mark, conn->mark, sizeof(reply->mark));
		conn->rx = RX_RAW;
		conn->tx = conn->decision.mode == POLICY_REQUIRE ? TX_HOLD
								 : TX_RAW;
		conn_step_locked(conn, EVENT_aware, REASON_too_short);
	} else {
		reply->count = 0;
		leave(conn, conn->reason);
	}
	size = wire_put_reply(out, reply);
	/* A fresh socket takes it whole; if not, the peer is gone. */
	if (real.send(conn->tcp, out, size, MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    size)
		leave(conn, REASON_peer_closed);
}

/* Our lane addresses for REPLY, or the reason why there are none. */
static int addresses(struct conn *conn, struct wire_reply *reply)
{
	enum reason reason = rdma_open();
	int count = 0;

	if (reason == REASON_none)
		reason = limits_look(conn);
	if (reason == REASON_none) {
		count = listener_addresses(conn, reply->addresses,
					   WIRE_REPLY_MAX_ADDRESSES);
		if (count == 0)
			reason = REASON_no_device;
	}
	if (reason == REASON_none && count > 0 && listener_expect(conn) != 0)
		reason = REASON_no_memory;
	if (reason != REASON_none)
		conn->reason = reason;
	reply->count = count > 0 ? count : 0;
	return count;
}

void greet_answer(struct conn *conn)
{
	struct wire_reply reply = { 0 };
	bool mine, again;
	int count = 0, saved = errno;

	lock_acquire(&conn->lock);
	mine = conn->reply_due && !conn->answering;
	conn->answer_again = !mine && conn->reply_due;
	conn->answering |= mine;
	lock_release(&conn->lock);
	if (!mine)
		return;

	do {
		/* The listeners may have failed while we looked. */
		count = conn->reason == REASON_none ? addresses(conn, &reply)
						    : 0;
		lock_acquire(&conn->lock);
		again = count == -EAGAIN && conn->answer_again;
		conn->answer_again = false;
		conn->answering = again;
		if (count != -EAGAIN) {
			conn->reply_due = false;
			send_reply(conn, &reply);
		}
		lock_release(&conn->lock);
	} while (again);
	if (count != -EAGAIN)
		conn_settle(conn);
	errno = saved;
}

unsigned conn_grace_us(struct conn *conn)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);
	int32_t grace = conn->decision.handshake.grace_us;

	if (conn->role != CONN_PASSIVE || conn->grace_used ||
	    conn_state(conn) != STATE_greeting || conn->tx != TX_HOLD)
		return 0;
	if (conn->reply_due)
		return GRACE_MOST_US;
	if (grace >= 0)
		return grace ? grace : 1;
	if (real.getsockopt(conn->tcp, IPPROTO_TCP, TCP_INFO, &info,
			    &length) != 0)
		return 1;
	grace = 2 * info.tcpi_rtt;
	return grace < 1000 ? 1000 : grace > GRACE_MOST_US ? GRACE_MOST_US
							   : grace;
}

void conn_grace_over(struct conn *conn)
{
	lock_acquire(&conn->lock);
	conn->grace_used = true;
	if (conn->state == STATE_greeting && conn->role == CONN_PASSIVE &&
	    !conn->reply_due && conn->decision.mode != POLICY_REQUIRE)
		conn->tx = TX_RAW;
	lock_release(&conn->lock);
}
