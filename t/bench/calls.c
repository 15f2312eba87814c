// SPDX-License-Identifier: BSD-2-Clause
/*
 * Nanoseconds per call on fds that no TCP connection is behind.
 *
 *	calls COUNT [NAME...]
 *
 * One line for each: name, nanoseconds of a call out of COUNT.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define POLL_MANY 8

static int zero, null, quiet, set;	/* quiet: never ready */

static void call_read(long count)
{
	char byte;

	while (count-- > 0)
		if (read(zero, &byte, 1) < 0)
			abort();
}

static void call_write(long count)
{
	char byte = 0;

	while (count-- > 0)
		if (write(null, &byte, 1) < 0)
			abort();
}

static void poll_fds(long count, nfds_t n)
{
	struct pollfd fds[POLL_MANY];
	nfds_t i;

	for (i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = quiet, .events = POLLIN };
	while (count-- > 0)
		if (poll(fds, n, 0) != 0)
			abort();
}

static void call_poll(long count)
{
	poll_fds(count, 1);
}

static void call_poll_many(long count)
{
	poll_fds(count, POLL_MANY);
}

static void call_epoll_wait(long count)
{
	struct epoll_event event;

	while (count-- > 0)
		if (epoll_wait(set, &event, 1, 0) != 0)
			abort();
}

/* A number that is not open: the call is the same, and can be repeated. */
static void call_close(long count)
{
	while (count-- > 0)
		close(1000);
}

static const struct call {
	const char *name;
	void (*run)(long count);
} calls[] = {
	{ "read", call_read },
	{ "write", call_write },
	{ "poll", call_poll },
	{ "poll8", call_poll_many },
	{ "epoll_wait", call_epoll_wait },
	{ "close", call_close },
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void measure(const struct call *call, long count)
{
	uint64_t begun = now_ns();

	call->run(count);
	printf("%s %.3f\n", call->name,
	       (double)(now_ns() - begun) / (double)count);
}

static int wanted(const char *name, char **names)
{
	if (!*names)
		return 1;
	while (*names)
		if (strcmp(*names++, name) == 0)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN };
	size_t i;

	if (argc < 2)
		return 2;
	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
	quiet = eventfd(0, 0);
	set = epoll_create1(0);
	if (zero < 0 || null < 0 || quiet < 0 || set < 0 ||
	    epoll_ctl(set, EPOLL_CTL_ADD, quiet, &event) != 0)
		return 1;
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (wanted(calls[i].name, argv + 2))
			measure(&calls[i], atol(argv[1]));
	return 0;
}
