// SPDX-License-Identifier: BSD-2-Clause
/* When a wait begins with a spin, and when it is a sleep at once. */
#include <criterion/criterion.h>

#include "ready/spin.h"

#define BUDGET 10
#define SHORT (BUDGET + SPIN_WAKE_US)
#define LONG (SHORT + 1)

TestSuite(spin);

/* How many of so many long waits begin with a spin. */
static int spins(struct spin_history *history, int waits)
{
	int tried = 0;

	for (; waits > 0; waits--) {
		tried += spin_pays(history);
		spin_note(history, LONG, BUDGET);
	}
	return tried;
}

Test(spin, ends_after_so_many_long_waits)
{
	struct spin_history history = { 0 };

	cr_assert_eq(spins(&history, SPIN_MISSES), SPIN_MISSES);
	cr_assert(!spin_pays(&history));
}

Test(spin, a_short_wait_begins_it_anew)
{
	struct spin_history history = { 0 };

	spins(&history, SPIN_MISSES + 1);
	spin_note(&history, SHORT, BUDGET);
	cr_assert_eq(spins(&history, SPIN_MISSES), SPIN_MISSES);
	cr_assert(!spin_pays(&history));
}

Test(spin, one_short_of_four_is_enough)
{
	struct spin_history history = { 0 };
	int i;

	for (i = 0; i < 100; i++) {
		cr_assert(spin_pays(&history), "wait %d", i);
		spin_note(&history, i % SPIN_MISSES ? LONG : 0, BUDGET);
	}
}

Test(spin, is_tried_again_more_and_more_seldom)
{
	const int tries = SPIN_MISSES, most = SPIN_PAUSE_MOST;
	struct spin_history history = { 0 };
	int pause = SPIN_PAUSE_FIRST;

	spins(&history, tries);
	for (; pause < most; pause *= 2) {
		cr_assert_eq(spins(&history, pause), 0, "%d", pause);
		cr_assert_eq(spins(&history, tries), tries, "%d", pause);
	}
	cr_assert_eq(spins(&history, most), 0);
	cr_assert_eq(spins(&history, 100 * (tries + most)), 100 * tries);
}

Test(spin, the_budget_counts)
{
	struct spin_history history = { 0 };
	int i;

	for (i = 0; i < SPIN_NEAR; i++) {
		spin_note(&history, 1000, 1000);
		cr_assert(spin_pays(&history));
	}
	for (i = 0; i < SPIN_MISSES; i++)
		spin_note(&history, UINT64_MAX, UINT32_MAX);
	cr_assert(!spin_pays(&history));
}

Test(spin, short_waits_that_it_never_meets_end_it)
{
	struct spin_history history = { 0 };
	int i, tried = 0;

	for (i = 0; i < 10000; i++) {
		tried += spin_pays(&history);
		spin_note(&history, SHORT, BUDGET);
	}
	cr_assert_lt(tried, 200);
	while (!spin_pays(&history))
		spin_note(&history, SHORT, BUDGET);
	spin_note(&history, 0, BUDGET);	/* met */
	for (i = 0; i < SPIN_NEAR; i++) {
		cr_assert(spin_pays(&history));
		spin_note(&history, SHORT, BUDGET);
	}
}
