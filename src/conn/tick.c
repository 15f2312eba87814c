// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the service thread does with one connection: when its TCP leg has news,
 * when it was asked to look, and when a time is over that was set for it.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/real.h"
#include "conn/conduct.h"
#include "conn/core.h"
#include "conn/cross.h"
#include "conn/dial.h"
#include "conn/drain.h"
#include "conn/end.h"
#include "conn/fallback.h"
#include "conn/greet.h"
#include "conn/hold.h"
#include "conn/inbox.h"
#include "conn/lane.h"
#include "conn/leave.h"
#include "conn/linger.h"
#include "conn/outbox.h"
#include "conn/parts.h"
#include "conn/proof.h"
#include "conn/retreat.h"
#include "conn/tick.h"
#include "conn/share.h"
#include "conn/timer.h"
#include "conn/watch.h"

#define CLOSE_MS 500	/* CLOSE may come behind the lane's own end */
#define LEAVE_MS 1	/* what is on the lane still comes in, */
#define LEAVE_MOST_MS 50	/* less and less often */
#define HELD_MS 20	/* the lane has no room for what was held */
#define SOONEST_MS 1	/* others have their turn before the next look */

/*
 * Is there anything that should still have come or gone by the lane? If it is
 * being left in order, leave.c knows.
 */
static bool lane_is_missed(const struct conn *conn)
{
	return !leave_waits(conn) &&
	       (conn->rx.end != conn->rx.bytes ||
		!(conn->close.peers & WIRE_CLOSE_FULL));
}

/* The lane is over, and may have bytes or CLOSE behind it: for how long? */
static void look_for_end(struct conn *conn, uint64_t now)
{
	if (lane_over(conn) && conn->leg.end == LEG_OPEN &&
	    !conn_lingers(conn) && conn->lane.end_ms == TIME_NEVER &&
	    conn_state(conn) == STATE_on_rdma && lane_is_missed(conn) &&
	    !conn_lane_holds(conn, 1))
		conn->lane.end_ms =
			conn->rx.end == OFFSET_NEVER ? now + CLOSE_MS : now;
}

/* The time the RDMA lane was given after its end, or the peer's, is over. */
static void end_is_over(struct conn *conn)
{
	conn->lane.end_ms = TIME_NEVER;
	if (conn->leg.end != LEG_OPEN) {
		lane_step(&conn->lane.stage, LANE_ON_over);
		conn_ring(conn, NULL);
	} else if (lane_over(conn) && lane_is_missed(conn) &&
		   !conn_lane_holds(conn, 1)) {
		retreat_lane(conn, REASON_lane_dead);
	}
}

/*
 * A lane is dead when bytes are outstanding and the peer, asked, has not seen
 * them for stall_timeout. An application that does not read is no sign of it.
 * True: something is outstanding still.
 */
static bool look_for_stall(struct conn *conn, uint64_t now)
{
	uint32_t most = conn->decision.lane.stall_timeout_ms;

	if (conn->lane.probed)
		inbox_answer_probe(conn);
	if (conn->tx.replay.limit == 0 || (conn->close.peers & WIRE_CLOSE_FULL))
		return conn->lane.probed;
	if (conn->tx.acked == conn->tx.bytes)
		conn->lane.progress_ms = 0;
	else if (conn->lane.progress_ms == 0)
		conn->lane.progress_ms = now;
	else if (now - conn->lane.progress_ms >= most)
		retreat_lane(conn, proof_leg_answers(conn, most / 2)
					   ? REASON_lane_stalled
					   : REASON_tcp_stalled);
	else if (now - conn->lane.progress_ms >= most / 2 &&
		 !conn->lane.probe_sent) {
		conn->lane.probe_sent = true;
		outbox_say(conn, WIRE_PROBE, 0, conn->tx.bytes);
	}
	return conn->lane.probed || conn->tx.acked != conn->tx.bytes;
}

/*
 * Who sends sets a time only if none is set (lane.c); so it is
 * called off before the last look.
 */
static uint64_t stall_due(struct conn *conn, uint64_t now)
{
	bool again;

	if (conn_state(conn) != STATE_on_rdma || conn->leg.end != LEG_OPEN ||
	    conn->tx.stage != TX_LANE)
		return TIME_NEVER;
	atomic_store(&conn->lane.stall_watched, false);
	again = look_for_stall(conn, now);
	if (conn_state(conn) == STATE_on_rdma && conn->tx.stage == TX_LANE)
		again |= proof_look(conn, now);
	if (!again)
		return TIME_NEVER;
	atomic_store(&conn->lane.stall_watched, true);
	return now + STALL_LOOK_MS;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Do what is due. Returns when something is next; TIME_NEVER: nothing. */
static uint64_t look_at_times(struct conn *conn, uint64_t now)
{
	enum conn_state state = conn_state(conn);
	uint64_t next;

	if (conn_lingers(conn) && end_linger_over(conn, now)) {
		linger_end(conn);
		unwatch_conn(conn);
		if (conn->forked.marks)	/* its parent held it, too */
			fd_park(conn->tcp);
		return TIME_NEVER;
	}
	next = conn_lingers(conn)
		   ? sooner(conn->close.linger_ms, now + STALL_LOOK_MS)
		   : TIME_NEVER;
	if (state == STATE_connecting || state == STATE_greeting)
		return sooner(next, sooner(conn->greeting.deadline_ms,
					   dial_due(conn)));
	if (state == STATE_greeted) {
		greet_end_wait(conn);
		next = sooner(next, conn->greeting.deadline_ms);
	}
	next = sooner(next, stall_due(conn, now));
	look_for_end(conn, now);
	if (conn->rx.stage == RX_MAYBE)
		conn_find_stage(conn);
	if (now >= conn->lane.end_ms && !conn_lingers(conn))
		end_is_over(conn);
	if (hold_lane_look(conn)) {
		next = sooner(next, now + HELD_MS);
		if (now >= conn->close.linger_ms)
			end_held_late(conn);
	}
	if (leave_look(conn))
		next = sooner(next, clock_back_off(now, conn->leave.progress_ms,
						   LEAVE_MS, LEAVE_MOST_MS));
	if (!conn_lingers(conn))
		next = sooner(next, conn->lane.end_ms);
	return sooner(next, conn->leg.mark_ms);
}

/* The application has left a greeting alone: it is watched from now on. */
static void attend(struct conn *conn)
{
	/*
	 * Who of the processes that share it touches it first is to have it;
	 * what we have sent on it is ours to look after.
	 */
	if ((conn->forked.share && share_untouched(conn)) ||
	    (conn_state(conn) > STATE_greeting && conn->tx.stage != TX_RELEASE))
		return;
	watch_conn(conn);
}

/* Either side: one look, and what is due is done. */
static void look_at_greeting(struct conn *conn)
{
	bool late;

	if (conn->role == CONN_ACTIVE) {
		dial_tend(conn);
		return;
	}
	greet_look(conn);
	late = clock_ms() >= conn->greeting.deadline_ms;
	if (conn->tx.stage == TX_HOLD && (hold_any(conn) || conn->tx.shut))
		greet_speak(conn);
	else if (late && conn_closed(conn))
		hold_quit(conn, REASON_closed);
	else if (late && conn->tx.stage == TX_HOLD)
		greet_speak(conn);
}

/*
 * One more step, if it is owed to another process. Whoever waits for it may
 * send before it may receive: a peer that says nothing first leaves a cancelled
 * lane's boundary undecided (cross.c).
 */
static void pay(struct conn *conn)
{
	if (!conn->forked.owed || conn_is_plain(conn))
		return;
	fall_back(conn, REASON_forked);
	if (conn_state(conn) != STATE_retreating)
		return;
	lock_acquire(&family_lock);
	if (conn->forked.share && conn->tx.stage == TX_RAW)
		conn->forked.share->raw_out = true;
	lock_release(&family_lock);
	if (conn_closed(conn))
		end_linger(conn);
}

static void look_at_leg(struct conn *conn)
{
	if (conn->state == STATE_connecting || conn->state == STATE_greeting)
		look_at_greeting(conn);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
	retreat_flush(conn);
	inbox_look(conn);
	pay(conn);
}

void tick(struct conn *conn)
{
	uint64_t now, next;

	if (!conn_watched(conn))
		attend(conn);
	if (!conn_watched(conn))
		return;
	look_at_leg(conn);
	drain_if_judged(conn);
	conduct(conn);
	if (conn_watched(conn)) {
		now = clock_ms();
		next = look_at_times(conn, now);
		timer_by(conn, next > now ? next : now + SOONEST_MS);
	}
	conduct(conn);
}
