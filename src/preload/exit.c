// SPDX-License-Identifier: BSD-2-Clause
/*
 * The process's end. What was sent on a lane is in the peer's memory only when
 * the lane has been closed in order, so exit() (by the destructor in init.c),
 * _exit() and their like wait for that, bounded. A vfork(2) child shares our
 * memory and must not close its parent's lanes.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/thread.h"
#include "preload/shim.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

static bool strange;	/* libc has not heard of the fork that made us */

/*
 * The kernel empties it in every child that has memory of its own, however
 * that was made (madvise(2), Linux 4.14). NULL: it cannot.
 */
static atomic_int *mark;

static void make_mark(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	if (madvise(page, size, MADV_WIPEONFORK) == 0)
		mark = page;
	else
		munmap(page, size);
}

void shim_own_process(void)
{
	thread_own_process();
	strange = false;
	if (!mark)
		make_mark();
	if (mark)
		atomic_store(mark, 1);
}

void shim_look_for_fork(void)
{
	if (!mark || atomic_load_explicit(mark, memory_order_relaxed))
		return;
	shim_in_strange_child();
	strange = true;
}

bool shim_is_strange(void)
{
	shim_look_for_fork();
	return strange;
}

bool shim_owns_process(void)
{
	shim_look_for_fork();
	return thread_owns_process();
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
