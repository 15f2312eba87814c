// SPDX-License-Identifier: BSD-2-Clause
/*
 * Joining: a fresh rsocket becomes the lane of its connection. The five lane
 * messages and who may send what when are docs/PROTOCOL.md's "Joining". Each
 * join runs on a thread of work.c, because making an rsocket may block.
 *
 *	active			passive
 *	JOIN{token}	->
 *			<-	JOINED{my boundary}	(frozen, unconfirmed)
 *	SWITCH{boundary} ->				(frozen, unconfirmed)
 *			<-	CONFIRM			(frozen, confirmed)
 *	DONE		->				(on the lane)
 *							(on the lane)
 */
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/cross.h"
#include "conn/endpoint.h"
#include "conn/fin.h"
#include "conn/hold.h"
#include "conn/join.h"
#include "conn/limits.h"
#include "conn/listener.h"
#include "conn/parts.h"
#include "conn/reach.h"
#include "conn/retreat.h"
#include "conn/stranger.h"
#include "conn/talk.h"
#include "conn/watch.h"
#include "conn/work.h"
#include "diag/log.h"

/* What was held before the greeting was over goes raw, and before the lane. */
static void await_release(struct conn *conn, uint64_t until_ms)
{
	while (conn->tx.stage == TX_RELEASE && !conn_closed(conn) &&
	       clock_ms() < until_ms) {
		hold_release(conn);
		real.poll(NULL, 0, 1);
	}
}

/* Stop sending raw bytes: the boundary, or OFFSET_NEVER if it is too late. */
static uint64_t freeze(struct conn *conn, uint64_t until_ms)
{
	uint64_t boundary = OFFSET_NEVER;

	await_release(conn, until_ms);
	lock_acquire(&conn->tx.lock);
	if (conn_state(conn) == STATE_joining && conn->tx.stage != TX_RELEASE &&
	    reach_is_wanted(conn)) {
		conn->tx.before_freeze = conn->tx.stage;
		tx_step(&conn->tx.stage, TX_ON_frozen);
		boundary = conn->tx.bytes;
	}
	lock_release(&conn->tx.lock);
	return boundary;
}

/* All before it is taken in at once, if need be; so it cannot be anywhere. */
static int set_boundary(struct conn *conn, uint64_t boundary)
{
	int ret = 0;

	lock_acquire(&conn->rx.lock);
	if (boundary < conn->rx.bytes ||
	    boundary - conn->rx.bytes > BOUND_early_bytes)
		ret = -EPROTO;
	else
		conn->rx.boundary = boundary;
	lock_release(&conn->rx.lock);
	return ret;
}

/*
 * With send: what is sent is kept where the carrier has it, if it does. Where
 * that is, in words.
 */
static const char *begin_ring(struct conn *conn, int rs)
{
	struct replay *ring = &conn->tx.replay;
	struct carrier_kept kept;

	replay_begin(ring, conn->decision.lane.replay, conn->tx.bytes);
	if (ring->limit && carrier->kept(rs, &kept) == 0)
		replay_lend(ring, kept.bytes, kept.size, kept.at);
	return !ring->limit ? "nowhere" : ring->lent ? "in the send buffer"
						     : "in a copy";
}

/*
 * Both boundaries are known to both: the bytes may go by RDMA. `peer` has the
 * peer's boundary message.
 */
static void on_lane(struct conn *conn, int rs, const struct wire_lane *peer)
{
	const char *kept;

	conn->rx.ack_every = (uint64_t)peer->replay_kib * 1024 / 4;
	conn->rx.ack_sent = conn->rx.boundary;
	lock_acquire(&conn->tx.lock);
	kept = begin_ring(conn, rs);
	conn->tx.acked = conn->tx.boundary = conn->tx.bytes;
	conn->lane.rs = rs;
	lane_step(&conn->lane.stage, LANE_ON_up);
	if (conn->tx.stage == TX_FROZEN)	/* not dissolved meanwhile */
		tx_step(&conn->tx.stage, TX_ON_joined);
	lock_release(&conn->tx.lock);
	log_debug("join: what is sent is kept %s", kept);
	limits_arrived(conn);
	if (!conn_step(conn, EVENT_joined, REASON_on_rdma)) {
		endpoint_close_later(conn);	/* dissolved meanwhile */
		return;
	}
	reason_count(REASON_on_rdma);
	conn_report(conn, "moves to rdma");
	watch_conn(conn);
	conn_cross(conn);
	hold_lane_look(conn);
	fin_due(conn);
}

/*
 * Nobody can have been told our boundary for certain: raw bytes go on, and what
 * was held meanwhile goes first.
 */
static void thaw(struct conn *conn)
{
	lock_acquire(&conn->tx.lock);
	if (conn->tx.stage == TX_FROZEN)
		tx_step(&conn->tx.stage,
			hold_any(conn) ? TX_ON_thawed_held
			: conn->tx.before_freeze == TX_HOLD
				? TX_ON_thawed_hold
				: TX_ON_thawed);
	lock_release(&conn->tx.lock);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
}

/* What our messages tell of the ring, so that the peer acknowledges in time. */
static uint32_t replay_kib(const struct conn *conn)
{
	return (uint32_t)((conn->decision.lane.replay + 1023) / 1024);
}

/*
 * The active side's part of the exchange on a connected rsocket. *told: our
 * boundary may be known to the peer, who will know what our next bytes are.
 */
static int exchange(struct talk *talk, bool *told, struct wire_lane *peer)
{
	struct wire_lane out = { .type = WIRE_JOIN }, in;
	struct conn *conn = talk->conn;
	int ret;

	memcpy(out.token, conn->join.offer->token, sizeof(out.token));
	ret = talk_put(talk, &out);
	if (ret == 0)
		ret = talk_get(talk, WIRE_JOINED, peer);
	if (ret)
		return ret;
	memset(&out, 0, sizeof(out));
	out.type = WIRE_SWITCH;
	out.replay_kib = replay_kib(conn);
	out.boundary = freeze(conn, talk->until_ms);
	if (out.boundary == OFFSET_NEVER)
		return -ECANCELED;
	ret = set_boundary(conn, peer->boundary);
	if (ret)
		return ret;
	*told = true;
	ret = talk_put(talk, &out);
	if (ret == 0)
		ret = talk_get(talk, WIRE_CONFIRM, &in);
	if (ret)
		return ret;
	out.type = WIRE_DONE;
	out.boundary = 0;
	/* CONFIRM is in: a lane that fails from here on is retreated from. */
	(void)talk_put(talk, &out);
	return 0;
}

/* 0, or -EDQUOT: lane.refused says of which limit. */
static int limited(struct conn *conn, enum reason reason)
{
	conn->lane.refused = reason;
	return conn->lane.refused == REASON_none ? 0 : -EDQUOT;
}

/* The lane was not joined because there is nothing left to carry. */
static bool peer_ended(const struct conn *conn)
{
	struct pollfd tcp = { .fd = conn->tcp, .events = POLLRDHUP };

	return real.poll(&tcp, 1, 0) == 1;
}

static enum reason reason_of(const struct conn *conn, int rs, int error)
{
	if (error == -EDQUOT)
		return conn->lane.refused;
	if (error == -ECANCELED)
		return REASON_closed;
	if (error == -EREMCHG)
		return REASON_lane_address;
	if (rs < 0)
		return carrier->reason(rs);
	if (error == -ECONNRESET && peer_ended(conn))
		return REASON_peer_closed;
	return error == -ETIMEDOUT    ? REASON_join_timeout
	     : error == -ENOMEM	      ? REASON_memlock
	     : error == -EKEYREJECTED ? REASON_auth_failed
				      : REASON_join_failed;
}

/*
 * The lane came to nothing, and no byte has used it. A shutdown that waited
 * is done first: a plain connection that nobody is calling may lose its
 * socket.
 */
static void cancel(struct conn *conn, int rs, int error, bool told)
{
	enum reason reason;

	if (rs >= 0)
		endpoint_discard(rs, &conn->lane.claim);
	else
		limits_give(&conn->lane.claim);
	reason = reason_of(conn, rs, error);
	log_debug("join: %s: %s", reason_name(reason), strerror(-error));
	if (conn->mode == POLICY_REQUIRE || conn->greeting.peer_requires) {
		real.shutdown(conn->tcp, SHUT_RDWR);
		conn_fail(conn, -ENETUNREACH, reason);
		return;
	}
	thaw(conn);
	fin_due(conn);
	if (told) {
		conn_step(conn, EVENT_cancelled, reason);
		conn_cross(conn);
		if (conn_state(conn) == STATE_retreating)
			fin_due(conn);	/* it may be closed */
	} else if (conn->tx.stage == TX_RELEASE) {
		conn_step(conn, EVENT_unready, reason);
		hold_quit(conn, reason);
	} else {
		conn_step(conn, EVENT_unjoined, reason);
	}
}

void join_run(struct conn *conn)
{
	struct talk talk = {
		.conn = conn,
		.until_ms = clock_ms() + conn->decision.lane.stall_timeout_ms,
	};
	struct wire_lane peer = { 0 };
	bool told = false;
	int ret;

	talk.rs = limited(conn, limits_take(conn));
	if (talk.rs == 0)
		talk.rs = reach_any(conn, talk.until_ms);
	ret = talk.rs < 0 ? talk.rs : exchange(&talk, &told, &peer);
	if (ret == 0)
		on_lane(conn, talk.rs, &peer);
	else
		cancel(conn, talk.rs, ret, told);
	limits_join_end();
}

void join_if_worth(struct conn *conn)
{
	const struct policy_lane *lane = &conn->decision.lane;
	bool begin = false, allowed;

	if (conn->role != CONN_ACTIVE || !conn->join.offer ||
	    conn->tx.stage == TX_RELEASE ||
	    conn->greeting.stage == GREETING_OVER)
		return;
	if (conn->tx.stage != TX_HOLD &&
	    conn->tx.bytes + conn->rx.bytes < lane->after_bytes &&
	    atomic_fetch_add(&conn->account.messages, 1) + 1 <
		lane->after_messages)
		return;
	lock_acquire(&conn->lock);
	if (conn->state == STATE_greeted && reach_is_wanted(conn))
		begin = conn_step_locked(conn, EVENT_worth, conn->reason);
	lock_release(&conn->lock);
	if (!begin)
		return;
	trace_log(conn);
	conn_hold(conn);
	allowed = limits_join_begin();
	if (allowed && work_start(WORK_JOIN, conn_hooks.join, conn) == 0)
		return;
	if (allowed)
		limits_join_end();
	conn->lane.refused = allowed ? REASON_no_thread : REASON_join_limit;
	cancel(conn, -1, -EDQUOT, false);
	conn_drop(conn);
}

/* The passive side's part, from JOINED on. *told as for exchange(). */
static int welcome(struct talk *talk, bool *told, struct wire_lane *peer)
{
	struct wire_lane in, out = { .type = WIRE_JOINED };
	struct conn *conn = talk->conn;
	int ret;

	out.replay_kib = replay_kib(conn);
	out.boundary = freeze(conn, talk->until_ms);
	if (out.boundary == OFFSET_NEVER)
		return -ECANCELED;
	ret = talk_put(talk, &out);
	if (ret == 0)
		ret = talk_get(talk, WIRE_SWITCH, peer);
	if (ret == 0)
		ret = set_boundary(conn, peer->boundary);
	if (ret)
		return ret;
	*told = true;
	out.type = WIRE_CONFIRM;
	out.boundary = 0;
	ret = talk_put(talk, &out);
	return ret ? ret : talk_get(talk, WIRE_DONE, &in);
}

/*
 * The active side has seen our boundary and may be on the lane already, so it
 * must hear on TCP, behind our mark, that we go on there.
 */
static void cancel_confirmed(struct conn *conn, int rs, int error)
{
	endpoint_discard(rs, &conn->lane.claim);
	lock_acquire(&conn->tx.lock);
	/* The active side's RETREAT may be heard as soon as we step. */
	replay_begin(&conn->tx.replay, 0, conn->tx.bytes);
	if (conn->tx.stage == TX_FROZEN)	/* as above */
		tx_step(&conn->tx.stage, TX_ON_failed);
	lock_release(&conn->tx.lock);
	conn_step(conn, EVENT_cancelled, reason_of(conn, rs, error));
	retreat_unused(conn);
	conn_cross(conn);
	fin_due(conn);
}

static void refuse(struct talk *talk, enum reason reason)
{
	struct wire_lane refused = { .type = WIRE_REFUSED,
				     .boundary = reason };

	reason_count(reason);
	log_info("a lane was turned away: %s", reason_sentence(reason));
	(void)talk_put(talk, &refused);
}

/*
 * The connection that JOIN asks for, held, and no longer to be had by another;
 * NULL: none. Who has its token and no key, or comes from elsewhere, may not
 * take it from whose it is: it stays where it is, and he hears why.
 */
static struct conn *claim(struct talk *talk)
{
	uint8_t in[WIRE_LANE_MAX];
	struct wire_lane message;
	int ret, size = talk_read(talk, in);
	struct conn *conn;

	if (size < 0 || wire_get_lane(in, size, &message) != 0 ||
	    message.type != WIRE_JOIN)
		return NULL;
	conn = listener_find(message.token);
	if (!conn)
		return NULL;
	ret = talk_check(conn, in, &message, talk->last);
	if (ret == 0 && !reach_may_come(conn, talk->rs))
		ret = -EREMCHG;
	conn_drop(conn);
	if (ret == 0)
		return listener_claim(message.token);
	if (ret == -EKEYREJECTED)
		refuse(talk, REASON_auth_failed);
	else if (ret == -EREMCHG)
		refuse(talk, REASON_lane_address);
	return NULL;
}

struct conn *join_admit(struct stranger *stranger)
{
	int rs = stranger->rs;
	struct talk talk = { .rs = rs };
	struct wire_lane peer = { 0 };
	struct conn *conn = NULL;
	bool told = false;
	int ret;

	ret = stranger_await(stranger);
	talk.until_ms = clock_ms() + BOUND_stranger_busy_ms;
	if (ret == 0)
		conn = claim(&talk);
	if (!conn || !conn_step(conn, EVENT_worth, REASON_too_short)) {
		log_debug("a lane without a connection was closed");
		endpoint_discard(rs, &stranger->claim);
		return conn;
	}
	conn->greeting.deadline_ms = TIME_NEVER;
	talk.conn = conn;
	talk.until_ms = clock_ms() + conn->decision.lane.stall_timeout_ms;
	ret = limited(conn, limits_admit(conn, &stranger->claim));
	if (ret == 0)
		ret = welcome(&talk, &told, &peer);
	if (ret == 0)
		on_lane(conn, rs, &peer);
	else if (told)
		cancel_confirmed(conn, rs, ret);
	else
		cancel(conn, rs, ret, false);
	return conn;
}

void join_accept(int rs, uint64_t pins)
{
	struct stranger *stranger = stranger_new(rs, pins);
	enum reason reason = stranger ? stranger_enter(stranger)
				      : REASON_no_memory;

	if (reason == REASON_none &&
	    (work_start(WORK_ADMIT, conn_hooks.admit, NULL) == 0 ||
	     !stranger_withdraw(stranger)))
		return;
	if (reason == REASON_none)
		reason = REASON_no_thread;
	reason_count(reason);
	log_info("a lane was turned away: %s", reason_sentence(reason));
	/* Its connection, if any, stays on TCP. */
	endpoint_discard(rs, stranger ? &stranger->claim : NULL);
	memory_free(stranger);
}
