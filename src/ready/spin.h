/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lane.busy_poll: look at lanes for a while before sleeping, because waking
 * up takes longer than most answers. Only who is about to sleep spins, and
 * only over lanes that it has just used or is asked about: idle connections
 * cost nothing. ready/ only.
 */
#ifndef READY_SPIN_H
#define READY_SPIN_H

#include "conn/conn.h"

#define SPIN_MOST 8	/* who has more to look at does not sleep for long */

struct spin {
	struct {
		struct conn *conn;	/* held by the caller */
		short events;
	} at[SPIN_MOST];
	unsigned count;
	unsigned budget_us;	/* the longest of their rules */
};

/* One more; nothing if it is not on a lane or its rule says 0. */
void spin_add(struct spin *spin, struct conn *conn, short events);

/*
 * Until one of them is ready, the budget is used up or it is `until_us`
 * (clock_us()). No locks held.
 */
void spin_over(const struct spin *spin, uint64_t until_us);

#endif
