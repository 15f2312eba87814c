// SPDX-License-Identifier: BSD-2-Clause
/* The ring of the last steps: what is read is whole, or told to be lost. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <netinet/in.h>

#include "conn/core.h"
#include "conn_help.h"

#define WRITERS 3
#define STEPS 60000

/* Its remote port is its id, so that a torn record can be told. */
static struct conn *make(void)
{
	struct conn *conn = conn_alone();

	((struct sockaddr_in *)&conn->ends.remote)->sin_port =
	    (in_port_t)conn->account.number;
	return conn;
}

static uint64_t port_of(const struct trace_record *record)
{
	return ((const struct sockaddr_in *)&record->remote)->sin_port;
}

Test(trace, a_step_is_a_record)
{
	struct conn *conn = make();
	struct trace_record record;

	cr_assert_eq(conn->account.number, 1);
	cr_assert_eq(trace_next(), 1);
	cr_assert_eq(trace_read(0, &record), TRACE_THERE);
	cr_assert_str_eq(trace_event_name(record.event), "made");

	conn_step(conn, EVENT_aware, REASON_too_short);
	cr_assert_eq(trace_next(), 2);
	cr_assert_eq(trace_read(1, &record), TRACE_THERE);
	cr_assert_eq(record.number, 1);
	cr_assert_eq(record.conn, 1);
	cr_assert_eq(port_of(&record), 1);
	cr_assert_eq(record.from, STATE_greeting);
	cr_assert_eq(record.event, EVENT_aware);
	cr_assert_eq(record.to, STATE_greeted);
	cr_assert_eq(record.reason, REASON_too_short);
	cr_assert_not(record.active);
	cr_assert_eq(trace_read(2, &record), TRACE_COMING);
}

Test(trace, what_is_no_edge_is_no_record)
{
	struct conn *conn = make();

	cr_assert_not(conn_step(conn, EVENT_resumed, REASON_none));
	cr_assert_eq(trace_next(), 1);
}

Test(trace, the_last_thousand_are_kept)
{
	struct conn *conn = make();
	struct trace_record record;
	uint64_t i, end;

	for (i = 0; i < 5 * TRACE_SLOTS; i++)
		trace_step(conn, STATE_greeting, TRACE_closed);
	end = trace_next();
	cr_assert_eq(end, 5 * TRACE_SLOTS + 1);
	cr_assert_eq(trace_read(end - TRACE_SLOTS - 1, &record), TRACE_MISSED);
	for (i = end - TRACE_KEPT; i < end; i++) {
		cr_assert_eq(trace_read(i, &record), TRACE_THERE);
		cr_assert_eq(record.number, i);
	}
}

Test(trace, a_child_begins_anew)
{
	struct conn *conn = make();
	struct trace_record record;

	trace_after_fork();
	cr_assert_eq(trace_next(), 0);
	trace_step(conn, STATE_greeting, TRACE_inherited);
	cr_assert_eq(trace_read(0, &record), TRACE_THERE);
	cr_assert_eq(record.conn, conn->account.number);
	cr_assert_eq(make()->account.number, conn->account.number + 1);
}

static void *step_often(void *arg)
{
	for (unsigned i = 0; i < STEPS; i++)
		trace_step(arg, (i ^ ((struct conn *)arg)->account.number) & 3,
			   TRACE_closed);
	return NULL;
}

/* Writers overtake each other and the reader. */
Test(trace, no_record_is_torn_and_none_is_lost_in_silence)
{
	uint64_t number = 0, there = 0, missed = 0, all;
	struct trace_record record;
	pthread_t writers[WRITERS];
	struct conn *conns[WRITERS];
	unsigned i, patience = 0;

	for (i = 0; i < WRITERS; i++)
		conns[i] = make();
	for (i = 0; i < WRITERS; i++)
		pthread_create(&writers[i], NULL, step_often, conns[i]);
	all = WRITERS * (STEPS + UINT64_C(1));
	while (number < all) {
		switch (trace_read(number, &record)) {
		case TRACE_THERE:
			cr_assert_eq(record.number, number);
			cr_assert_eq(port_of(&record) ?: record.conn,
				     record.conn);
			there++;
			number++;
			break;
		case TRACE_MISSED:
			missed++;
			number++;
			break;
		case TRACE_COMING:
			trace_sleep(trace_news() - 1, 1);
			/* it gave way to a slow one, and never comes */
			if (trace_next() == all && patience++ > 1000) {
				patience = 0;
				missed++;
				number++;
			}
			break;
		}
	}
	for (i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	cr_assert_eq(there + missed, all);
	cr_assert_geq(there, 1);
	cr_assert_eq(trace_next(), all);
}

/* Who sleeps is woken by a step, long before the time is over. */
static void *step_once(void *arg)
{
	real.poll(NULL, 0, 50);
	trace_step(arg, STATE_greeting, TRACE_closed);
	return NULL;
}

Test(trace, a_step_wakes_who_listens, .timeout = 30)
{
	struct conn *conn = make();
	unsigned news = trace_news();
	pthread_t writer;

	trace_listen(true);
	pthread_create(&writer, NULL, step_once, conn);
	while (trace_news() == news)
		trace_sleep(news, 600000);
	trace_listen(false);
	pthread_join(writer, NULL);
}

Test(trace, names)
{
	unsigned event;

	for (event = 0; event < TRACE_EVENTS; event++)
		cr_assert_str_neq(trace_event_name(event), "?");
	cr_assert_str_eq(trace_event_name(TRACE_EVENTS), "?");
	cr_assert_str_eq(trace_tx(TX_LANE), "lane");
	cr_assert_str_eq(trace_rx(RX_RAW, true), "raw_bounded");
	cr_assert_str_eq(trace_rx(RX_RAW, false), "raw");
	cr_assert_str_eq(trace_rx(99, true), "?");
}
