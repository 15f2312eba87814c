// SPDX-License-Identifier: BSD-2-Clause
/*
 * The active side's greeting. connect() is the kernel's. A server whose mark
 * was seen gets HELLO when the application first touches the connection, or
 * soon, and application bytes wait for REPLY (hold.c). What is not REPLY is
 * taken back (redial.c).
 */
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/auth.h"
#include "conn/core.h"
#include "conn/dial.h"
#include "conn/greeting.h"
#include "conn/hold.h"
#include "conn/join.h"
#include "conn/parts.h"
#include "conn/raw.h"
#include "conn/redial.h"
#include "conn/timer.h"
#include "conn/watch.h"
#include "mark/mark.h"

/*
 * HELLO of a connection that its application leaves alone: well within the
 * grace that the server gives it, and later than a check that closes at once.
 */
#define HELLO_MS 2
#define HURRY_MS 1000	/* for REPLY, when the connection is to be handed on */

/*
 * With lock. Who greets is looked after by the service thread: it hears REPLY
 * where the application does not, and lets go what is held.
 */
static void send_hello(struct conn *conn)
{
	uint8_t message[WIRE_HELLO_SIZE];
	struct wire_hello hello;

	memset(&hello, 0, sizeof(hello));
	if (loop_start() != 0) {
		hold_leave(conn, loop_refusal());
		return;
	}
	if (!conn_random(conn->join.mark, sizeof(conn->join.mark))) {
		hold_leave(conn, REASON_no_random);
		return;
	}
	hello.local = conn->ends.local;
	hello.remote = conn->ends.remote;
	memcpy(hello.mark, conn->join.mark, sizeof(hello.mark));
	hello.flags = conn->decision.auth ? WIRE_HELLO_AUTH : 0;
	wire_put_hello(message, &hello);
	auth_greeted(conn, message, sizeof(message));
	if (real.send(conn->tcp, message, sizeof(message),
		      MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(message)) {
		hold_leave(conn, REASON_peer_closed);
		return;
	}
	greeting_step(&conn->greeting.stage, GREETING_ON_asked);
	if (greeting_is_trusted(conn))
		tx_step(&conn->tx.stage, TX_ON_speaks);
	if (conn->decision.greeting != POLICY_GREETING_MARK)
		conn->greeting.deadline_ms = greeting_reply_by(conn);
}

/*
 * With lock. A server that has spoken already has not waited for HELLO. What
 * another thread has sent in the moment of connect() went raw.
 */
static enum reason look_closer(struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp,
			      .events = POLLIN | POLLPRI | POLLRDHUP };

	if (real.poll(&tcp, 1, 0) == 1)
		return tcp.revents & (POLLRDHUP | POLLERR | POLLHUP)
			       ? REASON_peer_closed
			       : REASON_server_first;
	return mark_is_untouched(conn->tcp) ? REASON_none : REASON_late_hello;
}

/* With lock: the first touch. */
static void begin(struct conn *conn)
{
	struct mark_reading reading;
	enum reason reason = REASON_none;
	bool there =
	    mark_read(conn->tcp, conn->ends.remote.ss_family, &reading);

	greeting_learn_local(conn);
	if (there && !reading.seen &&
	    conn->decision.greeting == POLICY_GREETING_MARK)
		reason = REASON_peer_unmarked;
	else if (!there || !reading.untouched)
		reason = look_closer(conn);
	if (reason == REASON_none)
		send_hello(conn);
	else
		hold_leave(conn, reason);
}

/*
 * With lock: the kernel's connection is there. If it may be `marked`, begin()
 * will look closer.
 */
static void establish(struct conn *conn, bool marked)
{
	struct mark_reading reading = { .seen = marked };

	conn_step_locked(conn, EVENT_established, conn->reason);
	conn->greeting.since_ms = clock_ms();
	if (!marked)	/* else begin() asks, and connect() is sooner */
		greeting_learn_local(conn);
	if (!marked && conn->decision.greeting == POLICY_GREETING_MARK)
		mark_read(conn->tcp, conn->ends.remote.ss_family, &reading);
	if (!reading.seen && conn->decision.greeting == POLICY_GREETING_MARK)
		hold_leave(conn, REASON_peer_unmarked);
}

/* With lock: is the kernel's connection there? */
static void look_established(struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp, .events = POLLOUT };

	if (real.poll(&tcp, 1, 0) != 1)
		return;
	if (tcp.revents & (POLLERR | POLLHUP))
		hold_leave(conn, REASON_closed);
	else
		establish(conn, false);
}

/* With lock: REPLY is in and consumed. */
static void take_reply(struct conn *conn, const struct wire_reply *reply)
{
	bool accepted = (reply->flags & WIRE_REPLY_ACCEPT) && reply->count;

	conn->greeting.deadline_ms = TIME_NEVER;
	if (!accepted) {
		conn->greeting.peers_reason = reply->reason;
		hold_leave(conn, reply->reason == REASON_proxied ||
					 reply->reason == REASON_version ||
					 reply->reason == REASON_auth_missing
					 ? reply->reason
					 : REASON_peer_declined);
		return;
	}
	conn->greeting.peer_requires = reply->flags & WIRE_REPLY_REQUIRE;
	if (conn->mode == POLICY_TCP) {
		hold_leave(conn, conn->reason);
		return;
	}
	conn->join.authentic = conn->decision.auth &&
			  (reply->flags & WIRE_REPLY_AUTH);
	if (conn->decision.auth_required && !conn->join.authentic) {
		hold_leave(conn, REASON_auth_missing);
		return;
	}
	if (conn_closed(conn) &&
	    !(conn->greeting.peer_requires && hold_any(conn))) {
		hold_leave(conn, REASON_closed);
		return;
	}
	conn->join.offer = memory_new(sizeof(*reply));
	if (!conn->join.offer) {
		hold_leave(conn, REASON_no_memory);
		return;
	}
	*conn->join.offer = *reply;
	memcpy(conn->join.peer_mark, reply->mark, sizeof(conn->join.peer_mark));
	conn_step_locked(conn, EVENT_aware, REASON_too_short);
	rx_step(&conn->rx.stage, RX_ON_aware);
	tx_step(&conn->tx.stage, greeting_needs_lane(conn) ? TX_ON_required
						 : TX_ON_aware);
}

/*
 * With lock: the server has spoken, or closed, and its kernel had not HELLO
 * when it did. One that is aware had kept its first bytes for the grace; then
 * it strips HELLO when that comes. One that spoke sooner is not, whatever its
 * MSS looks like.
 */
static bool has_crossed(struct conn *conn, bool end)
{
	uint64_t since_ms = clock_ms() - conn->greeting.since_ms;
	uint32_t rtt_us;

	if (conn->decision.greeting != POLICY_GREETING_MARK ||
	    !mark_is_unheard(conn->tcp, &rtt_us) ||
	    since_ms <= GREETING_GRACE_MS + rtt_us / 1000)
		return false;
	hold_leave(conn, end ? REASON_peer_closed : REASON_server_first);
	return true;
}

/*
 * With lock: nothing could be read. An aware server takes HELLO out as soon as
 * it accepts, so one that resets the connection instead has not accepted it,
 * and would have reset it without us: the application hears of it, if there is
 * no server any more. False: it is no REPLY.
 */
static bool look_refused(struct conn *conn)
{
	if (errno == ECONNRESET &&
	    conn->decision.greeting == POLICY_GREETING_MARK)
		conn->failure.error = -ECONNRESET;	/* redial.c */
	return errno == EAGAIN || errno == EINTR;
}

/* With lock: what there is may yet become REPLY; but not for ever. */
static bool look_at_prefix(struct conn *conn, short revents)
{
	conn->greeting.prefix = !(revents & (POLLRDHUP | POLLHUP | POLLERR));
	if (!conn->greeting.prefix)
		return has_crossed(conn, false);
	greeting_await(conn);
	return true;
}

/* With lock: look at the first bytes of the answer. False: it is no REPLY. */
static bool look_reply(struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp,
			      .events = POLLIN | POLLPRI | POLLRDHUP };
	uint8_t in[WIRE_REPLY_MAX];
	struct wire_reply reply;
	ssize_t got;
	int length;

	if (greeting_is_trusted(conn) && raw_is_reset(conn, true))
		return false;	/* the kernel has the error */
	if (real.poll(&tcp, 1, 0) == 0)	/* EINVAL: no file may be had */
		return true;
	if ((tcp.revents & (POLLIN | POLLPRI)) == POLLPRI)
		return has_crossed(conn, false); /* REPLY has no such byte */
	got = real.recv(conn->tcp, in, sizeof(in), MSG_PEEK | MSG_DONTWAIT);
	if (got < 0)
		return look_refused(conn);
	if (got == 0)
		return has_crossed(conn, true);
	length = wire_length(in, got);
	if (length > WIRE_REPLY_MAX)
		length = -ENOMSG;
	if (length == -EAGAIN || length > got)
		return look_at_prefix(conn, tcp.revents);
	conn->greeting.prefix = false;
	if (length < 0)
		return has_crossed(conn, false);
	switch (wire_get_reply(in, length, &reply)) {
	case 0:
		break;
	case -EPROTONOSUPPORT:
		memset(&reply, 0, sizeof(reply));
		reply.reason = REASON_version;
		break;
	default:
		return false;
	}
	real.recv(conn->tcp, in, length, MSG_DONTWAIT);
	auth_greeted(conn, in, length);
	take_reply(conn, &reply);
	return true;
}

/* With lock. */
static void look_locked(struct conn *conn, bool touch)
{
	if (conn->state == STATE_connecting)
		look_established(conn);
	if (conn->state != STATE_greeting)
		return;
	switch ((enum greeting_stage)conn->greeting.stage) {
	case GREETING_QUIET:
		if (touch)
			begin(conn);
		break;
	case GREETING_ASKED:
		if (!look_reply(conn) ||
		    (conn->state == STATE_greeting &&
		     conn->greeting.stage == GREETING_ASKED &&
		     clock_ms() >= conn->greeting.deadline_ms))
			redial_take_back(conn);
		break;
	case GREETING_REDIAL:
		redial_look(conn);
		break;
	case GREETING_OVER:
		break;
	}
}

/* With lock, in which it became plain: nobody has taken it for that. */
static void fail_if_required(struct conn *conn)
{
	if (conn->state != STATE_plain || !greeting_needs_lane(conn))
		return;
	conn->failure.error = REQUIRED_ERROR;
	conn_jump_locked(conn, STATE_dead, TRACE_required, conn->reason);
	dial_dissolve(conn);
}

/* The greeting has changed under the lock. */
static void follow(struct conn *conn, enum conn_state before)
{
	enum conn_state state = conn_state(conn);

	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
	else if (state == STATE_greeted && state != before)
		join_if_worth(conn);
}

static void look(struct conn *conn, bool touch)
{
	enum conn_state before;
	int saved = errno;

	lock_acquire(&conn->lock);
	before = conn->state;
	look_locked(conn, touch);
	fail_if_required(conn);
	lock_release(&conn->lock);
	follow(conn, before);
	errno = saved;
}

void dial_look(struct conn *conn)
{
	look(conn, false);
}

void dial_touch(struct conn *conn)
{
	look(conn, true);
}

uint64_t dial_due(const struct conn *conn)
{
	if (conn->role != CONN_ACTIVE ||
	    conn_state(conn) != STATE_greeting ||
	    conn->greeting.stage != GREETING_QUIET)
		return TIME_NEVER;
	return conn->greeting.since_ms + HELLO_MS;
}

void dial_tend(struct conn *conn)
{
	look(conn, clock_ms() >= dial_due(conn));
}

void dial_hurry(struct conn *conn, enum reason reason)
{
	uint64_t soon = clock_ms() + HURRY_MS;
	enum conn_state before;

	lock_acquire(&conn->lock);
	before = conn->state;
	if (before == STATE_connecting ||
	    (before == STATE_greeting &&
	     conn->greeting.stage == GREETING_QUIET)) {
		greeting_learn_local(conn);
		hold_leave(conn, reason);
	} else if (before == STATE_greeting &&
		   conn->greeting.deadline_ms > soon) {
		conn->greeting.deadline_ms = soon;
	}
	fail_if_required(conn);
	lock_release(&conn->lock);
	follow(conn, before);
	look(conn, false);
}

void dial_begin(struct conn *conn, const struct conn_dialling *dialling)
{
	enum conn_state before = conn->state;
	socklen_t most = sizeof(conn->ends.dialled);

	conn->ends.dialled_length = dialling->length < most ? dialling->length
							    : most;
	memcpy(&conn->ends.dialled, dialling->to, conn->ends.dialled_length);
	conn->greeting.marked_syn = dialling->marked_syn;
	if (dialling->established) {
		lock_acquire(&conn->lock);
		if (conn->state == STATE_connecting)
			establish(conn, dialling->seen);
		fail_if_required(conn);
		lock_release(&conn->lock);
		follow(conn, before);
	}
	if (conn->mode != POLICY_REQUIRE) {
		if (conn_state(conn) <= STATE_greeting)
			timer_by(conn, clock_ms() + HELLO_MS);
		return;
	}
	/* The service thread makes the lane that connect() waits for. */
	if (watch_conn(conn) != 0)
		conn_fail(conn, REQUIRED_ERROR, REASON_no_memory);
	dial_touch(conn);
}

/* Under `require` the lane belongs to what connect(2) waits for. */
static int demanded(struct conn *conn)
{
	switch (conn_state(conn)) {
	case STATE_connecting:
	case STATE_greeting:
	case STATE_greeted:
	case STATE_joining:
		return -EALREADY;
	case STATE_dead:
		return conn->failure.error;
	case STATE_plain:
		return CONN_PLAIN;
	default:
		return conn_is_away(conn) ? -EALREADY : 0;
	}
}

int conn_dialled(struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	if (conn->mode == POLICY_REQUIRE)
		return demanded(conn);
	if (state == STATE_greeting &&
	    conn->greeting.stage == GREETING_REDIAL)
		return -EISCONN;	/* as the application has it */
	return state == STATE_dead ? conn->failure.error : CONN_PLAIN;
}
