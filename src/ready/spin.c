// SPDX-License-Identifier: BSD-2-Clause
#include "ready/spin.h"

#include "base/clock.h"

static __thread spin_history history = SPIN_HISTORY_NONE;

void spin_add(struct spin *spin, struct conn *conn, short events)
{
	unsigned budget_us = conn_busy_poll_us(conn);

	if (budget_us == 0)
		return;
	if (spin->count < SPIN_MOST) {
		spin->at[spin->count].conn = conn;
		spin->at[spin->count].events = events;
	}
	spin->count++;
	if (budget_us > spin->budget_us)
		spin->budget_us = budget_us;
}

static bool any_ready(const struct spin *spin)
{
	unsigned i;

	for (i = 0; i < spin->count; i++)
		if (conn_ready(spin->at[i].conn, spin->at[i].events))
			return true;
	return false;
}

void spin_over(const struct spin *spin, struct spin_wait *wait,
	       uint64_t until_us)
{
	uint64_t now, over;

	if (spin->count == 0 || spin->count > SPIN_MOST)
		return;
	now = wait->began_us = clock_us();
	wait->budget_us = spin->budget_us;
	if (!spin_pays(history))
		return;
	over = now + spin->budget_us < until_us ? now + spin->budget_us
						: until_us;
	for (; now < over; now = clock_us()) {
		if (!any_ready(spin))
			continue;
		history = spin_note(history, 0, spin->budget_us);
		wait->began_us = 0;
		return;
	}
}

void spin_slept(struct spin_wait *wait, bool news)
{
	uint64_t us;

	if (wait->began_us == 0)
		return;
	us = clock_us() - wait->began_us;
	wait->began_us = 0;
	if (news || us > (uint64_t)wait->budget_us + SPIN_WAKE_US)
		history = spin_note(history, us, wait->budget_us);
}
