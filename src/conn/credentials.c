// SPDX-License-Identifier: BSD-2-Clause
/*
 * The process changes its user or groups: a server drops its privileges, a
 * forked child those of its parent. What it has of the device is of no use
 * then (carrier.h, pause), so nothing of it may be there when it happens.
 */
#include "base/bounds.h"
#include "base/clock.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/fallback.h"
#include "conn/listener.h"
#include "conn/loop.h"
#include "conn/service.h"

#define MOST_MS 5000		/* joins and closing lanes have their time */
#define LOOK_MS 1

static struct lock lock = LOCK_INIT(credentials);
static bool in_use, listened;

static void leave(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	(void)fd;
	(void)arg;
	if (!conn || conn_is_away(conn))
		return;
	if (conn_state(conn) == STATE_on_rdma ||
	    conn_state(conn) == STATE_retreating)
		conn_leave(conn, REASON_credentials);
}

void conn_before_credentials(void)
{
	uint64_t answer_ms, until_ms;
	int saved = errno;

	lock_acquire(&lock);
	in_use = carrier->in_use();
	if (in_use) {
		carrier->pause();
		listened = listener_pause();
		answer_ms = clock_ms() + BOUND_answer_ms;
		until_ms = clock_ms() + MOST_MS;
		while (carrier->live() > 0 && clock_ms() < until_ms) {
			fdtab_each(leave, NULL);
			if (clock_ms() >= answer_ms)
				conn_give_up_all();
			real.poll(NULL, 0, LOOK_MS);
		}
	}
	errno = saved;
}

void conn_after_credentials(bool done)
{
	int saved = errno;

	if (in_use)
		carrier->resume(done);
	if (in_use && listened)
		listener_resume();
	in_use = listened = false;
	lock_release(&lock);
	errno = saved;
}

bool conn_before_alone(void)
{
	int saved = errno;

	if (!loop_runs())
		return false;
	conn_before_credentials();
	loop_pause();
	errno = saved;
	return true;
}

void conn_after_alone(bool done)
{
	int saved = errno;

	loop_resume();
	conn_after_credentials(done);
	errno = saved;
}

void credentials_after_fork(void)
{
	lock_init(&lock, LOCK_credentials);
	in_use = listened = false;
}
