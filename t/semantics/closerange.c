/* SPDX-License-Identifier: BSD-2-Clause */
/* close_range closefrom over connections and much else. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sem.h"

#define HIGH 400	/* above the control socket and the log */

static char buf[1 << 16];

/* The connection at a number of its own choosing. */
static void lift(struct pair *p)
{
	int fd = (int)MUST(fcntl(p->fd, F_DUPFD, HIGH));

	close(p->fd);
	p->fd = fd;
}

static void ends_a_connection(struct pair *p)
{
	lift(p);
	pair_send(p, 1000);
	SHOW(close_range(p->fd, p->fd, 0));
	SHOW(write(p->fd, buf, 1));
	SHOW(peer_drain(p));
	p->fd = -1;
}

static void leaves_others(struct pair *p)
{
	int fd;

	lift(p);
	fd = (int)MUST(fcntl(p->fd, F_DUPFD, p->fd + 5));
	SHOW(close_range(p->fd, p->fd + 4, 0));
	p->fd = fd;
	pair_send(p, 1000);
	SHOW(peer_receive(p, 1000));
	peer_send(p, 10);
	pair_receive(p, 10);
	SHOW(close_range(fd, fd, 4));
	SHOW(fcntl(fd, F_GETFD));
	pair_send(p, 10);
	SHOW(peer_receive(p, 10));
}

/* All from here to the end: whatever the library holds there must go on. */
static void to_the_end(struct pair *p)
{
	int fd;

	lift(p);
	fd = (int)MUST(fcntl(p->fd, F_DUPFD, HIGH + 100));
	SHOW(close_range(fd, ~0u, 0));
	SHOW(fcntl(fd, F_GETFD));
	pair_send(p, 100000);
	SHOW(peer_receive(p, 100000));
	peer_send(p, 1000);
	pair_receive(p, 1000);
	pair_warm(p);
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(peer_drain(p));
}

static void from(struct pair *p)
{
	int fd;

	lift(p);
	fd = (int)MUST(fcntl(p->fd, F_DUPFD, HIGH + 100));
	closefrom(fd);
	say("closed %d", fcntl(fd, F_GETFD) < 0);
	pair_send(p, 1000);
	SHOW(peer_receive(p, 1000));
	closefrom(p->fd);
	SHOW(write(p->fd, buf, 1));
	SHOW(peer_drain(p));
	p->fd = -1;
}

static void one_by_one(struct pair *p)
{
	lift(p);
	for (int fd = p->fd + 1; fd < 10000; fd++)
		if (close(fd) == 0)
			say("number %d was open", fd);
	pair_send(p, 1000);
	SHOW(peer_receive(p, 1000));
	peer_send(p, 1000);
	pair_receive(p, 1000);
}

static void errors(struct pair *p)
{
	lift(p);
	SHOW(close_range(p->fd, 3, 0));
	SHOW(close_range(p->fd, p->fd, 0x4000));
	pair_send(p, 10);
	SHOW(peer_receive(p, 10));
}

static void by_syscall(struct pair *p)
{
	lift(p);
	pair_send(p, 1000);
	SHOW(syscall(SYS_close_range, (long)p->fd, (long)~0u, 0L));
	SHOW(write(p->fd, buf, 1));
	SHOW(peer_drain(p));
	p->fd = -1;
}

/* close_range(2) that no library sees. */
static void close_unseen(unsigned first)
{
#ifdef __x86_64__
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"((long)SYS_close_range),
			 "D"((long)first), "S"((long)~0u), "d"(0L) :
			 "rcx", "r11", "memory");
#else
	syscall(SYS_close_range, (long)first, (long)~0u, 0L);
#endif
}

/* A second and a half of sleep: is it one for all threads? */
static bool is_quiet(void)
{
	struct timespec before, after, nap = { 1, 500000000 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	nanosleep(&nap, NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return (after.tv_sec - before.tv_sec) * 1000 +
	       (after.tv_nsec - before.tv_nsec) / 1000000 < 700;
}

/*
 * Whatever the library holds has gone as well, and nobody has told it: its
 * process has its connections after that, and all of its time.
 */
static void unseen(struct pair *p)
{
	struct both b;

	lift(p);
	pair_send(p, 1000);
	SHOW(peer_receive(p, 1000));
	close_unseen((unsigned)p->fd);
	p->fd = -1;
	say("quiet %d", is_quiet());
	both_open(&b);
	both_say(&b.client, &b.server, 3000);
	both_say(&b.server, &b.client, 3000);
	both_close(&b);
	say("quiet %d", is_quiet());
}

const struct sem_case sem_cases[] = {
	{ "ends_a_connection", LANE, ends_a_connection, "as close() does" },
	{ "leaves_others", LANE, leaves_others, "a dup outside; CLOEXEC" },
	{ "to_the_end", LANE, to_the_end, "the library's own fds stay" },
	{ "from", LANE, from, "closefrom" },
	{ "one_by_one", LANE, one_by_one, "close() of numbers never opened" },
	{ "errors", LANE, errors, "EINVAL closes nothing" },
	{ "by_syscall", LANE, by_syscall, "close_range by syscall(2)" },
	{ "unseen", LANE, unseen, "by an inline system call, all that there is" },
	{ 0 }
};
