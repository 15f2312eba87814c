// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of a lane's rsocket, which the carrier may take its time for.
 */
#include <string.h>

#include "base/memory.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/endpoint.h"
#include "conn/limits.h"
#include "conn/parts.h"
#include "conn/quota.h"
#include "conn/work.h"

void endpoint_close(struct conn *conn)
{
	int rs;

	lane_step(&conn->lane.stage, LANE_ON_closed);
	while (atomic_load(&conn->lane.users) > 0)
		real.poll(NULL, 0, 1);
	lock_acquire(&conn->rx.lock);
	lock_release(&conn->rx.lock);
	lock_acquire(&conn->tx.lock);
	rs = conn->lane.rs;
	conn->lane.rs = -1;
	if (rs >= 0)	/* the peer's application may lack some yet */
		replay_own(&conn->tx.replay);
	lock_release(&conn->tx.lock);
	if (rs < 0)
		return;
	conn_unarm_waiters(conn);
	carrier->close(rs);
	limits_give(&conn->lane.claim);
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
	if (work_start_for(WORK_DISCARD, quota_hold(&conn->ends.remote),
			   close_job, conn) != 0)
		close_job(conn);
}

/* An rsocket that never was a lane, and what it has of the limits. */
struct discarded {
	int rs;
	struct limits_claim claim;
};

static void close_discarded(struct discarded *discarded)
{
	carrier->close(discarded->rs);
	limits_give(&discarded->claim);
}

static void discard_job(void *arg)
{
	close_discarded(arg);
	memory_free(arg);
}

void endpoint_discard(int rs, struct limits_claim *claim)
{
	struct discarded *job = memory_new(sizeof(*job)), here = { .rs = rs };

	if (claim) {
		here.claim = *claim;
		memset(claim, 0, sizeof(*claim));
	}
	if (job) {
		*job = here;
		if (work_start_for(WORK_DISCARD, quota_again(here.claim.from),
				   discard_job, job) == 0)
			return;
	}
	memory_free(job);
	close_discarded(&here);
}
