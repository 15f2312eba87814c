/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lane.busy_poll: look at lanes for a while before sleeping, because waking
 * up takes longer than most answers. Only who is about to sleep spins, and
 * only over lanes that it has just used or is asked about: idle connections
 * cost nothing. A thread whose last waits were all longer than a spin sleeps
 * at once, until one is short again, or a spin meets its news. A short one may
 * have become a long one by a slow wake-up, its own or its peer's: so some
 * spins are tried now and then, more and more seldom. One that is short, but
 * always longer than the spin, is a long one in the end. ready/ only.
 */
#ifndef READY_SPIN_H
#define READY_SPIN_H

#include <stdint.h>

#include "conn/conn.h"

#define SPIN_MOST 8	/* who has more to look at does not sleep for long */
#define SPIN_WAKE_US 50	/* of a sleep so much may be the waking up */

#define SPIN_MISSES 4		/* in a row: no spin for the next ... */
#define SPIN_NEAR 64		/* in vain before short waits: as long ones */
#define SPIN_PAUSE_FIRST 16	/* ... so many waits; twice as many after */
#define SPIN_PAUSE_MOST 1024	/* as many misses again, up to so many */

/* What a thread's waits were like; begins as { 0 }: it spins. */
struct spin_history {
	uint16_t misses;	/* waits in a row, longer than a spin */
	uint16_t near;		/* short waits whose spin was in vain */
	uint16_t pause, skip;	/* waits without a spin; those left of it */
};

/* Pure: is a spin to be tried after these? */
static inline bool spin_pays(const struct spin_history *history)
{
	return history->skip == 0;
}

/* Pure: one more wait, with news at its end, has taken `us`; 0: no sleep. */
void spin_note(struct spin_history *history, uint64_t us, unsigned budget_us);

struct spin {
	struct {
		struct conn *conn;	/* held by the caller */
		short events;
	} at[SPIN_MOST];
	unsigned count;
	unsigned budget_us;	/* the longest of their rules */
};

/* A thread's wait for news, all its sleeps together; begins as { 0 }. */
struct spin_wait {
	uint64_t began_us;	/* 0: it has not, or there is nothing to note */
	unsigned budget_us;
};

/* One more; nothing if it is not on a lane or its rule says 0. */
void spin_add(struct spin *spin, struct conn *conn, short events);

/*
 * Until one of them is ready, the budget is used up or it is `until_us`
 * (clock_us()); not at all if it has not been worth it. The wait begins with
 * that. No locks held.
 */
void spin_over(const struct spin *spin, struct spin_wait *wait,
	       uint64_t until_us);

/*
 * The wait is over, because of news for the application or not; what woke it
 * for nothing is part of it. Nothing if there was none since the last call.
 */
void spin_slept(struct spin_wait *wait, bool news);

#endif
