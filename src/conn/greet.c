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

#include "base/clock.h"
#include "base/real.h"
#include "conn/auth.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/greet.h"
#include "conn/heir.h"
#include "conn/hold.h"
#include "conn/limits.h"
#include "conn/listener.h"
#include "conn/parts.h"
#include "conn/share.h"
#include "conn/timer.h"
#include "conn/watch.h"

#define GRACE_TRIPS 4		/* round trips */
#define GRACE_MOST_US 200000
#define GIVE_MS 250	/* for HELLO, which nobody would take out later */
/*
 * An application that does not look: HELLO waits no longer, and not for more
 * than a part of what its sender's patience is likely to be.
 */
#define ATTEND_MS 250
#define ATTEND_PART 4

/* With lock: nothing that could become HELLO is there; the kernel's now. */
static void leave(struct conn *conn, enum reason reason)
{
	if (conn->mode != POLICY_REQUIRE) {
		hold_leave(conn, reason);
		return;
	}
	if (conn_fail_locked(conn, -ECONNRESET, reason))
		real.shutdown(conn->tcp, SHUT_RDWR);
}

/*
 * A client that is aware and does not greet cannot see a mark above its own. Of
 * a listener that is not marked none greets, and what counts is why it is not.
 */
static enum reason why_no_hello(const struct conn *conn)
{
	const struct greeting *greeting = &conn->greeting;

	if (conn->mode == POLICY_TCP)
		return conn->reason;
	if (greeting->unmarked != REASON_none)
		return greeting->unmarked;
	if (greeting->client.seen && greeting->client.mss &&
	    greeting->client.mss < greeting->listener_mark)
		return REASON_mark_hidden;
	return REASON_peer_unaware;
}

/* With lock: the whole of HELLO is at the head of the stream. */
static void take_hello(struct conn *conn, uint8_t *in, int length)
{
	struct wire_hello hello;
	int parsed = wire_get_hello(in, length, &hello);

	real.recv(conn->tcp, in, length, MSG_DONTWAIT);
	conn->greeting.deadline_ms = TIME_NEVER;
	conn->greeting.prefix = false;
	if (conn->tx.stage == TX_RAW || conn->tx.stage == TX_RELEASE) {
		/* The client sees our first bytes, not REPLY, and leaves. */
		leave(conn, REASON_late_hello);
		return;
	}
	auth_greeted(conn, in, length);
	conn->reason = greet_judge(conn, parsed, &hello);
	if (parsed == 0)
		memcpy(conn->join.peer_mark, hello.mark,
		       sizeof(conn->join.peer_mark));
	conn->greeting.reply_due = true;
}

/*
 * With lock: the client has reset the connection, and HELLO may be there
 * still. Without any bytes the error is the application's. True: there was
 * HELLO, and nothing else.
 */
static bool take_refused_hello(struct conn *conn)
{
	uint8_t in[WIRE_HELLO_MAX];
	int length, there = 0;
	ssize_t got;

	if (real.ioctl(conn->tcp, FIONREAD, &there) != 0 || there == 0)
		return false;
	got = real.recv(conn->tcp, in, sizeof(in), MSG_PEEK | MSG_DONTWAIT);
	length = got > 0 ? wire_length(in, got) : -ENOMSG;
	if (length <= 0 || length > got)
		return false;
	real.recv(conn->tcp, in, length, MSG_DONTWAIT);
	return length == there;
}

/* With lock: what there is may yet become HELLO; but not for ever. */
static void look_at_prefix(struct conn *conn)
{
	struct greeting *greeting = &conn->greeting;

	if (!greeting->prefix) {
		greeting->prefix = true;
		greeting->deadline_ms =
			clock_ms() + conn->decision.handshake.probe_timeout_ms;
	} else if (clock_ms() >= greeting->deadline_ms) {
		leave(conn, why_no_hello(conn));
	}
}

/* With lock. True: the client has taken it back, with HELLO alone in it. */
static bool look_locked(struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp, .events = POLLIN | POLLPRI };
	uint8_t in[WIRE_HELLO_MAX];
	bool refused;
	ssize_t got;
	int length;

	if (real.poll(&tcp, 1, 0) != 1)
		return false;
	if (tcp.revents & POLLERR) {
		refused = take_refused_hello(conn);
		leave(conn, REASON_peer_closed);
		return refused;
	}
	if ((tcp.revents & (POLLIN | POLLPRI)) == POLLPRI) {
		leave(conn, REASON_urgent);	/* HELLO has no such byte */
		return false;
	}
	got = real.recv(conn->tcp, in, sizeof(in), MSG_PEEK | MSG_DONTWAIT);
	if (got < 0)
		return false;
	length = got == 0 ? -ENOMSG : wire_length(in, got);
	if (length == -EAGAIN || length > got)
		look_at_prefix(conn);
	else if (length < 0)
		leave(conn, got ? why_no_hello(conn) : REASON_peer_closed);
	else
		take_hello(conn, in, length);
	return false;
}

/* True: as look_locked(). */
static bool look(struct conn *conn)
{
	bool answer, refused = false;
	int saved = errno;

	lock_acquire(&conn->lock);
	if (conn->state == STATE_greeting && conn->rx.stage == RX_GREET &&
	    !conn->greeting.reply_due)
		refused = look_locked(conn);
	answer = conn->greeting.reply_due;
	lock_release(&conn->lock);

	if (answer)
		greet_answer(conn);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
	errno = saved;
	return refused;
}

/* The same without answering. */
static bool look_refused(struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp, .events = POLLIN };

	return real.poll(&tcp, 1, 0) == 1 && (tcp.revents & POLLERR) &&
	       look(conn);
}

void greet_look(struct conn *conn)
{
	if (!conn->forked.share || family_claim(conn))
		look(conn);
}

bool greet_awaits_lane(const struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	return conn->mode == POLICY_REQUIRE && conn->role == CONN_PASSIVE &&
	       (state == STATE_greeted || state == STATE_joining) &&
	       conn->rx.boundary == OFFSET_NEVER;
}

ssize_t greet_receive(struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp, .events = POLLRDHUP };
	char byte;
	ssize_t got = real.recv(conn->tcp, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (got == 0)
		return 0;
	return real.poll(&tcp, 1, 0) == 1 ? -ECONNRESET : -EAGAIN;
}

void greet_end_wait(struct conn *conn)
{
	if (!greet_awaits_lane(conn) ||
	    clock_ms() < conn->greeting.deadline_ms)
		return;
	lock_acquire(&conn->lock);
	conn->greeting.deadline_ms = TIME_NEVER;
	if (conn->state == STATE_greeted)
		leave(conn, REASON_join_timeout);
	lock_release(&conn->lock);
}

/* Under `require`: the lane has the time that a join has, and a greeting. */
static void await_lane(struct conn *conn)
{
	if (!greet_awaits_lane(conn))
		return;
	conn->greeting.deadline_ms =
		clock_ms() + conn->decision.handshake.timeout_ms +
		conn->decision.lane.stall_timeout_ms;
	watch_conn(conn);
}

/* With lock: REPLY with what the struct says, and the next state. */
static void send_reply(struct conn *conn, struct wire_reply *reply)
{
	uint8_t out[WIRE_REPLY_MAX];
	ssize_t size;

	reply->reason = conn->reason;
	if (conn->reason == REASON_none) {
		reply->flags = WIRE_REPLY_ACCEPT;
		if (conn->mode == POLICY_REQUIRE)
			reply->flags |= WIRE_REPLY_REQUIRE;
		if (conn->join.authentic)
			reply->flags |= WIRE_REPLY_AUTH;
		memcpy(reply->token, conn->join.token, sizeof(reply->token));
		memcpy(reply->mark, conn->join.mark, sizeof(reply->mark));
	} else {
		reply->count = 0;
	}
	size = wire_put_reply(out, reply);
	auth_greeted(conn, out, size);
	/* A fresh socket takes it whole; if not, the peer is gone. */
	if (real.send(conn->tcp, out, size, MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    size) {
		leave(conn, REASON_peer_closed);
	} else if (conn->reason != REASON_none) {
		leave(conn, conn->reason);
	} else {
		conn_step_locked(conn, EVENT_aware, REASON_too_short);
		rx_step(&conn->rx.stage, RX_ON_aware);
		tx_step(&conn->tx.stage, conn->mode == POLICY_REQUIRE
					   ? TX_ON_required
					   : TX_ON_aware);
	}
}

/* Our lane addresses for REPLY, or the reason why there are none. */
static int addresses(struct conn *conn, struct wire_reply *reply)
{
	enum reason reason = carrier->open();
	int count = 0;

	if (reason == REASON_none)
		reason = limits_look(conn);
	if (reason == REASON_none) {
		count = listener_addresses(conn, reply->addresses,
					   WIRE_REPLY_MAX_ADDRESSES);
		if (count == 0)
			reason = conn->reason != REASON_none
					 ? conn->reason
					 : REASON_no_address;
	}
	if (reason == REASON_none && count > 0 &&
	    !conn_random(conn->join.mark, sizeof(conn->join.mark)))
		reason = REASON_no_random;
	if (reason == REASON_none && count > 0)
		reason = listener_expect(conn);
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
	mine = conn->greeting.reply_due && !conn->greeting.answering;
	conn->greeting.answer_again = !mine && conn->greeting.reply_due;
	conn->greeting.answering |= mine;
	lock_release(&conn->lock);
	if (!mine)
		return;

	do {
		/* The listeners may have failed while we looked. */
		count = conn->reason == REASON_none ? addresses(conn, &reply)
						    : 0;
		lock_acquire(&conn->lock);
		again = count == -EAGAIN && conn->greeting.answer_again;
		conn->greeting.answer_again = false;
		conn->greeting.answering = again;
		if (count != -EAGAIN) {
			conn->greeting.reply_due = false;
			send_reply(conn, &reply);
		}
		lock_release(&conn->lock);
	} while (again);
	if (count != -EAGAIN) {
		await_lane(conn);
		if (conn->tx.stage == TX_RELEASE)
			hold_release(conn);
	}
	errno = saved;
}

/* With lock. */
static uint64_t grace_ms(const struct conn *conn)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);
	int64_t us = conn->decision.handshake.grace_us;

	if (us < 0) {
		us = GREETING_GRACE_MS * 1000;
		if (real.getsockopt(conn->tcp, IPPROTO_TCP, TCP_INFO, &info,
				    &length) == 0 &&
		    GRACE_TRIPS * (int64_t)info.tcpi_rtt > us)
			us = GRACE_TRIPS * (int64_t)info.tcpi_rtt;
		us = us > GRACE_MOST_US ? GRACE_MOST_US : us;
	}
	return ((uint64_t)us + 999) / 1000;
}

/* With lock. HELLO that is in already will be answered, whatever it takes. */
static void speak_locked(struct conn *conn, uint64_t least_ms)
{
	struct greeting *greeting = &conn->greeting;
	uint64_t now = clock_ms(), grace;

	if (!greeting->client.seen) {
		tx_step(&conn->tx.stage, TX_ON_speaks);
	} else if (greeting->prefix) {
		return;		/* it has a time of its own */
	} else if (greeting->deadline_ms == TIME_NEVER) {
		grace = grace_ms(conn);
		grace = grace > least_ms ? grace : least_ms;
		greeting->deadline_ms = now + grace;
	} else if (now >= greeting->deadline_ms) {
		greeting->deadline_ms = TIME_NEVER;
		tx_step(&conn->tx.stage, TX_ON_speaks);
	}
}

static void speak(struct conn *conn, uint64_t least_ms)
{
	if (conn->role != CONN_PASSIVE || conn->tx.stage != TX_HOLD)
		return;
	lock_acquire(&conn->lock);
	if (conn->state == STATE_greeting && conn->tx.stage == TX_HOLD &&
	    !conn->greeting.reply_due && conn->mode != POLICY_REQUIRE)
		speak_locked(conn, least_ms);
	lock_release(&conn->lock);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
}

void greet_speak(struct conn *conn)
{
	speak(conn, 0);
}

void greet_give(struct conn *conn)
{
	speak(conn, GIVE_MS);
}

static unsigned attend_ms(const struct conn *conn)
{
	uint32_t part = conn->decision.handshake.timeout_ms / ATTEND_PART;

	return part < ATTEND_MS ? part : ATTEND_MS;
}

/* There is no service thread to look after it: an answer now, or never. */
static void refuse(struct conn *conn, const struct mark_client *client)
{
	enum reason reason = loop_refusal();

	conn_decline(conn->tcp, client, reason);
	lock_acquire(&conn->lock);
	leave(conn, reason);
	lock_release(&conn->lock);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
}

bool greet_accepted(struct conn *conn, unsigned mark, enum reason unmarked,
		   const struct mark_client *client)
{
	bool refused;

	conn->greeting.listener_mark = mark;
	conn->greeting.unmarked = mark ? REASON_none : unmarked;
	lock_acquire(&conn->lock);	/* another thread may be in exit() */
	conn->greeting.client = *client;
	lock_release(&conn->lock);
	if (mark && client->seen && loop_start() != 0) {
		refuse(conn, client);
		return true;
	}
	refused = share_greets_late() ? look_refused(conn) : look(conn);
	/* A client may have seen the mark although its own was lost. */
	if (mark && conn_state(conn) == STATE_greeting)
		timer_by(conn, clock_ms() + attend_ms(conn));
	return !refused;
}
