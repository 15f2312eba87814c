// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a change of state asks for: who sleeps is woken, the log and the counts
 * have it, and a plain connection leaves the table.
 */
#include "base/fd.h"
#include "conn/core.h"
#include "conn/fin.h"
#include "conn/listener.h"
#include "conn/parts.h"
#include "conn/settle.h"
#include "conn/share.h"
#include "conn/watch.h"

/*
 * A plain socket without an application is closed now, whoever else still
 * holds the connection: a job, the service thread.
 */
void settle_let_go(struct conn *conn)
{
	if (conn_is_plain(conn) &&
	    atomic_load(&conn->object.references) == 0 &&
	    atomic_load(&conn->holders) > 1) {
		/* Who made it plain may not have come to this yet. */
		unwatch_conn(conn);
		fd_park(conn->tcp);
	}
}

/* Out of the table, so that later calls cost nothing. */
static void forget(struct conn *conn)
{
	uint64_t generation;
	struct fdtab_object *object = fdtab_hold(conn->ends.fd, &generation);

	if (!object)
		return;
	if (object == &conn->object)
		fdtab_remove(conn->ends.fd, generation);
	fdtab_release(object);
}

/* Two steps may both be settled after the second; it is told once. */
static void tell_end(struct conn *conn, const char *what)
{
	if (atomic_exchange(&conn->account.end_told, true))
		return;
	reason_count(conn->reason);
	if (conn->reason == REASON_peer_declined)
		reason_count_peers(conn->greeting.peers_reason);
	tally_end(conn);
	conn_report(conn, what);
}

void settle(struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	trace_log(conn);
	conn_ring(conn, NULL);
	if (state == STATE_plain || state == STATE_dead)
		share_settled(conn);
	else if (conn->forked.owed)
		watch_look(conn);
	if (state == STATE_plain) {
		tell_end(conn, "stays on tcp");
		listener_unexpect(conn);
		unwatch_conn(conn);
		conn_plain_waiters(conn);
		forget(conn);
		settle_let_go(conn);
	} else if (state == STATE_dead) {
		listener_unexpect(conn);
		tell_end(conn, "failed");
		fin_due(conn);	/* it may be closed */
	}
}
