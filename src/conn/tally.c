// SPDX-License-Identifier: BSD-2-Clause
#include "conn/tally.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "conn/parts.h"

static const uint32_t bounds_us[CHANNEL_BOUNDS] = CHANNEL_BOUNDS_US;

struct times {
	atomic_ullong sum_us;
	atomic_ullong buckets[CHANNEL_BOUNDS + 1];
};

struct tally {
	char rule[48];		/* constant once the row is counted */
	atomic_ullong connections, joined, unjoined, ended, retreats;
	/* Of connections that have ended: bytes, then messages. */
	atomic_ullong carried[2 * FLOWS];
	atomic_ullong told[2 * FLOWS];	/* the most that was told */
	struct times join, retreat;
};

static struct tally rows[TALLY_ROWS];
static atomic_uint row_count;
static atomic_uint family;	/* forks: whose connections are ours */
static struct lock lock = LOCK_INIT(tally);	/* over a new row */

static struct tally *find(const char *rule)
{
	unsigned i, count = row_count;

	for (i = 0; i < count; i++)
		if (!strcmp(rows[i].rule, rule))
			return &rows[i];
	return count == TALLY_ROWS ? &rows[TALLY_ROWS - 1] : NULL;
}

static struct tally *make(const char *rule)
{
	struct tally *row;

	lock_acquire(&lock);
	row = find(rule);
	if (!row) {
		row = &rows[row_count];
		snprintf(row->rule, sizeof(row->rule), "%s",
			 row_count + 1 < TALLY_ROWS ? rule : TALLY_OTHER);
		row_count++;
	}
	lock_release(&lock);
	return row;
}

void tally_begin(struct conn *conn)
{
	struct tally *row = find(conn->decision.rule);

	if (!row)
		row = make(conn->decision.rule);
	conn->account.made_ms = clock_ms();
	conn->account.row = row;
	conn->account.family = family;
	atomic_fetch_add_explicit(&row->connections, 1, memory_order_relaxed);
}

static bool counts_here(const struct conn *conn)
{
	return conn->account.family == family;
}

void tally_carried(const struct conn *conn, uint64_t bytes[FLOWS],
		   uint64_t messages[FLOWS])
{
	uint64_t sent = conn->tx.bytes, received = conn->rx.bytes;
	int i;

	bytes[FLOW_TCP_SENT] = conn->tx.raw;
	bytes[FLOW_TCP_RECEIVED] = conn->rx.raw;
	/* Raw bytes may have come between the two looks. */
	bytes[FLOW_RDMA_SENT] = sent > conn->tx.raw ? sent - conn->tx.raw : 0;
	bytes[FLOW_RDMA_RECEIVED] =
		received > conn->rx.raw ? received - conn->rx.raw : 0;
	for (i = 0; i < FLOWS; i++)
		messages[i] = atomic_load_explicit(&conn->account.moves[i],
						   memory_order_relaxed);
}

void tally_end(struct conn *conn)
{
	uint64_t carried[2 * FLOWS];
	int i;

	if (!counts_here(conn) || atomic_exchange(&conn->account.counted, true))
		return;
	tally_carried(conn, carried, carried + FLOWS);
	for (i = 0; i < 2 * FLOWS; i++)
		atomic_fetch_add(&conn->account.row->carried[i], carried[i]);
}

static void time_taken(struct times *times, uint64_t us)
{
	int i = 0;

	while (i < CHANNEL_BOUNDS && us > bounds_us[i])
		i++;
	atomic_fetch_add(&times->sum_us, us);
	atomic_fetch_add(&times->buckets[i], 1);
}

/* STATE_joining has been left. */
static void join_over(struct conn *conn, enum conn_state to,
		      enum reason reason)
{
	struct tally *row = conn->account.row;

	if (to == STATE_on_rdma) {
		atomic_fetch_add(&row->joined, 1);
		time_taken(&row->join, clock_us() - conn->account.step_us);
	} else if (reason == REASON_closed || reason == REASON_peer_closed ||
		   conn_closed(conn)) {
		atomic_fetch_add(&row->ended, 1);
	} else {
		atomic_fetch_add(&row->unjoined, 1);
	}
}

void tally_step(struct conn *conn, enum conn_state from, enum conn_state to,
		enum reason reason)
{
	if (!counts_here(conn))
		return;
	if (from == STATE_joining)
		join_over(conn, to, reason);
	if (from == STATE_on_rdma && to == STATE_retreating) {
		atomic_fetch_add(&conn->account.row->retreats, 1);
		atomic_fetch_add(&conn->account.retreats, 1);
	}
	if (from == STATE_retreating && to == STATE_plain &&
	    conn->account.retreats)
		time_taken(&conn->account.row->retreat,
			   clock_us() - conn->account.step_us);
	if (to == STATE_joining || to == STATE_retreating)
		conn->account.step_us = clock_us();
}

static void view_times(struct tally_times *view, const struct times *times)
{
	int i;

	view->sum_us = times->sum_us;
	for (i = 0; i <= CHANNEL_BOUNDS; i++)
		view->buckets[i] = times->buckets[i];
}

static void view_row(struct tally_view *view, const struct tally *row)
{
	int i;

	memcpy(view->rule, row->rule, sizeof(view->rule));
	view->connections = row->connections;
	view->joined = row->joined;
	view->unjoined = row->unjoined;
	view->ended = row->ended;
	view->retreats = row->retreats;
	view->open_tcp = view->open_rdma = 0;
	view_times(&view->join, &row->join);
	view_times(&view->retreat, &row->retreat);
	for (i = 0; i < FLOWS; i++) {
		view->bytes[i] = row->carried[i];
		view->messages[i] = row->carried[FLOWS + i];
	}
}

static void add_living(struct tally_view *view, const struct conn *conn)
{
	uint64_t bytes[FLOWS], messages[FLOWS];
	int i;

	if (!counts_here(conn) || conn->account.counted)
		return;
	if (conn->state == STATE_on_rdma)
		view->open_rdma++;
	else
		view->open_tcp++;
	tally_carried(conn, bytes, messages);
	for (i = 0; i < FLOWS; i++) {
		view->bytes[i] += bytes[i];
		view->messages[i] += messages[i];
	}
}

/* The larger of what was told and what is seen now; that is told. */
static uint64_t at_least(atomic_ullong *told, uint64_t now)
{
	unsigned long long before = *told;

	while (before < now &&
	       !atomic_compare_exchange_weak(told, &before, now))
		;
	return before < now ? now : before;
}

size_t tally_read(struct conn *const *conns, size_t count,
		  struct tally_view views[TALLY_ROWS])
{
	size_t i, made = row_count;
	int flow;

	/* Rows first: who ends in between is left out, not counted twice. */
	for (i = 0; i < made; i++)
		view_row(&views[i], &rows[i]);
	for (i = 0; i < count; i++) {
		size_t row = (size_t)(conns[i]->account.row - rows);

		if (row < made)
			add_living(&views[row], conns[i]);
	}
	for (i = 0; i < made; i++) {
		for (flow = 0; flow < FLOWS; flow++) {
			views[i].bytes[flow] = at_least(&rows[i].told[flow],
							views[i].bytes[flow]);
			views[i].messages[flow] =
				at_least(&rows[i].told[FLOWS + flow],
					 views[i].messages[flow]);
		}
	}
	return made;
}

void tally_after_fork(void)
{
	unsigned i;

	lock_init(&lock, LOCK_tally);
	family++;
	for (i = 0; i < row_count; i++) {
		char rule[sizeof(rows[i].rule)];

		memcpy(rule, rows[i].rule, sizeof(rule));
		memset(&rows[i], 0, sizeof(rows[i]));
		memcpy(rows[i].rule, rule, sizeof(rule));
	}
}
