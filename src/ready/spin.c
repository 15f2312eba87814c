// SPDX-License-Identifier: BSD-2-Clause
#include "ready/spin.h"

#include "base/clock.h"

static __thread struct spin_history own;

void spin_note(struct spin_history *history, uint64_t us, unsigned budget_us)
{
	if (us == 0) {
		*history = (struct spin_history){ 0 };
		return;
	}
	if (us <= (uint64_t)budget_us + SPIN_WAKE_US &&
	    history->near < SPIN_NEAR) {
		*history = (struct spin_history){
			.near = history->near + spin_pays(history)
		};
		return;
	}
	if (history->skip > 0) {
		history->skip--;
		return;
	}
	if (++history->misses < SPIN_MISSES)
		return;
	history->misses = 0;
	history->pause = history->pause ? history->pause * 2 : SPIN_PAUSE_FIRST;
	if (history->pause > SPIN_PAUSE_MOST)
		history->pause = SPIN_PAUSE_MOST;
	history->skip = history->pause;
}

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
	now = clock_us();
	if (now >= until_us)
		return;		/* nobody waits */
	wait->began_us = now;
	wait->budget_us = spin->budget_us;
	if (!spin_pays(&own))
		return;
	over = now + spin->budget_us < until_us ? now + spin->budget_us
						: until_us;
	for (; now < over; now = clock_us()) {
		if (!any_ready(spin))
			continue;
		spin_note(&own, 0, spin->budget_us);
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
	/* It would have been longer yet. */
	spin_note(&own, news ? us : UINT64_MAX, wait->budget_us);
}
