// SPDX-License-Identifier: BSD-2-Clause
/*
 * The active side's greeting: HELLO when the kernel's connection is there,
 * then the first bytes of the answer. An unaware server is left and dialled
 * again, plainly, on the same socket, before it has seen an application byte.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/real.h"
#include "conn/internal.h"

#define REQUIRED_ERROR (-ENETUNREACH)	/* require, and no lane */
#define ANSWERED_TIMES 20	/* handshake.timeout of who answered others */

static bool must_have_lane(const struct conn *conn)
{
	return conn->decision.mode == POLICY_REQUIRE || conn->peer_requires;
}

/* With lock. The kernel holds the error, if any: every call will find it. */
static void leave(struct conn *conn, enum reason reason)
{
	conn_step_locked(conn, EVENT_unaware, reason);
}

/* With lock. */
static void send_hello(struct conn *conn)
{
	uint8_t message[WIRE_HELLO_SIZE];
	struct wire_hello hello;
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);

	memset(&hello, 0, sizeof(hello));
	real.getsockname(conn->tcp, (struct sockaddr *)&name, &length);
	addr_normalize(&conn->local, (struct sockaddr *)&name, length);
	conn_random(conn->mark, sizeof(conn->mark));
	hello.local = conn->local;
	hello.remote = conn->remote;
	memcpy(hello.mark, conn->mark, sizeof(hello.mark));
	wire_put_hello(message, &hello);
	if (real.send(conn->tcp, message, sizeof(message),
		      MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(message)) {
		leave(conn, REASON_peer_closed);
		return;
	}
	conn->hello_sent = true;
	if (conn->decision.greeting == POLICY_GREETING_TRUSTED)
		conn->tx = TX_RAW;
	conn->deadline_ms = clock_ms() + conn->decision.handshake.timeout_ms;
}

/* With lock. */
static void establish(struct conn *conn)
{
	conn_step_locked(conn, EVENT_established, conn->reason);
	send_hello(conn);
}

/* With lock: is the kernel's connection there? */
static void look_established(struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp, .events = POLLOUT };

	if (real.poll(&tcp, 1, 0) != 1)
		return;
	if (tcp.revents & (POLLERR | POLLHUP)) {
		leave(conn, REASON_closed);
		return;
	}
	establish(conn);
}

/* With lock: REPLY is in and consumed. */
static void take_reply(struct conn *conn, const struct wire_reply *reply)
{
	conn->deadline_ms = TIME_NEVER;
	unaware_answered(&conn->remote,
			 conn->decision.handshake.forget_after_ms);
	if (!(reply->flags & WIRE_REPLY_ACCEPT) || reply->count == 0) {
		leave(conn, reply->reason == REASON_proxied ||
				    reply->reason == REASON_version
				    ? reply->reason
				    : REASON_peer_declined);
		return;
	}
	conn->offer = malloc(sizeof(*reply));
	if (!conn->offer) {
		leave(conn, REASON_no_memory);
		return;
	}
	*conn->offer = *reply;
	memcpy(conn->peer_mark, reply->mark, sizeof(conn->peer_mark));
	conn->peer_requires = reply->flags & WIRE_REPLY_REQUIRE;
	conn_step_locked(conn, EVENT_aware, REASON_too_short);
	conn->rx = RX_RAW;
	conn->tx = must_have_lane(conn) ? TX_HOLD : TX_RAW;
}

/*
 * With lock: look at the first bytes of the answer. True: the server is
 * unaware. *reason says in what way.
 */
static bool look_reply(struct conn *conn)
{
	uint8_t in[WIRE_REPLY_MAX];
	struct wire_reply reply;
	ssize_t got;
	int length;

	got = real.recv(conn->tcp, in, sizeof(in), MSG_PEEK | MSG_DONTWAIT);
	if (got < 0)
		return errno != EAGAIN && errno != EINTR;
	if (got == 0)
		return true;
	length = wire_length(in, got);
	if (length == -EAGAIN || (length > 0 && length > got))
		return false;
	if (length < 0 || length > WIRE_REPLY_MAX)
		return true;
	switch (wire_get_reply(in, length, &reply)) {
	case 0:
		break;
	case -EPROTONOSUPPORT:
		memset(&reply, 0, sizeof(reply));
		reply.reason = REASON_version;
		break;
	default:
		return true;
	}
	real.recv(conn->tcp, in, length, MSG_DONTWAIT);
	take_reply(conn, &reply);
	return false;
}

/* Dissolve the connection (connect(2), AF_UNSPEC) and dial it plainly. */
static int redial(struct conn *conn, bool background)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int flags, ret;

	if (real.connect(conn->tcp, &unspec, sizeof(unspec)) != 0)
		return -errno;
	flags = background ? real.fcntl(conn->tcp, F_GETFL, NULL) : O_NONBLOCK;
	if (!(flags & O_NONBLOCK))
		real.fcntl(conn->tcp, F_SETFL,
			   (void *)(long)(flags | O_NONBLOCK));
	ret = real.connect(conn->tcp, (struct sockaddr *)&conn->dial_to,
			   conn->dial_length);
	ret = ret == 0 ? 0 : -errno;
	if (!(flags & O_NONBLOCK))
		real.fcntl(conn->tcp, F_SETFL, (void *)(long)flags);
	return ret;
}

void dial_dissolve(struct conn *conn)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	real.connect(conn->tcp, &unspec, sizeof(unspec));
}

/* The server is unaware. Only the one who set redialling comes here. */
static void leave_unaware(struct conn *conn, bool background)
{
	int ret;

	unaware_remember(&conn->remote,
			 conn->decision.handshake.forget_after_ms);
	if (must_have_lane(conn)) {
		dial_dissolve(conn);
		conn_fail(conn, REQUIRED_ERROR, REASON_peer_unaware);
		return;
	}
	ret = conn->decision.greeting == POLICY_GREETING_TRUSTED ?
	      0 : redial(conn, background);
	lock_acquire(&conn->lock);
	conn->dial_error = ret;
	leave(conn, REASON_peer_unaware);
	lock_release(&conn->lock);
	conn_settle(conn);
}

/*
 * With lock: has the answer taken too long? Who has answered others lately is
 * busy, and would see a connection that was left as one that comes to nothing.
 */
static bool time_is_over(struct conn *conn)
{
	if (conn->state != STATE_greeting || clock_ms() < conn->deadline_ms)
		return false;
	if (conn->patient || !unaware_has_answered(&conn->remote))
		return true;
	conn->patient = true;
	conn->deadline_ms = clock_ms() +
			    (uint64_t)conn->decision.handshake.timeout_ms *
				    ANSWERED_TIMES;
	return false;
}

/*
 * With lock. True: the server is unaware, and this caller is to leave it.
 * `fresh`: the kernel has just connected it, and no answer can be there yet.
 */
static bool look_locked(struct conn *conn, bool fresh)
{
	bool unaware;

	if (conn->redialling)
		return false;
	if (fresh) {
		establish(conn);
		return false;
	}
	if (conn->state == STATE_connecting)
		look_established(conn);
	if (conn->state != STATE_greeting || !conn->hello_sent)
		return false;
	unaware = look_reply(conn) || time_is_over(conn);
	conn->redialling = unaware;
	return unaware;
}

static void after_greeting(struct conn *conn)
{
	if (conn_state(conn) == STATE_plain && must_have_lane(conn)) {
		dial_dissolve(conn);
		conn->failure = REQUIRED_ERROR;
		conn->state = STATE_dead;
	}
	conn_settle(conn);
	if (conn_state(conn) == STATE_greeted)
		join_if_worth(conn);
}

static void look(struct conn *conn, bool fresh)
{
	enum conn_state before, after;
	bool unaware, background;
	int saved = errno;

	lock_acquire(&conn->lock);
	before = conn->state;
	unaware = look_locked(conn, fresh);
	after = conn->state;
	background = conn->background;
	lock_release(&conn->lock);

	if (unaware)
		leave_unaware(conn, background);
	else if (after != before)
		after_greeting(conn);
	errno = saved;
}

void dial_look(struct conn *conn)
{
	look(conn, false);
}

void conn_dial(struct conn *conn, const struct sockaddr *to, socklen_t length,
	       bool background)
{
	conn->dial_length = length < sizeof(conn->dial_to)
				    ? length
				    : (socklen_t)sizeof(conn->dial_to);
	memcpy(&conn->dial_to, to, conn->dial_length);
	conn->background = background;
	if (background && service_watch(conn) != 0) {
		conn_step(conn, EVENT_unaware, REASON_no_memory);
		return;
	}
	look(conn, !background);
}

void conn_dial_background(struct conn *conn)
{
	conn->background = true;
	if (service_watch(conn) != 0)
		conn_step(conn, EVENT_unaware, REASON_no_memory);
}

int conn_dialled(struct conn *conn)
{
	switch (conn_state(conn)) {
	case STATE_connecting:
	case STATE_greeting:
		return conn->decision.greeting == POLICY_GREETING_TRUSTED &&
				       conn->hello_sent
			       ? 0
			       : -EALREADY;
	case STATE_greeted:
	case STATE_joining:
		return must_have_lane(conn) ? -EALREADY : 0;
	case STATE_dead:
		return conn->failure;
	case STATE_plain:
		return conn->dial_error ? conn->dial_error : CONN_PLAIN;
	default:
		return conn_is_away(conn) ? -EALREADY : 0;
	}
}
