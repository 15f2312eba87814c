// SPDX-License-Identifier: BSD-2-Clause
/* The two directions of a connection: every pair of stage.def, by the steppers. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>

#include "conn/stage.h"

/* What the rows say, read apart from the steppers' table. */
static int tx_row(unsigned stage, unsigned event)
{
	int next = -1;

#define TX_EDGE(from, on, to) \
	if (stage == TX_##from && event == TX_ON_##on) \
		next = TX_##to;
#include "conn/stage.def"
#undef TX_EDGE
	return next;
}

static int rx_row(unsigned stage, unsigned event)
{
	int next = -1;

#define RX_EDGE(from, on, to) \
	if (stage == RX_##from && event == RX_ON_##on) \
		next = RX_##to;
#include "conn/stage.def"
#undef RX_EDGE
	return next;
}

Test(stage, each_tx_row_is_taken)
{
	unsigned from, event;

	for (from = 0; from < TX_STAGES; from++)
		for (event = 0; event < TX_EVENTS; event++) {
			_Atomic enum tx_stage stage = from;
			int next = tx_row(from, event);

			cr_assert_eq(tx_next(from, event), next);
			if (next < 0)
				continue;
			tx_step(&stage, event);
			cr_assert_eq((int)stage, next);
		}
}

Test(stage, each_rx_row_is_taken)
{
	unsigned from, event;

	for (from = 0; from < RX_STAGES; from++)
		for (event = 0; event < RX_EVENTS; event++) {
			_Atomic enum rx_stage stage = from;
			int next = rx_row(from, event);

			cr_assert_eq(rx_next(from, event), next);
			if (next < 0)
				continue;
			rx_step(&stage, event);
			cr_assert_eq((int)stage, next);
		}
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

static void visit_tx(bool *seen, unsigned stage)
{
	unsigned event;
	int next;

	seen[stage] = true;
	for (event = 0; event < TX_EVENTS; event++) {
		next = tx_next(stage, event);
		if (next >= 0 && !seen[next])
			visit_tx(seen, next);
	}
}

static void visit_rx(bool *seen, unsigned stage)
{
	unsigned event;
	int next;

	seen[stage] = true;
	for (event = 0; event < RX_EVENTS; event++) {
		next = rx_next(stage, event);
		if (next >= 0 && !seen[next])
			visit_rx(seen, next);
	}
}

Test(stage, all_are_reached_from_the_first)
{
	bool tx[TX_STAGES] = { false }, rx[RX_STAGES] = { false };
	unsigned stage;

	visit_tx(tx, TX_HOLD);
	visit_rx(rx, RX_GREET);
	for (stage = 0; stage < TX_STAGES; stage++)
		cr_assert(tx[stage], "%s", tx_name(stage));
	for (stage = 0; stage < RX_STAGES; stage++)
		cr_assert(rx[stage], "%s", rx_name(stage));
}

Test(stage, words)
{
	cr_assert_str_eq(tx_name(TX_RETREAT), "retreat");
	cr_assert_str_eq(rx_name(RX_CONTROL), "control");
	cr_assert_str_eq(tx_name((enum tx_stage)TX_STAGES), "?");
	cr_assert_str_eq(rx_name((enum rx_stage)RX_STAGES), "?");
}
