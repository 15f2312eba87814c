// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of a lane's rsocket, which the carrier may take its time for.
 */
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/endpoint.h"
#include "conn/limits.h"
#include "conn/parts.h"
#include "conn/work.h"

void endpoint_close(struct conn *conn)
{
	int rs;

	conn->lane.closed = true;
	while (atomic_load(&conn->lane.users) > 0)
		real.poll(NULL, 0, 1);
	lock_acquire(&conn->rx.lock);
	lock_release(&conn->rx.lock);
	lock_acquire(&conn->tx.lock);
	rs = conn->lane.rs;
	conn->lane.rs = -1;
	lock_release(&conn->tx.lock);
	if (rs < 0)
		return;
	carrier->close(rs);
	limits_give(conn);
}

static void close_job(void *arg)
{
	struct conn *conn = arg;

	endpoint_close(conn);
	conn_drop(conn);
}

void endpoint_close_later(struct conn *conn)
{
	if (conn->lane.rs < 0)
		return;
	conn_hold(conn);
	if (work_start(WORK_DISCARD, close_job, conn) != 0)
		close_job(conn);
}

static void discard_job(void *arg)
{
	carrier->close((int)(long)arg);
}

void endpoint_discard(int rs)
{
	if (work_start(WORK_DISCARD, discard_job, (void *)(long)rs) != 0)
		carrier->close(rs);
}
