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

uint64_t ready_answers_due(void)
{
	return clock_us() + BOUND_answer_ms * 1000;
}

int ready_make_plain(struct conn *conn, enum reason reason)
{
	return ready_make_plain_by(conn, reason, ready_answers_due());
}

void ready_try_plain(struct conn *conn, enum reason reason, uint64_t answer_us)
{
	uint64_t now = clock_us(), until = now + PLAIN_MOST_US;

	while (!conn_is_plain(conn) && conn_leave(conn, reason) == -EAGAIN &&
	       (now < answer_us || conn_is_between(conn)) && now < until) {
		real.poll(NULL, 0, LOOK_MS);
		now = clock_us();
	}
}

int ready_make_plain_by(struct conn *conn, enum reason reason,
			uint64_t answer_us)
{
	uint64_t now = clock_us(), until = now + PLAIN_MOST_US;
	int ret;

	while (!conn_is_plain(conn)) {
		ret = conn_leave(conn, reason);
		if (ret != -EAGAIN)
			return ret;
		if (now >= answer_us && conn_give_up(conn))
			return 0;
		if (now >= until)
			return -EBUSY;
		/* No bell: in a vfork child it would be the parent's. */
		real.poll(NULL, 0, LOOK_MS);
		now = clock_us();
	}
	return 0;
}
