// SPDX-License-Identifier: BSD-2-Clause
/*
 * close(2). On TCP the kernel does it. On RDMA a CLOSE record says where the
 * stream ends, and the lane is taken down by a thread that may wait for it,
 * long after the application has closed its fd.
 */
#include <sys/ioctl.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/real.h"
#include "conn/core.h"
#include "conn/cross.h"
#include "conn/end.h"
#include "conn/endpoint.h"
#include "conn/fallback.h"
#include "conn/fin.h"
#include "conn/greet.h"
#include "conn/greeting.h"
#include "conn/heir.h"
#include "conn/hold.h"
#include "conn/lane.h"
#include "conn/linger.h"
#include "conn/outbox.h"
#include "conn/parts.h"
#include "conn/quota.h"
#include "conn/retreat.h"
#include "conn/share.h"
#include "conn/watch.h"
#include "conn/work.h"

/* Has the peer sent what the application has not read? */
static bool unread(struct conn *conn)
{
	int bytes = 0;

	if (conn->rx.early.size)
		return true;
	if (conn->rx.stage == RX_LANE)
		return conn->rx.end != conn->rx.bytes &&
		       conn_lane_holds(conn, 1);
	return real.ioctl(conn->tcp, FIONREAD, &bytes) == 0 && bytes > 0;
}

/*
 * Who is honest says at once that CLOSE was heard, or what a retreat waits for:
 * its library does. What only its application can do has its time, unless there
 * are many.
 */
static bool is_late(const struct conn *conn, uint64_t now_ms)
{
	bool retreats = conn_state(conn) == STATE_retreating;
	uint64_t since = conn->close.linger_ms - BOUND_linger_ms;

	if (retreats && conn->leg.asked_ms > since)
		since = conn->leg.asked_ms;
	if (now_ms < since + BOUND_silent_ms)
		return false;
	if (linger_count() > BOUND_lingerers)
		return true;
	return retreats ? retreat_owed(conn) : !conn->close.heard;
}

/*
 * The application has closed. rclose(3) returns when the peer's memory has
 * what was sent; the service thread keeps the TCP leg, and the replay ring,
 * until the peer's application has it too.
 */
void end_take_down(struct conn *conn)
{
	endpoint_close(conn);
	linger_begin(conn);
	if (watch_conn(conn) != 0)
		retreat_flush(conn);
}

/* Read what the kernel has, so that closing sends FIN and not RST. */
static void drain(struct conn *conn)
{
	char scratch[16384];
	int left = BOUND_end_pieces;

	while (left-- > 0 && real.recv(conn->tcp, scratch, sizeof(scratch),
				       MSG_DONTWAIT) > 0)
		;
}

bool end_linger_over(struct conn *conn, uint64_t now_ms)
{
	const struct linger reset = { .l_onoff = 1 };
	enum conn_state state = conn_state(conn);
	bool all = conn->tx.acked >= conn->tx.bytes ||
		   (conn->close.peers & WIRE_CLOSE_FULL);
	/* A closed socket answers with RST, and CLOSE might be lost by it. */
	bool known = conn->rx.stage != RX_LANE || (all && conn->close.heard);

	/* Bytes are on their way back to us, if the peer wants them still. */
	if (conn->leave.begun && !(conn->close.peers & WIRE_CLOSE_FULL))
		known = false;

	if (now_ms < conn->close.linger_ms && !is_late(conn, now_ms)) {
		if (state == STATE_retreating)
			return false;
		if (state == STATE_on_rdma && conn->leg.end == LEG_OPEN &&
		    !(outbox_flushed(conn) && known))
			return false;
	} else if (state == STATE_retreating && share_is_ours(conn) &&
		   !retreat_owed(conn) &&
		   linger_count() <= BOUND_lingerers) {
		conn->close.linger_ms = now_ms + BOUND_linger_ms;
		return false;	/* its peer reads late; a child goes on */
	} else if (state == STATE_retreating && !share_is_ours(conn)) {
		real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &reset,
				sizeof(reset));	/* it lacks bytes */
	}
	if (!share_is_ours(conn))
		drain(conn);
	else if (state == STATE_retreating)
		conn_fail(conn, -ECONNRESET, REASON_forked);
	return true;
}

/* SO_LINGER with a time of zero: close() resets (socket(7)). */
static bool resets_on_close(struct conn *conn)
{
	struct linger linger = { 0, 0 };
	socklen_t length = sizeof(linger);

	return real.getsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &linger,
			       &length) == 0 &&
	       linger.l_onoff && linger.l_linger == 0;
}

/*
 * CLOSE comes behind what is held: end_settle(), when that is on the lane, or
 * on TCP again.
 */
static bool holds_end(struct conn *conn)
{
	if (conn_state(conn) != STATE_on_rdma || !hold_any(conn))
		return false;
	if (conn->close.linger_ms == TIME_NEVER)
		conn->close.linger_ms = clock_ms() + BOUND_linger_ms;
	watch_look(conn);
	return true;
}

/* Who sends finds it closed, or has sent. */
static void say_close(struct conn *conn)
{
	uint32_t flags = WIRE_CLOSE_FULL;
	uint64_t bytes;

	conn_find_stage(conn);	/* it may be on its lane since just now */
	if (unread(conn) || resets_on_close(conn))
		flags |= WIRE_CLOSE_RESET;
	lock_acquire(&conn->tx.lock);
	bytes = conn->tx.bytes;
	lock_release(&conn->tx.lock);
	outbox_say(conn, WIRE_CLOSE, flags, bytes);
}

void end_lane(struct conn *conn)
{
	if (holds_end(conn))
		return;

	if (lane_step(&conn->lane.stage, LANE_ON_ending) >= LANE_ENDING)
		return;
	if (conn_state(conn) == STATE_on_rdma) {
		say_close(conn);
		conn_report(conn, "closed");
	}
	conn_hold(conn);
	if (work_start_for(WORK_END, quota_hold(&conn->ends.remote),
			   conn_hooks.take_down, conn) == 0)
		return;
	end_take_down(conn);
	conn_drop(conn);
}

void end_held_late(struct conn *conn)
{
	const struct linger reset = { .l_onoff = 1 };

	real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &reset,
			sizeof(reset));
	conn_fail(conn, -ECONNRESET, REASON_lane_stalled);
	end_lane(conn);
}

void end_linger(struct conn *conn)
{
	if (conn_lingers(conn))
		return;
	linger_begin(conn);
	lock_acquire(&conn->tx.lock);
	fin_sent(conn);
	lock_release(&conn->tx.lock);
	watch_conn(conn);
}

/*
 * A client that may send HELLO yet must not be answered with RST, which would
 * take from it what it has not read: FIN goes, the socket stays for a while.
 */
static bool awaits_hello(struct conn *conn)
{
	struct greeting *greeting = &conn->greeting;

	if (conn->role != CONN_PASSIVE || !greeting->client.seen ||
	    conn->rx.stage != RX_GREET || greeting->stage != GREETING_QUIET)
		return false;
	if (conn->tx.stage == TX_HOLD) { /* FIN has the grace that bytes have */
		conn->tx.shut = true;
		greet_speak(conn);
		return true;
	}
	real.shutdown(conn->tcp, SHUT_WR);
	greeting->deadline_ms =
		clock_ms() + conn->decision.handshake.timeout_ms;
	return true;
}

/*
 * What is held goes before the end. Before a reset, too: its server's kernel
 * would have it, and the server's accept() something to hand out.
 */
static bool has_to_wait(struct conn *conn)
{
	bool resets = resets_on_close(conn);

	if (hold_waits(conn) || (conn->greeting.reply_due && !resets)) {
		/* trusted: REPLY is yet to come */
		if (conn->tx.stage == TX_RAW && !resets)
			real.shutdown(conn->tcp, SHUT_WR);
		return true;
	}
	return !resets && awaits_hello(conn);
}

/*
 * A HELLO that nobody looked at must not turn our FIN into RST; but the parent
 * that closes what its child serves leaves HELLO to the child. A REPLY that
 * comes after the end would do the same to the peer's.
 */
void end_greeting(struct conn *conn)
{
	bool shares = share_is_ours(conn);

	if (fin_needs_lane(conn) && !resets_on_close(conn)) {
		watch_conn(conn);
		return;		/* end_settle() */
	}
	if (!shares)
		refuse_lane(conn, REASON_closed);
	if (conn->role == CONN_PASSIVE && !shares)
		greet_look(conn);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
	if (conn_is_plain(conn))
		return;
	if ((!shares || hold_any(conn)) && has_to_wait(conn)) {
		lock_acquire(&conn->lock);
		greeting_await(conn);
		lock_release(&conn->lock);
		watch_conn(conn);
		return;
	}
	hold_drop(conn);
	hold_quit(conn, REASON_closed);
}

void end_released(struct conn *conn)
{
	if (conn_closed(conn) && conn_state(conn) == STATE_greeting)
		end_greeting(conn);
}

void end_conn(struct conn *conn)
{
	int saved = errno;
	enum conn_state state;

	lock_acquire(&conn->lock);
	close_step(&conn->close.stage, CLOSE_ON_closed);
	state = conn->state;
	lock_release(&conn->lock);
	if (state != STATE_plain && family_end(conn))
		goto out;
	switch (state) {
	case STATE_plain:
		break;
	case STATE_connecting:
	case STATE_greeting:
	case STATE_greeted:
		end_greeting(conn);
		break;
	case STATE_joining:
		if (hold_waits(conn))	/* exit() waits for it */
			watch_conn(conn);
		break;	/* end_settle() */
	case STATE_retreating:
		end_linger(conn);
		break;
	default:
		end_lane(conn);
	}
out:
	family_ended(conn);
	errno = saved;
}

void end_settle(struct conn *conn)
{
	if (share_is_ours(conn)) {	/* perhaps since it was closed */
		if (conn_state(conn) == STATE_on_rdma && !conn->forked.owed)
			share_owe(conn);
		return;
	}
	if (conn_state(conn) == STATE_retreating)
		end_linger(conn);
	else if (conn_state(conn) == STATE_on_rdma ||
		 conn_state(conn) == STATE_dead)
		end_lane(conn);
}
