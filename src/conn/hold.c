// SPDX-License-Identifier: BSD-2-Clause
/*
 * Held bytes: what the application has sent when nothing may go. On the active
 * side that is before REPLY; on the passive side HELLO gets a moment, if the
 * client's SYN was marked; and on both while the connection moves to its lane
 * or back, because a send on a socket with nothing outstanding is not refused
 * by TCP. They are kept here, up to handshake.hold, and are the first to go
 * afterwards, before FIN, before CLOSE, and before the connection becomes the
 * kernel's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/iov.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/core.h"
#include "conn/due.h"
#include "conn/fin.h"
#include "conn/greeting.h"
#include "conn/hold.h"
#include "conn/lane.h"
#include "conn/parts.h"
#include "conn/raw.h"
#include "conn/share.h"
#include "conn/timer.h"
#include "conn/watch.h"
#include "diag/log.h"

#define SERVICE_MS 2	/* then the service thread looks after them */

bool hold_while_moving(const struct conn *conn)
{
	enum tx_stage tx = conn->tx.stage;

	return tx == TX_FROZEN ||
	       (tx == TX_RETREAT && !family_is_away(conn));
}

size_t hold_room(const struct conn *conn)
{
	size_t size = conn->greeting.held_size;
	size_t most = conn->decision.handshake.hold;

	/* Under `require` the application waits for the lane. */
	if (conn->mode == POLICY_REQUIRE || size >= most)
		return 0;
	return most - size;
}

/*
 * With send and lock: room for `size` more bytes behind those there are, which
 * move up only when more than they have gone.
 */
static uint8_t *grow(struct greeting *greeting, size_t size)
{
	uint8_t *grown;

	if (greeting->held_at > greeting->held_size) {
		memmove(greeting->held, greeting->held + greeting->held_at,
			greeting->held_size);
		greeting->held_at = 0;
	}
	grown = memory_resize(greeting->held, greeting->held_at +
						      greeting->held_size +
						      size);
	if (!grown)
		return NULL;
	greeting->held = grown;
	return grown + greeting->held_at + greeting->held_size;
}

/* With send and lock. */
static ssize_t take(struct conn *conn, const struct iovec *iov, int count)
{
	size_t room = hold_room(conn), moved = 0, part;
	size_t size = iov_size(iov, count);
	uint8_t *to;
	int i;

	size = size < room ? size : room;
	if (size == 0)
		return iov_size(iov, count) ? -EAGAIN : 0;
	to = grow(&conn->greeting, size);
	if (!to)
		return -EAGAIN;
	for (i = 0; i < count && moved < size; i++) {
		part = iov[i].iov_len;
		part = part < size - moved ? part : size - moved;
		memcpy(to + moved, iov[i].iov_base, part);
		moved += part;
	}
	conn->greeting.held_size += moved;
	return (ssize_t)moved;
}

ssize_t hold_take(struct conn *conn, const struct iovec *iov, int count)
{
	ssize_t took = -EAGAIN;
	enum tx_stage tx;

	lock_acquire(&conn->lock);
	tx = conn->tx.stage;
	if (conn->tx.shut)
		took = -EPIPE;
	else if (tx == TX_HOLD || tx == TX_RELEASE || tx == TX_LANE ||
		 hold_while_moving(conn))
		took = take(conn, iov, count);
	if (took > 0)
		greeting_await(conn);
	lock_release(&conn->lock);
	return took;
}

void hold_attend(struct conn *conn)
{
	timer_by(conn, clock_ms() + SERVICE_MS);
}

/* With send: `put` of the held bytes have gone. */
static void drop(struct conn *conn, size_t put)
{
	struct greeting *greeting = &conn->greeting;

	lock_acquire(&conn->lock);
	greeting->held_at += put;
	greeting->held_size -= put;
	if (greeting->held_size == 0) {
		memory_free(greeting->held);
		greeting->held = NULL;
		greeting->held_at = 0;
	}
	lock_release(&conn->lock);
}

void hold_drop(struct conn *conn)
{
	lock_acquire(&conn->tx.lock);
	drop(conn, conn->greeting.held_size);
	lock_release(&conn->tx.lock);
}

/* With send. True: all is out, or the kernel will tell the application why. */
static bool put_on_tcp(struct conn *conn)
{
	struct greeting *greeting = &conn->greeting;
	ssize_t put;

	if (greeting->held_size > 0 && raw_is_reset(conn, false)) {
		drop(conn, greeting->held_size);
		return true;
	}
	while (greeting->held_size > 0) {
		put = real.send(conn->tcp, greeting->held + greeting->held_at,
				greeting->held_size,
				MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno == EAGAIN)
			return false;
		if (put < 0) {
			drop(conn, greeting->held_size);
			return true;
		}
		conn->tx.bytes += put;
		conn->tx.raw += put;
		drop(conn, (size_t)put);
	}
	return true;
}

/*
 * With send. Whoever sent meanwhile found TX_RELEASE and added to what is held,
 * so the look at it and the change of stage are one.
 */
static bool release(struct conn *conn)
{
	bool over;

	if (conn->tx.stage != TX_RELEASE || !put_on_tcp(conn))
		return false;
	lock_acquire(&conn->lock);
	over = conn->tx.stage == TX_RELEASE && conn->greeting.held_size == 0;
	if (over)
		tx_step(&conn->tx.stage, TX_ON_released);
	lock_release(&conn->lock);
	if (over)
		fin_sent(conn);
	if (over && conn->rx.shut && conn->rx.stage != RX_GREET)
		real.shutdown(conn->tcp, SHUT_RD);
	return over;
}

bool hold_release_locked(struct conn *conn)
{
	return release(conn);
}

void hold_over(struct conn *conn)
{
	lock_acquire(&conn->lock);
	if (conn->state <= STATE_greeted &&
	    conn->greeting.stage == GREETING_OVER)
		conn_step_locked(conn, EVENT_unaware, conn->reason);
	lock_release(&conn->lock);
	conn_ring(conn, NULL);
	if (conn->forked.owed)		/* a child waits: go on with it */
		watch_look(conn);
	if (conn_closed(conn) && conn_state(conn) == STATE_greeting)
		due(conn, DUE_closed);
	else if (conn_state(conn) == STATE_greeted)
		due(conn, DUE_join);
	else if (conn_state(conn) == STATE_retreating)
		due(conn, DUE_retreat);
}

void hold_release(struct conn *conn)
{
	int saved = errno;
	bool over;

	lock_acquire(&conn->tx.lock);
	over = release(conn);
	lock_release(&conn->tx.lock);
	if (over)
		hold_over(conn);
	else if (conn->tx.stage == TX_RELEASE && !conn_watched(conn))
		watch_conn(conn);	/* EPOLLOUT tells of room */
	errno = saved;
}

void hold_leave(struct conn *conn, enum reason reason)
{
	bool waits = conn->tx.stage == TX_RELEASE ||
		     (conn->tx.stage == TX_HOLD &&
		      (hold_any(conn) || conn->tx.shut || conn->rx.shut));

	if (!waits) {
		conn_step_locked(conn, EVENT_unaware, reason);
		return;
	}
	conn->reason = reason;
	greeting_step(&conn->greeting.stage, GREETING_ON_over);
	conn->greeting.deadline_ms = TIME_NEVER;
	rx_step(&conn->rx.stage, RX_ON_unaware);
	tx_step(&conn->tx.stage, TX_ON_unaware);
}

void hold_quit(struct conn *conn, enum reason reason)
{
	enum conn_state state;

	lock_acquire(&conn->lock);
	state = conn->state;
	if (state <= STATE_greeted)
		hold_leave(conn, reason);
	lock_release(&conn->lock);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
}

/* With send. */
static bool put_on_lane(struct conn *conn)
{
	struct greeting *greeting = &conn->greeting;
	struct iovec iov;
	ssize_t put;

	while (greeting->held_size > 0) {
		if (conn->failure.reset) {	/* nobody will have it */
			drop(conn, greeting->held_size);
			break;
		}
		iov.iov_base = greeting->held + greeting->held_at;
		iov.iov_len = greeting->held_size;
		put = lane_transmit(conn, &iov, 1);
		if (put <= 0)
			return false;
		drop(conn, (size_t)put);
	}
	return true;
}

bool hold_on_lane(struct conn *conn)
{
	return conn->tx.stage == TX_LANE && put_on_lane(conn);
}

bool hold_lane_look(struct conn *conn)
{
	bool over;

	if (conn->tx.stage != TX_LANE || !hold_any(conn))
		return false;
	lock_acquire(&conn->tx.lock);
	over = hold_on_lane(conn);
	lock_release(&conn->tx.lock);
	if (over) {
		conn_ring(conn, NULL);
		fin_due(conn);	/* CLOSE waited for it */
	}
	return !over;
}

bool hold_waits(const struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	/*
	 * For a lane that the peer demands; what is held may be on it before
	 * the state says so. Then the lane's own end begins, which work_wait()
	 * knows of from LANE_ENDED on.
	 */
	if (state == STATE_joining)
		return hold_any(conn) || conn->tx.stage == TX_LANE;
	if (state == STATE_on_rdma)
		return hold_any(conn) || (conn_closed(conn) &&
					  conn->lane.stage < LANE_ENDED);
	if (state != STATE_greeting && state != STATE_greeted)
		return false;
	if (conn_closed(conn) && conn->tx.shut && conn->tx.stage == TX_HOLD &&
	    conn->role == CONN_PASSIVE)
		return true;	/* FIN has its grace */
	return hold_any(conn) || conn->tx.stage == TX_RELEASE ||
	       conn->greeting.stage == GREETING_REDIAL ||
	       (conn_closed(conn) && conn->greeting.stage == GREETING_ASKED);
}
