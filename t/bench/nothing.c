// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that do nothing, preloaded behind the library that is measured: a
 * system call takes so long that what stands before it could not be seen.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define NOTHING __attribute__((visibility("default")))

NOTHING ssize_t read(int fd, void *buf, size_t n)
{
	(void)fd, (void)buf, (void)n;
	return 0;
}

NOTHING ssize_t write(int fd, const void *buf, size_t n)
{
	(void)fd, (void)buf, (void)n;
	return 0;
}

NOTHING int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	(void)fds, (void)n, (void)timeout;
	return 0;
}

NOTHING int epoll_wait(int epfd, struct epoll_event *events, int max,
		       int timeout)
{
	(void)epfd, (void)events, (void)max, (void)timeout;
	return 0;
}

NOTHING int close(int fd)
{
	(void)fd;
	return 0;
}
