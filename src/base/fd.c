// SPDX-License-Identifier: BSD-2-Clause
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "base/real.h"

#define CLAIMS_MOST (1u << 20)
#define WORD_BITS (8 * sizeof(unsigned long))
#define HIGH_MOST 4096	/* the kernel's table grows with the number */

/* Untouched pages of it cost nothing. */
static atomic_ulong claims[FD_OWNERS][CLAIMS_MOST / WORD_BITS];
static atomic_uint highest;	/* of all claimed so far, plus one */

static unsigned long bit_of(unsigned fd)
{
	return 1ul << fd % WORD_BITS;
}

void fd_claim(int fd, enum fd_owner owner)
{
	unsigned number = (unsigned)fd, before = highest;

	if (number >= CLAIMS_MOST)
		return;
	atomic_fetch_or(&claims[owner][number / WORD_BITS], bit_of(number));
	while (number >= before &&
	       !atomic_compare_exchange_weak(&highest, &before, number + 1))
		;
}

void fd_disclaim(int fd)
{
	unsigned number = (unsigned)fd;
	int owner;

	for (owner = 0; number < highest && owner < FD_OWNERS; owner++)
		if (fd_is(fd, owner))
			atomic_fetch_and(&claims[owner][number / WORD_BITS],
					 ~bit_of(number));
}

bool fd_is(int fd, enum fd_owner owner)
{
	unsigned number = (unsigned)fd;

	return number < highest &&
	       (claims[owner][number / WORD_BITS] & bit_of(number));
}

int fd_next_claimed(unsigned first, unsigned last)
{
	unsigned number;

	for (number = first; number <= last && number < highest; number++)
		if (fd_is_any((int)number))
			return (int)number;
	return -1;
}

void fd_close(int fd)
{
	fd_disclaim(fd);
	real.close(fd);
}

/* Half way up what the process may have, and never far. */
static long high_start(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	return limit.rlim_cur / 2 < HIGH_MOST ? (long)(limit.rlim_cur / 2)
					      : HIGH_MOST;
}

int fd_dup_high(int fd)
{
	int saved = errno;
	int high = real.fcntl(fd, F_DUPFD_CLOEXEC, (void *)high_start());

	if (high < 0)
		high = -errno;
	else
		fd_claim(high, FD_OURS);
	errno = saved;
	return high;
}

int fd_lift(int fd)
{
	int high = fd_dup_high(fd);

	if (high < 0) {
		fd_claim(fd, FD_OURS);
		return fd;
	}
	real.close(fd);
	return high;
}

void fd_park_all(enum fd_owner owner)
{
	unsigned number;

	for (number = 0; number < highest; number++)
		if (fd_is((int)number, owner))
			fd_park((int)number);
}

void fd_park(int fd)
{
	static atomic_int parked = -1;
	int mine, none = -1, saved = errno;

	if (atomic_load(&parked) < 0) {
		mine = eventfd(0, EFD_CLOEXEC);
		if (mine >= 0)
			mine = fd_lift(mine);
		if (mine >= 0 &&
		    !atomic_compare_exchange_strong(&parked, &none, mine))
			fd_close(mine);
	}
	if (atomic_load(&parked) >= 0)
		real.dup3(atomic_load(&parked), fd, O_CLOEXEC);
	errno = saved;
}
