// SPDX-License-Identifier: BSD-2-Clause
#include "base/root.h"

#include <errno.h>
#include <sys/stat.h>

static struct stat root;
static bool remembered;

void root_remember(void)
{
	int saved = errno;

	remembered = stat("/", &root) == 0;
	errno = saved;
}

bool root_same(void)
{
	struct stat now;
	int saved = errno;
	bool same = !remembered ||
		    (stat("/", &now) == 0 && now.st_dev == root.st_dev &&
		     now.st_ino == root.st_ino);

	errno = saved;
	return same;
}
