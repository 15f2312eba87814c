// SPDX-License-Identifier: BSD-2-Clause
/*
 * Back to TCP, from wherever a connection is: because the program, an operator
 * or a policy wants it there.
 */
#include "base/real.h"
#include "conn/core.h"
#include "conn/dial.h"
#include "conn/endpoint.h"
#include "conn/fallback.h"
#include "conn/greet.h"
#include "conn/heir.h"
#include "conn/hold.h"
#include "conn/leave.h"
#include "conn/parts.h"
#include "conn/retreat.h"

/*
 * Before a lane. A client whose SYN was marked may have HELLO on its way: it
 * gets more than the grace that an application's first bytes have.
 */
static void leave_greeting(struct conn *conn, enum reason reason)
{
	if (conn->role == CONN_ACTIVE) {
		dial_hurry(conn, reason);
		return;
	}
	refuse_lane(conn, reason);
	greet_look(conn);
	greet_give(conn);
	if (conn_state(conn) == STATE_greeting && !conn->greeting.reply_due &&
	    conn->tx.stage != TX_HOLD)
		hold_quit(conn, reason);
}

/* Is what is on the lane elsewhere, too? */
static bool has_rings(const struct conn *conn)
{
	return conn->tx.replay.limit && conn->rx.ack_every;
}

/*
 * Have raw bytes been taken off TCP that are not read, or will some be? Others
 * are to find them in the kernel's socket, so they go back to the peer.
 */
static bool holds_raw(const struct conn *conn)
{
	return conn->rx.early.size || (conn->rx.stage == RX_RAW &&
				    conn->rx.boundary != OFFSET_NEVER);
}

int fall_back(struct conn *conn, enum reason reason)
{
	switch (conn_state(conn)) {
	case STATE_plain:
		return 0;
	case STATE_dead:
		return -EIO;
	case STATE_connecting:
	case STATE_greeting:
		leave_greeting(conn, reason);
		break;
	case STATE_greeted:
		hold_quit(conn, reason);
		break;
	case STATE_on_rdma:
		if (conn->leg.end == LEG_OPEN &&
		    (conn->leave.begun || !has_rings(conn) || holds_raw(conn)))
			leave_in_order(conn, reason);
		else
			retreat_lane(conn, reason);
		break;
	case STATE_retreating:
		family_look(conn);
		retreat_check(conn);
		break;
	default:
		break;		/* joining: wait */
	}
	return conn_is_plain(conn) ? 0 : -EAGAIN;
}

/* What has gone back to TCP meanwhile keeps its socket. */
static bool fail_if_owed(struct conn *conn)
{
	bool failed;

	lock_acquire(&conn->lock);
	failed = retreat_overdue(conn) &&
		 conn_fail_locked(conn, -ECONNRESET, REASON_lane_stalled);
	lock_release(&conn->lock);
	return failed;
}

bool fall_give_up(struct conn *conn)
{
	const struct linger reset = { .l_onoff = 1 };

	if (!fail_if_owed(conn))
		return false;
	real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &reset,
			sizeof(reset));
	real.shutdown(conn->tcp, SHUT_RDWR);
	endpoint_close_later(conn);
	return true;
}
