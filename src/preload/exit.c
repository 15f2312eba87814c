// SPDX-License-Identifier: BSD-2-Clause
/*
 * The process's end. What was sent on a lane is in the peer's memory only when
 * the lane has been closed in order, so exit() (by the destructor in init.c),
 * _exit() and their like wait for that, bounded. A vfork(2) child shares our
 * memory and must not close its parent's lanes.
 */
#include <stdlib.h>
#include <unistd.h>

#include "preload/shim.h"

static pid_t owner;

void shim_own_process(void)
{
	owner = getpid();
}

bool shim_owns_process(void)
{
	return getpid() == owner;
}

void shim_end_process(void)
{
	if (shim_owns_process())
		conn_exit();
}

SHIM void _exit(int status)
{
	shim_end_process();
	real._exit(status);
	__builtin_unreachable();
}

SHIM void _Exit(int status)
{
	shim_end_process();
	real._Exit(status);
	__builtin_unreachable();
}

SHIM void quick_exit(int status)
{
	shim_end_process();
	real.quick_exit(status);
	__builtin_unreachable();
}
