// SPDX-License-Identifier: BSD-2-Clause
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "base/real.h"

#define HIGH_MOST 4096	/* the kernel's table grows with the number */

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
	errno = saved;
	return high;
}

int fd_lift(int fd)
{
	int high = fd_dup_high(fd);

	if (high < 0)
		return fd;
	real.close(fd);
	return high;
}
