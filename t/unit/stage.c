// SPDX-License-Identifier: BSD-2-Clause
/* The machines of a connection: every pair of stage.def, by the steppers. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>

#include "conn/stage.h"

/* What the rows say, read apart from the steppers' table. */
#define ROW(X, from, on, to) \
	if (stage == X##_##from && event == X##_ON_##on) \
		next = X##_##to;

static int tx_row(unsigned stage, unsigned event)
{
	int next = -1;

#define TX_EDGE(from, on, to) ROW(TX, from, on, to)
#include "conn/stage.def"
#undef TX_EDGE
	return next;
}

static int rx_row(unsigned stage, unsigned event)
{
	int next = -1;

#define RX_EDGE(from, on, to) ROW(RX, from, on, to)
#include "conn/stage.def"
#undef RX_EDGE
	return next;
}

static int greeting_row(unsigned stage, unsigned event)
{
	int next = -1;

#define GREETING_EDGE(from, on, to) ROW(GREETING, from, on, to)
#include "conn/stage.def"
#undef GREETING_EDGE
	return next;
}

static int lane_row(unsigned stage, unsigned event)
{
	int next = -1;

#define LANE_EDGE(from, on, to) ROW(LANE, from, on, to)
#include "conn/stage.def"
#undef LANE_EDGE
	return next;
}

static int close_row(unsigned stage, unsigned event)
{
	int next = -1;

#define CLOSE_EDGE(from, on, to) ROW(CLOSE, from, on, to)
#include "conn/stage.def"
#undef CLOSE_EDGE
	return next;
}

static int watch_row(unsigned stage, unsigned event)
{
	int next = -1;

#define WATCH_EDGE(from, on, to) ROW(WATCH, from, on, to)
#include "conn/stage.def"
#undef WATCH_EDGE
	return next;
}

static int share_row(unsigned stage, unsigned event)
{
	int next = -1;

#define SHARE_EDGE(from, on, to) ROW(SHARE, from, on, to)
#include "conn/stage.def"
#undef SHARE_EDGE
	return next;
}

#define EACH_ROW_IS_TAKEN(x, X) \
	Test(stage, each_##x##_row_is_taken) \
	{ \
		unsigned from, event; \
\
		for (from = 0; from < X##_STAGES; from++) \
			for (event = 0; event < X##_EVENTS; event++) { \
				_Atomic enum x##_stage stage = from; \
				int next = x##_row(from, event); \
\
				cr_assert_eq(x##_next(from, event), next); \
				if (next < 0) \
					continue; \
				cr_assert_eq(x##_step(&stage, event), from); \
				cr_assert_eq((int)stage, next); \
			} \
	}

EACH_ROW_IS_TAKEN(tx, TX)
EACH_ROW_IS_TAKEN(rx, RX)
EACH_ROW_IS_TAKEN(greeting, GREETING)
EACH_ROW_IS_TAKEN(lane, LANE)
EACH_ROW_IS_TAKEN(close, CLOSE)
EACH_ROW_IS_TAKEN(watch, WATCH)

/* Other processes write it: no pair is a mistake, whatever is in there. */
Test(stage, each_share_row_is_taken)
{
	unsigned from, event;

	for (from = 0; from < SHARE_STAGES + 2; from++)
		for (event = 0; event < SHARE_EVENTS; event++) {
			_Atomic uint32_t stage = from;
			int next = share_row(from, event);

			cr_assert_eq(share_step(&stage, event), next >= 0);
			cr_assert_eq(stage, next < 0 ? from : (unsigned)next);
			if (from < SHARE_STAGES)
				cr_assert_eq(share_next(from, event), next);
		}
}

Test(stage, a_lane_is_taken_down_once)
{
	_Atomic enum lane_stage stage = LANE_NONE;

	lane_step(&stage, LANE_ON_up);
	lane_step(&stage, LANE_ON_closed);
	cr_assert_lt(lane_step(&stage, LANE_ON_ending), LANE_ENDING);
	cr_assert_geq(lane_step(&stage, LANE_ON_ending), LANE_ENDING);
	cr_assert_eq((int)stage, LANE_ENDED);
}

#ifdef SHUNT_DEBUG
Test(stage, what_has_no_tx_row_is_a_mistake, .signal = SIGABRT)
{
	_Atomic enum tx_stage stage = TX_RAW;

	tx_step(&stage, TX_ON_joined);
}

Test(stage, what_has_no_rx_row_is_a_mistake, .signal = SIGABRT)
{
	_Atomic enum rx_stage stage = RX_GREET;

	rx_step(&stage, RX_ON_resumed);
}
#else
Test(stage, what_has_no_row_changes_nothing)
{
	_Atomic enum tx_stage tx = TX_RAW;
	_Atomic enum rx_stage rx = RX_GREET;

	tx_step(&tx, TX_ON_joined);
	rx_step(&rx, RX_ON_resumed);
	cr_assert_eq((int)tx, TX_RAW);
	cr_assert_eq((int)rx, RX_GREET);
}
#endif

/* From wherever it is, a direction can be the kernel's at once. */
Test(stage, plain_is_always_possible)
{
	unsigned stage;

	for (stage = 0; stage < TX_STAGES; stage++)
		cr_assert_eq(tx_next(stage, TX_ON_plain), TX_RAW);
	for (stage = 0; stage < RX_STAGES; stage++)
		cr_assert_eq(rx_next(stage, RX_ON_plain), RX_RAW);
}

#define ALL_ARE_REACHED(x, X, first) \
	static void visit_##x(bool *seen, unsigned stage) \
	{ \
		unsigned event; \
		int next; \
\
		seen[stage] = true; \
		for (event = 0; event < X##_EVENTS; event++) { \
			next = x##_next(stage, event); \
			if (next >= 0 && !seen[next]) \
				visit_##x(seen, next); \
		} \
	} \
\
	Test(stage, all_##x##_are_reached_from_the_first) \
	{ \
		bool seen[X##_STAGES] = { false }; \
		unsigned stage; \
\
		visit_##x(seen, first); \
		for (stage = 0; stage < X##_STAGES; stage++) \
			cr_assert(seen[stage], "%s %u", #x, stage); \
	}

ALL_ARE_REACHED(tx, TX, TX_HOLD)
ALL_ARE_REACHED(rx, RX, RX_GREET)
ALL_ARE_REACHED(greeting, GREETING, GREETING_QUIET)
ALL_ARE_REACHED(lane, LANE, LANE_NONE)
ALL_ARE_REACHED(close, CLOSE, CLOSE_OPEN)
ALL_ARE_REACHED(watch, WATCH, WATCH_NEVER)
ALL_ARE_REACHED(share, SHARE, SHARE_UNTOUCHED)

Test(stage, words)
{
	cr_assert_str_eq(tx_name(TX_RETREAT), "retreat");
	cr_assert_str_eq(rx_name(RX_CONTROL), "control");
	cr_assert_str_eq(tx_name((enum tx_stage)TX_STAGES), "?");
	cr_assert_str_eq(rx_name((enum rx_stage)RX_STAGES), "?");
}
