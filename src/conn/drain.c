// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections that leave their lanes because an operator or a new policy says
 * so. Not one byte may be lost by it, so one whose peer has closed stays.
 */
#include "conn/drain.h"

#include "base/addr.h"
#include "conn/parts.h"

/*
 * The service thread's own: the policy that lanes were judged by, held; its
 * number.
 */
static struct policy *policy;
static unsigned policy_number;

/* What the lane still holds is nowhere else when the peer's process ends. */
static bool peer_closed(const struct conn *conn)
{
	return (conn->close.peers & WIRE_CLOSE_FULL) ||
	       conn->leg.end != LEG_OPEN;
}

enum drain_news drain_step(struct conn *conn, enum reason reason)
{
	enum conn_state state = conn_state(conn);

	if (state == STATE_plain)
		return DRAIN_MOVED;
	if (state == STATE_dead || conn_closed(conn))
		return DRAIN_GONE;
	/* In a forked child: the lane is its parent's, who is asked for it. */
	if (conn_is_away(conn))
		return DRAIN_NONE;
	/* Under `require` the application waits for the lane. */
	if (state < STATE_greeted || conn->tx.stage == TX_HOLD)
		return DRAIN_NEW;
	if (state == STATE_on_rdma && peer_closed(conn))
		return DRAIN_CLOSED;
	if (conn_leave(conn, reason) != 0)
		return DRAIN_MOVING;
	return state == STATE_greeted ? DRAIN_NONE : DRAIN_MOVED;
}

const char *drain_text(enum drain_news news)
{
	static const char *const texts[] = {
		[DRAIN_NEW] = "it is still being set up",
		[DRAIN_NONE] = "it had no lane",
		[DRAIN_MOVED] = "",
		[DRAIN_MOVING] = "it is moving",
		[DRAIN_CLOSED] = "its peer has closed it",
		[DRAIN_GONE] = "it has ended",
	};

	return texts[news];
}

/* Leave the lane if the policy says tcp, and the rule says drain. */
static void drain_by_policy(struct conn *conn)
{
	struct policy_query query = { .role = POLICY_CONNECT };
	struct policy_decision decision;

	query.remote = conn->ends.remote;
	query.port = addr_port(&conn->ends.remote);
	if (conn->role == CONN_PASSIVE) {
		query.role = POLICY_LISTEN;
		query.port = addr_port(&conn->ends.local);
	}
	policy_decide(policy, &query, &decision);
	if (decision.mode == POLICY_TCP &&
	    (decision.drain || conn->decision.drain))
		drain_step(conn, REASON_new_policy);
}

bool drain_policy_is_new(void)
{
	struct policy *newest = policy_hold_current();
	struct policy *before = policy;

	if (newest == before) {
		policy_release(newest);
		return false;
	}
	if (before)
		policy_release(before);
	policy = newest;
	policy_number++;
	return true;
}

void drain_if_judged(struct conn *conn)
{
	if (!policy || conn_state(conn) != STATE_on_rdma ||
	    conn_lingers(conn) || conn->watch.judged == policy_number)
		return;
	conn->watch.judged = policy_number;
	drain_by_policy(conn);
}

void drain_after_fork(void)
{
	policy = NULL;	/* the parent's thread holds it, for good */
}
