// SPDX-License-Identifier: BSD-2-Clause
#include "ready/spin.h"

#include "base/clock.h"

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

void spin_over(const struct spin *spin, uint64_t until_us)
{
	uint64_t now, over;

	if (spin->count == 0 || spin->count > SPIN_MOST)
		return;
	now = clock_us();
	over = now + spin->budget_us < until_us ? now + spin->budget_us
						: until_us;
	while (now < over && !any_ready(spin))
		now = clock_us();
}
