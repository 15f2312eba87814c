// SPDX-License-Identifier: BSD-2-Clause
#include "conn/ration.h"

#include "base/bounds.h"
#include "conn/quota.h"

static atomic_ullong all;	/* bytes */
static unsigned process;	/* forks before this one */

bool ration_take(struct conn *conn, size_t size)
{
	struct early *early = &conn->rx.early;
	uint64_t more, before;

	if (early->process != process)
		ration_give(conn);	/* the parent's */
	if (size <= early->counted)
		return true;
	more = size - early->counted;
	if (!early->from)
		early->from = quota_hold(&conn->ends.remote);
	before = atomic_fetch_add(&all, more);
	if (before > BOUND_early_all ||
	    !quota_take(early->from, QUOTA_EARLY, more,
			BOUND_early_all - before)) {
		atomic_fetch_sub(&all, more);
		return false;
	}
	early->counted = size;
	early->process = process;
	return true;
}

void ration_give(struct conn *conn)
{
	struct early *early = &conn->rx.early;

	if (early->counted && early->process == process) {
		atomic_fetch_sub(&all, early->counted);
		quota_give(early->from, QUOTA_EARLY, early->counted);
	}
	quota_drop(early->from);
	early->from = NULL;
	early->counted = 0;
}

void ration_after_fork(void)
{
	all = 0;
	process++;
}
