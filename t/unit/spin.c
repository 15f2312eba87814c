// SPDX-License-Identifier: BSD-2-Clause
/* When a wait begins with a spin, and when it is a sleep at once. */
#include <criterion/criterion.h>

#include "ready/spin.h"

#define BUDGET 10
#define SHORT (BUDGET + SPIN_WAKE_US)

TestSuite(spin);

static spin_history waits(spin_history history, int count, uint64_t us)
{
	while (count-- > 0)
		history = spin_note(history, us, BUDGET);
	return history;
}

Test(spin, begins_with_one)
{
	cr_assert(spin_pays(SPIN_HISTORY_NONE));
}

Test(spin, ends_after_so_many_long_waits)
{
	spin_history history = waits(SPIN_HISTORY_NONE, SPIN_LOOKS_BACK - 1,
				     SHORT + 1);

	cr_assert(spin_pays(history));
	cr_assert(!spin_pays(waits(history, 1, SHORT + 1)));
	cr_assert(!spin_pays(waits(history, 100, UINT64_MAX)));
}

Test(spin, begins_again_after_one_short_wait)
{
	spin_history history = waits(SPIN_HISTORY_NONE, 100, SHORT + 1);

	cr_assert(!spin_pays(history));
	cr_assert(spin_pays(waits(history, 1, SHORT)));
	cr_assert(spin_pays(waits(history, 1, 0)));
}

Test(spin, one_short_of_four_is_enough)
{
	spin_history history = waits(SPIN_HISTORY_NONE, 100, SHORT + 1);
	int i;

	for (i = 0; i < 100; i++) {
		history = waits(history, 1, i % SPIN_LOOKS_BACK ? SHORT + 1
								: 0);
		cr_assert(spin_pays(history), "wait %d", i);
	}
}

Test(spin, the_budget_counts)
{
	spin_history history = 0;

	cr_assert(!spin_pays(spin_note(history, 1000, 10)));
	cr_assert(spin_pays(spin_note(history, 1000, 1000)));
	cr_assert(!spin_pays(spin_note(history, UINT64_MAX, UINT32_MAX)));
}
