/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lifetime, state and sleepers of a connection (conn.c, refs.c, waits.c); and
 * how those below reach those above (object.c).
 */
#ifndef CONN_CORE_H
#define CONN_CORE_H

#include "conn/due.h"
#include "conn/parts.h"

/* Lifetime and state */
void conn_hold(struct conn *conn);
void conn_drop(struct conn *conn);
/* Take one edge of state.def; with `lock`. False: no such edge. */
bool conn_step_locked(struct conn *conn, enum conn_event event,
		      enum reason reason);
/* The same, taking the lock. */
bool conn_step(struct conn *conn, enum conn_event event, enum reason reason);
/* What no event makes (trace.def); with `lock`, or nobody else has it. */
void conn_jump_locked(struct conn *conn, enum conn_state state,
		      unsigned happening, enum reason reason);

/* object.c: how those below reach those above */
struct conn_hooks {
	void (*last)(struct fdtab_object *object); /* its number is closed */
	void (*listened)(struct conn *conn);	/* lane addresses are known */
	/* A peer's, by raccept(3), and the bytes that it pins. */
	void (*lane_came)(int rs, uint64_t pins);
	/* Jobs of work.c; of a connection that they hold. */
	void (*join)(void *conn);
	void (*admit)(void *nothing);
	void (*take_down)(void *conn);
};
extern const struct conn_hooks conn_hooks;

void conn_ring(struct conn *conn, const struct conn_waiter *except);
/* I/O was done on the lane: tell the epoll sets. */
void conn_used(struct conn *conn, short drained);
/* The application's interest is over: tell the epoll sets. */
void conn_end_waiters(struct conn *conn);
/* The lane's wait fd is about to be closed: tell the epoll sets. */
void conn_unarm_waiters(struct conn *conn);
/* One line of the log about where it is and why. */
void conn_report(struct conn *conn, const char *what);
/* STATE_dead with this errno, if there is such an edge; and with lock. */
bool conn_fail_locked(struct conn *conn, int error, enum reason reason);
void conn_fail(struct conn *conn, int error, enum reason reason);
/* Fill with unpredictable bytes; getrandom(2). False: there are none. */
bool conn_random(uint8_t *bytes, size_t size);
/* Between these two the rsocket stays; false: it is going away. */
bool lane_enter(struct conn *conn);
void lane_leave(struct conn *conn);
/* conn.c: `local` is known, or another: publish it; and for whoever asks */
void conn_know_local(struct conn *conn);
void conn_read_local(const struct conn *conn, struct sockaddr_storage *local);
/* The peer's application is gone; `error` as for conn->error */
void conn_reset(struct conn *conn, int error);
/* Does anything wait that the application has sent (hold.h)? */
static inline bool hold_any(const struct conn *conn)
{
	return atomic_load(&conn->greeting.held_size) > 0;
}

/* With send or receive: one more call has moved bytes this way */
static inline void conn_moved(struct conn *conn, enum flow flow)
{
	uint64_t moves = atomic_load_explicit(&conn->account.moves[flow],
					      memory_order_relaxed);

	atomic_store_explicit(&conn->account.moves[flow], moves + 1,
			      memory_order_relaxed);
}

#endif
