// SPDX-License-Identifier: BSD-2-Clause
/*
 * Back to an ordinary kernel socket, and wait until it is one: before a new
 * program or another process gets the fd.
 */
#include "base/bounds.h"
#include "base/clock.h"
#include "base/real.h"
#include "ready/ready.h"

#define PLAIN_MOST_US 5000000	/* joins, and what is held, have their time */
#define LOOK_MS 1
#define SOON_US 50000		/* then the looks are further apart: */
#define LATE_LOOK_MS 5

void ready_back_begin(struct ready_back *back, enum reason reason)
{
	back->reason = reason;
	back->now_us = clock_us();
	back->answer_us = back->now_us + BOUND_answer_ms * 1000;
	back->until_us = back->now_us + PLAIN_MOST_US;
	back->soon_us = back->now_us + SOON_US;
	back->waits = false;
}

int ready_back(struct ready_back *back, struct conn *conn)
{
	int ret = conn_is_plain(conn) ? 0 : conn_leave(conn, back->reason);

	if (ret != -EAGAIN)
		return ret;
	if (back->now_us >= back->answer_us && conn_give_up(conn))
		return 0;
	if (back->now_us >= back->until_us)
		return -EBUSY;
	back->waits = true;
	return -EAGAIN;
}

void ready_try_back(struct ready_back *back, struct conn *conn)
{
	if (!conn_is_plain(conn) && conn_leave(conn, back->reason) == -EAGAIN)
		back->waits |= back->now_us < back->answer_us ||
			       (back->now_us < back->until_us &&
				conn_is_between(conn));
}

bool ready_back_again(struct ready_back *back)
{
	if (!back->waits)
		return false;
	/* No bell: in a vfork child it would be the parent's. */
	real.poll(NULL, 0,
		  back->now_us < back->soon_us ? LOOK_MS : LATE_LOOK_MS);
	back->now_us = clock_us();
	back->waits = false;
	return true;
}

int ready_make_plain(struct conn *conn, enum reason reason)
{
	struct ready_back back;
	int ret;

	ready_back_begin(&back, reason);
	do
		ret = ready_back(&back, conn);
	while (ready_back_again(&back));
	return ret;
}
