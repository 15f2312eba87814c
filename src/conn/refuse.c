// SPDX-License-Identifier: BSD-2-Clause
/*
 * No lane for a connection that has none yet.
 */
#include "conn/dial.h"
#include "conn/fallback.h"
#include "conn/fin.h"
#include "conn/hold.h"
#include "conn/parts.h"

/* Passive, not greeted yet: HELLO must still be stripped. */
static bool refuse_greeting(struct conn *conn, enum reason reason)
{
	bool refused;

	lock_acquire(&conn->lock);
	refused = conn->role == CONN_PASSIVE && conn->state == STATE_greeting;
	if (refused) {
		conn->reason = reason;
		conn->mode = POLICY_TCP;
	}
	lock_release(&conn->lock);
	return refused;
}

int refuse_lane(struct conn *conn, enum reason reason)
{
	enum conn_state state = conn_state(conn);

	if (state == STATE_plain || refuse_greeting(conn, reason))
		return 0;
	if (conn->role == CONN_ACTIVE && state < STATE_greeted &&
	    conn->mode != POLICY_REQUIRE) {
		/* REPLY must still be stripped; it may demand a lane. */
		conn->reason = reason;
		if (reason != REASON_closed)
			conn->mode = POLICY_TCP;
		if (conn->greeting.stage == GREETING_QUIET)
			dial_hurry(conn, reason);
		return 0;
	}
	if (state == STATE_greeted) {
		/* REPLY may have come just now, and demand one. */
		if (reason == REASON_closed && fin_needs_lane(conn))
			return -EBUSY;
		hold_quit(conn, reason);
		return 0;
	}
	return -EBUSY;
}
