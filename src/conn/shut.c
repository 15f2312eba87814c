// SPDX-License-Identifier: BSD-2-Clause
/*
 * shutdown(2). On TCP the kernel does it. On RDMA a CLOSE record says where the
 * stream ends.
 */
#include "base/real.h"
#include "conn/conduct.h"
#include "conn/core.h"
#include "conn/fallback.h"
#include "conn/fin.h"
#include "conn/greet.h"
#include "conn/greeting.h"
#include "conn/hold.h"
#include "conn/outbox.h"
#include "conn/parts.h"
#include "conn/redial.h"

static void shut_write(struct conn *conn)
{
	bool say;

	lock_acquire(&conn->tx.lock);
	say = !conn->tx.shut && fin_sending(conn);
	conn->tx.shut = true;
	lock_release(&conn->tx.lock);
	if (say)
		outbox_say(conn, WIRE_CLOSE, 0, conn->tx.bytes);
}

static int shut_down(struct conn *conn, int how);

/*
 * With send and lock. Nothing of the application's may go yet, or something has
 * to go before: FIN, or the end of reading, comes behind it. False: it is the
 * kernel's to do now.
 */
static bool shut_later(struct conn *conn, int how)
{
	if (conn->state > STATE_greeted || conn->tx.stage == TX_RAW)
		return false;
	greeting_await(conn);
	if (how != SHUT_RD)
		conn->tx.shut = true;
	if (how != SHUT_WR)
		conn->rx.shut = true;
	return true;
}

/* REPLY or a late HELLO is yet to come, in a stream that goes raw already. */
static int shut_raw(struct conn *conn, int how)
{
	if (how != SHUT_RD)
		conn->tx.shut = true;
	return real.shutdown(conn->tcp, how) == 0 ? 0 : -errno;
}

/* Shut down before the connection has a lane. */
static int shut_early(struct conn *conn, int how)
{
	bool later, greets = conn->rx.stage == RX_GREET;

	/* Still connecting, as the application sees it (tcp(7)). */
	if (conn->role == CONN_ACTIVE &&
	    conn->mode == POLICY_REQUIRE) {
		dial_dissolve(conn);
		hold_quit(conn, REASON_closed);
		return 0;
	}
	if (!fin_needs_lane(conn))	/* not any more */
		refuse_lane(conn, REASON_closed);
	if (conn->role == CONN_PASSIVE && greets) {
		greet_look(conn);
		greet_speak(conn);
	}
	if (conn_is_plain(conn))
		return CONN_PLAIN;
	lock_acquire(&conn->tx.lock);
	lock_acquire(&conn->lock);
	later = shut_later(conn, how);
	lock_release(&conn->lock);
	lock_release(&conn->tx.lock);
	if (later) {
		conn_ring(conn, NULL);
		hold_attend(conn);
		return 0;
	}
	if (conn_state(conn) == STATE_greeting)
		return shut_raw(conn, how);
	if (conn_is_plain(conn))
		return CONN_PLAIN;
	return shut_down(conn, how);	/* a lane came just now */
}

static int shut_down(struct conn *conn, int how)
{
	enum conn_state state = conn_state(conn);

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return CONN_PLAIN;	/* the kernel knows the errno */
	if (state == STATE_plain || state == STATE_dead)
		return CONN_PLAIN;
	if (state <= STATE_greeted)
		return shut_early(conn, how);
	if (conn->failure.reset ||
	    (conn->tx.shut && conn->rx.end != OFFSET_NEVER))
		return -ENOTCONN;	/* both directions are over */
	if (how != SHUT_RD)
		shut_write(conn);
	if (how != SHUT_WR)
		conn->rx.shut = true;
	conn_ring(conn, NULL);
	return 0;
}

int conn_shutdown(struct conn *conn, int how)
{
	int saved = errno, ret = shut_down(conn, how);

	conduct(conn);
	errno = saved;
	return ret;
}
