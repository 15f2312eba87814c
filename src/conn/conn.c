// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "conn/core.h"
#include "conn/crowd.h"
#include "conn/due.h"
#include "conn/parts.h"
#include "diag/log.h"

struct conn *conn_from(struct fdtab_object *object)
{
	return object && object->last == conn_hooks.last ? (struct conn *)object
						   : NULL;
}

struct conn *conn_new(int fd, enum conn_role role,
		      const struct policy_decision *decision,
		      const struct sockaddr_storage *remote,
		      const struct sockaddr_storage *local)
{
	struct conn *conn = memory_new(sizeof(*conn));

	if (!conn)
		return NULL;
	conn->tcp = decision->mode == POLICY_REQUIRE ? fd_dup_kept(fd)
						      : fd_dup_spare(fd);
	if (conn->tcp < 0) {
		memory_free(conn);
		return NULL;
	}
	conn->object.last = conn_hooks.last;
	conn->object.references = 1;
	conn->holders = 1;
	conn->role = role;
	conn->ends.fd = fd;
	conn->decision = *decision;
	conn->mode = decision->mode;
	if (decision->mode == POLICY_TCP)
		conn->reason = decision->reason;
	conn->ends.remote = *remote;
	if (local)
		conn->ends.local = *local;
	conn_know_local(conn);
	conn->leg.mark_ms = conn->lane.end_ms = conn->close.linger_ms =
	    conn->greeting.deadline_ms = TIME_NEVER;
	conn->watch.due_ms = TIME_NEVER;
	conn->rx.boundary = OFFSET_NEVER;
	conn->rx.end = OFFSET_NEVER;
	conn->leave.peer_at = conn->leave.retreat_at = OFFSET_NEVER;
	conn->close.before.l_onoff = LINGER_KEPT;
	conn->lane.rs = -1;
	conn->state = role == CONN_ACTIVE ? STATE_connecting : STATE_greeting;
	lock_init(&conn->lock, LOCK_conn);
	lock_init(&conn->rx.lock, LOCK_receive);
	lock_init(&conn->tx.lock, LOCK_send);
	lock_init(&conn->waits.lock, LOCK_waiters);
	tally_begin(conn);
	crowd_enter(conn);
	trace_step(conn, conn->state, TRACE_made);
	return conn;
}

/* It is about to be plain with bytes held, which is a mistake of ours. */
static void held_are_lost(struct conn *conn)
{
	log_error("%zu bytes that were held are lost",
		  (size_t)conn->greeting.held_size);
#ifdef SHUNT_DEBUG
	abort();
#endif
}

bool conn_step_locked(struct conn *conn, enum conn_event event,
		      enum reason reason)
{
	enum conn_state from = conn->state;
	int next = state_next(from, event);

	if (next < 0)
		return false;
	if (next == STATE_plain && hold_any(conn))
		held_are_lost(conn);
	if (next == STATE_retreating)
		conn->leg.asked_ms = clock_ms();
	conn->state = next;
	conn->reason = reason;
	due(conn, DUE_settle);
	tally_step(conn, from, next, reason);
	if (next == STATE_plain) {
		rx_step(&conn->rx.stage, RX_ON_plain);
		tx_step(&conn->tx.stage, TX_ON_plain);
		conn->rx.boundary = OFFSET_NEVER;
		conn->leg.mark_ms = conn->lane.end_ms = TIME_NEVER;
		conn->greeting.deadline_ms = TIME_NEVER;
	}
	trace_step(conn, from, event);
	return true;
}

void conn_jump_locked(struct conn *conn, enum conn_state state,
		      unsigned happening, enum reason reason)
{
	enum conn_state from = conn->state;

	conn->state = state;
	conn->reason = reason;
	trace_step(conn, from, happening);
}

bool conn_step(struct conn *conn, enum conn_event event, enum reason reason)
{
	bool done;

	lock_acquire(&conn->lock);
	done = conn_step_locked(conn, event, reason);
	lock_release(&conn->lock);
	if (!done)
		log_debug("event %s has no edge from state %s",
			  state_event_name(event),
			  state_name(conn_state(conn)));
	return done;
}

void conn_reset(struct conn *conn, int error)
{
	bool first;

	lock_acquire(&conn->lock);
	first = !conn->failure.reset;
	if (first) {	/* who sees `reset` asks for `pending` */
		conn->failure.pending = error;
		conn->failure.reset = true;
	}
	lock_release(&conn->lock);
	if (first)
		conn_ring(conn, NULL);
}

bool conn_fail_locked(struct conn *conn, int error, enum reason reason)
{
	if (state_next(conn->state, EVENT_lost) < 0)
		return false;
	/* who sees the state asks for this; 0 would be the stream's end */
	conn->failure.error = error;
	return conn_step_locked(conn, EVENT_lost, reason);
}

void conn_fail(struct conn *conn, int error, enum reason reason)
{
	lock_acquire(&conn->lock);
	conn_fail_locked(conn, error, reason);
	lock_release(&conn->lock);
}

void conn_keep(struct conn *conn)
{
	conn_hold(conn);
}

void conn_unkeep(struct conn *conn)
{
	conn_drop(conn);
}

bool conn_is_raw(const struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	return (state == STATE_greeted || state == STATE_joining) &&
	       conn->rx.stage == RX_RAW && conn->tx.stage == TX_RAW &&
	       conn->rx.boundary == OFFSET_NEVER;
}

void conn_report(struct conn *conn, const char *what)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	char reason[REASON_TEXT_MAX];
	uint64_t tx = conn->tx.bytes, rx = conn->rx.bytes;
	enum log_level level = conn_state(conn) == STATE_dead ? LOG_WARN
							      : LOG_INFO;

	if (!log_wants(level))
		return;
	addr_format(&conn->ends.local, local);
	addr_format(&conn->ends.remote, remote);
	log_put(level,
		"%s %s %s %s: lane=%s reason=%s rule=%s tcp_sent=%llu "
		"tcp_received=%llu rdma_sent=%llu rdma_received=%llu",
		local, conn->role == CONN_ACTIVE ? "->" : "<-", remote, what,
		conn_state(conn) == STATE_on_rdma ? "rdma" : "tcp",
		reason_text(conn->reason, conn->greeting.peers_reason, reason),
		conn->decision.rule, (unsigned long long)conn->tx.raw,
		(unsigned long long)conn->rx.raw,
		(unsigned long long)(tx - conn->tx.raw),
		(unsigned long long)(rx - conn->rx.raw));
}

bool conn_any_path(const struct conn *conn)
{
	return conn->decision.any_path;
}

unsigned conn_busy_poll_us(const struct conn *conn)
{
	return conn_state(conn) == STATE_on_rdma
		       ? conn->decision.lane.busy_poll_us
		       : 0;
}

int conn_peername(struct conn *conn, struct sockaddr_storage *name,
		  socklen_t *length)
{
	enum conn_state state = conn_state(conn);

	if (conn->role == CONN_ACTIVE && state == STATE_greeting &&
	    conn->mode == POLICY_REQUIRE)
		return -ENOTCONN;
	if (state == STATE_greeting &&
	    conn->greeting.stage == GREETING_REDIAL) {
		*name = conn->ends.dialled;
		*length = conn->ends.dialled_length;
		return 0;
	}
	if (state == STATE_on_rdma &&
	    (conn->failure.reset ||
	     (conn->tx.shut && conn->rx.end != OFFSET_NEVER)))
		return -ENOTCONN;
	return CONN_PLAIN;
}
