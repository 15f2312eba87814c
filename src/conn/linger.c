// SPDX-License-Identifier: BSD-2-Clause
/*
 * Closed connections whose peers have not consumed all yet, counted.
 */
#include "base/bounds.h"
#include "base/clock.h"
#include "conn/linger.h"
#include "conn/parts.h"

static atomic_uint lingerers;
static unsigned process;	/* forks before it: whose they are */

void linger_begin(struct conn *conn)
{
	conn->close.linger_ms = clock_ms() + BOUND_linger_ms;
	conn->close.process = process;
	if (close_step(&conn->close.stage, CLOSE_ON_lingers) == CLOSE_BEGUN)
		atomic_fetch_add(&lingerers, 1);
}

void linger_end(struct conn *conn)
{
	if (close_step(&conn->close.stage, CLOSE_ON_over) == CLOSE_LINGERS &&
	    conn->close.process == process)
		atomic_fetch_sub(&lingerers, 1);
}

unsigned linger_count(void)
{
	return atomic_load(&lingerers);
}

void linger_after_fork(void)
{
	lingerers = 0;
	process++;
}
