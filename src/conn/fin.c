// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of what is sent: FIN on TCP, CLOSE on a lane, behind all that goes
 * before it.
 */
#include "base/real.h"
#include "conn/due.h"
#include "conn/fin.h"
#include "conn/hold.h"
#include "conn/outbox.h"
#include "conn/parts.h"
#include "conn/share.h"

/* With send: shut the sending direction where it is. True: say CLOSE. */
bool fin_sending(struct conn *conn)
{
	if (conn->tx.stage == TX_RAW)
		real.shutdown(conn->tcp, SHUT_WR);
	return conn->tx.stage == TX_LANE && !hold_any(conn);
}

void fin_sent(struct conn *conn)
{
	bool closed = conn_lingers(conn) && !share_is_ours(conn);

	if (conn->tx.stage == TX_RAW && (conn->tx.shut || closed))
		real.shutdown(conn->tcp, SHUT_WR);
}

void fin_behind(struct conn *conn)
{
	bool say;

	if (!conn->tx.shut || conn_state(conn) == STATE_dead)
		return;
	lock_acquire(&conn->tx.lock);
	say = fin_sending(conn);
	lock_release(&conn->tx.lock);
	if (say)
		outbox_say(conn, WIRE_CLOSE, 0, conn->tx.bytes);
}

void fin_due(struct conn *conn)
{
	fin_behind(conn);
	if (conn_closed(conn))
		due(conn, DUE_ended);
}

bool fin_needs_lane(const struct conn *conn)
{
	return conn->greeting.peer_requires && hold_any(conn);
}
