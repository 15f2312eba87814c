// SPDX-License-Identifier: BSD-2-Clause
#include "rdma/turns.h"

#include "base/lock.h"
#include "rdma/runtime.h"

#define LOCKS 64	/* an rsocket has that of its number, with others */

#define LOCK_4 LOCK_INIT(rsocket), LOCK_INIT(rsocket), LOCK_INIT(rsocket), \
	LOCK_INIT(rsocket)
#define LOCK_16 LOCK_4, LOCK_4, LOCK_4, LOCK_4

static struct lock locks[LOCKS] = { LOCK_16, LOCK_16, LOCK_16, LOCK_16 };

void turn_begin(int rs)
{
	if (!runtime.shunt_rkept)
		lock_acquire(&locks[(unsigned)rs % LOCKS]);
}

void turn_end(int rs)
{
	if (!runtime.shunt_rkept)
		lock_release(&locks[(unsigned)rs % LOCKS]);
}

void turns_after_fork(void)
{
	int i;

	for (i = 0; i < LOCKS; i++)
		lock_init(&locks[i], LOCK_rsocket);
}
