// SPDX-License-Identifier: BSD-2-Clause
/*
 * unshare(2) and setns(2): some namespaces are for processes of one thread
 * alone, and a program that has one does not know of ours. They end for the
 * call, and the lanes with them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "preload/shim.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define ENDS_MS 1000	/* a thread that has ended is counted for a moment */

/* The kernel wants one thread for these (unshare(2), setns(2)). */
#define UNSHARE_ALONE (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)
#define SETNS_ALONE (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWTIME)

/* How many threads the kernel counts (proc_pid_stat(5)); 0: it cannot say. */
static int threads(void)
{
	int fd, count = 0;
	ssize_t got = -1;
	char text[512], *at;

	fd = real.open("/proc/self/stat", O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0) {
		got = real.read(fd, text, sizeof(text) - 1);
		real.close(fd);
	}
	if (got <= 0)
		return 0;
	text[got] = '\0';
	at = strrchr(text, ')');	/* the name may have anything in it */
	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
			  &count) != 1)
		return 0;
	return count;
}

/* One of ours may be counted still. */
static bool tries_again(int ret, uint64_t until_ms)
{
	if (ret == 0 || errno != EINVAL)
		return false;
	if (clock_ms() < until_ms && threads() != 1) {
		real.poll(NULL, 0, 1);
		return true;
	}
	errno = EINVAL;
	return false;
}

/* Our threads are there again, whatever came of it. */
static int over(int ret, int saved)
{
	int error = errno;

	conn_after_alone(ret == 0);
	errno = ret == 0 ? saved : error;
	return ret;
}

SHIM int unshare(int flags)
{
	int ret, saved = errno;
	uint64_t until_ms;

	if (!(flags & UNSHARE_ALONE) || !shim_owns_process() ||
	    !conn_before_alone())
		return real.unshare(flags);
	until_ms = clock_ms() + ENDS_MS;
	do
		ret = real.unshare(flags);
	while (tries_again(ret, until_ms));
	return over(ret, saved);
}

/* Type 0 is whatever the fd is of. */
SHIM int setns(int fd, int type)
{
	int ret, saved = errno;
	uint64_t until_ms;

	if ((type && !(type & SETNS_ALONE)) || !shim_owns_process() ||
	    !conn_before_alone())
		return real.setns(fd, type);
	until_ms = clock_ms() + ENDS_MS;
	do
		ret = real.setns(fd, type);
	while (tries_again(ret, until_ms));
	return over(ret, saved);
}
