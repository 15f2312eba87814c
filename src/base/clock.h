/* SPDX-License-Identifier: BSD-2-Clause */
/* Monotonic time, in milliseconds and microseconds since some past moment. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline uint64_t clock_ms(void)
{
	return clock_us() / 1000;
}

/*
 * When to look again, in ms, at what has not changed since then: at first in
 * `least`, less and less often, and at last each `most`.
 */
static inline uint64_t clock_back_off(uint64_t now, uint64_t since,
				      uint64_t least, uint64_t most)
{
	uint64_t in = least + (since < now ? (now - since) / 4 : 0);

	return now + (in < most ? in : most);
}

#define CLOCK_FAR_S (INT64_MAX / 2000000)	/* half of what it counts */

/*
 * So long from now, as clock_us() will say it then; UINT64_MAX, forever, for
 * what the clock does not count: the kernel waits as long, too.
 */
static inline uint64_t clock_until(time_t seconds, long microseconds)
{
	if (seconds > CLOCK_FAR_S)
		return UINT64_MAX;
	return clock_us() + (uint64_t)seconds * 1000000 +
	       (uint64_t)microseconds;
}

#endif
