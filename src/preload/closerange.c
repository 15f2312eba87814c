// SPDX-License-Identifier: BSD-2-Clause
/*
 * close_range(2), closefrom(3): the connections among the numbers end as by
 * close(); numbers that are not the application's (base/fd.h) stay open.
 */
#include <limits.h>

#include "base/fd.h"
#include "preload/shim.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

struct range {
	unsigned first, last;
};

static void forget(int fd, struct fdtab_object *object, void *arg)
{
	const struct range *range = arg;
	uint64_t generation;
	struct fdtab_object *held;

	if ((unsigned)fd < range->first || (unsigned)fd > range->last)
		return;
	held = fdtab_hold(fd, &generation);
	if (!held)
		return;
	if (held == object)
		fdtab_remove(fd, generation);
	fdtab_release(held);
}

/* What is between the claimed numbers. The first failure counts. */
static int close_gaps(unsigned first, unsigned last, int flags)
{
	int claimed, ret = 0;

	while (ret == 0 && (claimed = fd_next_claimed(first, last)) >= 0) {
		if ((unsigned)claimed > first)
			ret = real.close_range(first, (unsigned)claimed - 1,
					       flags);
		first = (unsigned)claimed + 1;
	}
	if (ret == 0 && first <= last)
		ret = real.close_range(first, last, flags);
	return ret;
}

SHIM int close_range(unsigned first, unsigned last, int flags)
{
	struct range range = { first, last };
	int saved = errno;

	/* Marking them all is harmless; and the kernel may not have it. */
	if ((flags & CLOSE_RANGE_CLOEXEC) || first > last ||
	    real.close_range(UINT_MAX, UINT_MAX, flags) != 0)
		return real.close_range(first, last, flags);
	if (fdtab_count() > 0 && shim_owns_process())
		fdtab_each(forget, &range);
	errno = saved;
	return close_gaps(first, last, flags & ~CLOSE_RANGE_UNSHARE);
}

SHIM void closefrom(int low)
{
	unsigned first = low > 0 ? (unsigned)low : 0;
	struct range range = { first, UINT_MAX };
	int saved = errno;

	if (fdtab_count() > 0 && shim_owns_process())
		fdtab_each(forget, &range);
	if (close_gaps(first, UINT_MAX, 0) != 0)
		real.closefrom(low);
	errno = saved;
}
