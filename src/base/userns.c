// SPDX-License-Identifier: BSD-2-Clause
#include "base/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>

#include "base/real.h"

/* The first one maps every id to itself, by one line (user_namespaces(7)). */
bool userns_is_first(void)
{
	unsigned inside, outside, count;
	int fd, saved = errno;
	ssize_t got = -1;
	char map[64];

	fd = real.open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0) {
		got = real.read(fd, map, sizeof(map) - 1);
		real.close(fd);
	}
	errno = saved;
	if (got <= 0)
		return false;
	map[got] = '\0';
	return sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 &&
	       inside == 0 && outside == 0 && count == UINT32_MAX;
}
