// SPDX-License-Identifier: BSD-2-Clause
/* The life of a connection: every (state, event) pair of state.def. */
#include <criterion/criterion.h>

#include "conn/state.h"

static bool reachable[STATE_COUNT];

static void walk(enum conn_state from)
{
	int event, next;

	if (reachable[from])
		return;
	reachable[from] = true;
	for (event = 0; event < EVENT_COUNT; event++) {
		next = state_next(from, event);
		if (next >= 0)
			walk(next);
	}
}

Test(state, both_roles_reach_every_state)
{
	int state;

	walk(STATE_connecting);
	walk(STATE_greeting);
	for (state = 0; state < STATE_COUNT; state++)
		cr_expect(reachable[state], "%s is never reached",
			  state_name(state));
}

Test(state, every_state_can_end)
{
	int start, state;

	for (start = 0; start < STATE_COUNT; start++) {
		for (state = 0; state < STATE_COUNT; state++)
			reachable[state] = false;
		walk(start);
		cr_expect(reachable[STATE_plain] || reachable[STATE_dead],
			  "%s has no end", state_name(start));
	}
}

Test(state, nothing_leaves_the_ends)
{
	int event;

	for (event = 0; event < EVENT_COUNT; event++) {
		cr_expect_eq(state_next(STATE_plain, event), -1);
		cr_expect_eq(state_next(STATE_dead, event), -1);
	}
}

Test(state, no_byte_is_on_a_lane_before_both_know)
{
	int state;

	for (state = 0; state < STATE_COUNT; state++)
		if (state != STATE_joining)
			cr_expect_eq(state_next(state, EVENT_joined), -1);
}

/* A lane that is being made belongs to who makes it. */
Test(state, a_join_ends_by_its_own_events)
{
	cr_expect_eq(state_next(STATE_joining, EVENT_unaware), -1);
	cr_expect_eq(state_next(STATE_joining, EVENT_unjoined), STATE_plain);
}

Test(state, names_are_the_rows)
{
	cr_expect_str_eq(state_name(STATE_on_rdma), "on_rdma");
	cr_expect_str_eq(state_event_name(EVENT_worth), "worth");
	cr_expect_str_eq(state_name(STATE_COUNT), "?");
	cr_expect_str_eq(state_event_name(EVENT_COUNT), "?");
}
