// SPDX-License-Identifier: BSD-2-Clause
/*
 * A connection as an object of the fd table, and what those below ask of those
 * above: what ends it, and the jobs that it has.
 */
#include "conn/conduct.h"
#include "conn/core.h"
#include "conn/end.h"
#include "conn/greet.h"
#include "conn/join.h"
#include "conn/parts.h"
#include "conn/settle.h"
#include "conn/stranger.h"

/* What is plain has been forgotten, not closed. */
static void trace_close(struct conn *conn)
{
	lock_acquire(&conn->lock);
	if (conn->state != STATE_plain)
		trace_step(conn, conn->state, TRACE_closed);
	lock_release(&conn->lock);
	trace_log(conn);
}

/* The last number of it is closed and no call is in flight. */
static void last(struct fdtab_object *object)
{
	struct conn *conn = (struct conn *)object;

	trace_close(conn);
	conn_end_waiters(conn);
	end_conn(conn);
	conduct(conn);
	settle_let_go(conn);
	conn_drop(conn);
}

/* The listeners are there, or cannot be: REPLY has waited for that. */
static void listened(struct conn *conn)
{
	greet_answer(conn);
	conduct(conn);
}

static void join(void *arg)
{
	struct conn *conn = arg;

	join_run(conn);
	conduct(conn);
	conn_drop(conn);
}

static void admit(void *arg)
{
	struct stranger *stranger = NULL;
	struct conn *conn;

	(void)arg;
	while ((stranger = stranger_next(stranger))) {
		conn = join_admit(stranger);
		if (!conn)
			continue;
		conduct(conn);
		conn_drop(conn);
	}
}

static void take_down(void *arg)
{
	struct conn *conn = arg;

	end_take_down(conn);
	conduct(conn);
	conn_drop(conn);
}

const struct conn_hooks conn_hooks = {
	.last = last,
	.listened = listened,
	.lane_came = join_accept,
	.join = join,
	.admit = admit,
	.take_down = take_down,
};
