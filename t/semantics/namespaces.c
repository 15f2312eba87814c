// SPDX-License-Identifier: BSD-2-Clause
/*
 * Namespaces that only a process of one thread may have: before the first
 * connection, and with some. Each in a child, so that the next case is as
 * before.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sem.h"

static void in_child(struct pair *p, void (*run)(struct pair *own))
{
	struct pair own = { .fd = -1 };
	pid_t pid;

	fflush(stdout);
	pid = fork();
	MUST(pid);
	if (pid == 0) {
		run(&own);
		fflush(stdout);
		_exit(0);
	}
	join_child(pid);
	pair_talk(p);
}

static void open_warm(struct pair *own, int slot)
{
	pair_open(own, slot);
	pair_warm(own);
	pair_talk(own);
}

static void none_yet(struct pair *own)
{
	SHOW(unshare(CLONE_NEWUSER));
	open_warm(own, 1);
	pair_close(own);
}

static void one_open(struct pair *own)
{
	struct pair next = { .fd = -1 };

	open_warm(own, 1);
	SHOW(unshare(CLONE_NEWUSER));
	pair_talk(own);
	open_warm(&next, 2);
	pair_talk(own);
	pair_close(own);
	pair_close(&next);
}

static void one_closed(struct pair *own)
{
	open_warm(own, 1);
	pair_close(own);
	SHOW(unshare(CLONE_NEWUSER | CLONE_NEWUTS));
	open_warm(own, 2);
	pair_close(own);
}

static void twice(struct pair *own)
{
	open_warm(own, 1);
	SHOW(syscall(SYS_unshare, CLONE_NEWUSER));
	pair_talk(own);
	SHOW(unshare(CLONE_NEWUSER));
	pair_talk(own);
	pair_close(own);
}

/* With bytes on the way in both directions. */
static void busy(struct pair *own)
{
	pair_open(own, 1);
	pair_warm(own);
	peer_begin(PEER_ECHO, 1, 0, 100000, 0);
	pair_send(own, 100000);
	SHOW(unshare(CLONE_NEWUSER));
	pair_receive(own, 100000);
	say("echoed %ld", peer_end());
	pair_talk(own);
	pair_close(own);
}

/* Its own again: the kernel looks at the threads all the same. */
static void joins(struct pair *own)
{
	int fd = SHOW_FD(open("/proc/self/ns/mnt", O_RDONLY));

	open_warm(own, 1);
	SHOW(setns(fd, CLONE_NEWNS));
	pair_talk(own);
	SHOW(setns(fd, 0));
	SHOW(setns(fd, CLONE_NEWUSER));
	SHOW(setns(-1, 0));
	open_warm(own, 2);
	pair_close(own);
}

/* These are for any process. */
static void others(struct pair *own)
{
	open_warm(own, 1);
	SHOW(unshare(0));
	SHOW(unshare(CLONE_FILES | CLONE_FS));
	SHOW(unshare(CLONE_PARENT));
	pair_talk(own);
	pair_close(own);
}

#define CASE(name) \
	static void run_##name(struct pair *p) { in_child(p, name); }
CASE(none_yet)
CASE(one_open)
CASE(one_closed)
CASE(twice)
CASE(busy)
CASE(joins)
CASE(others)

#define FLAGS (LANE | SEM_PROCS | SEM_NO_TSAN)	/* which has a thread itself */

const struct sem_case sem_cases[] = {
	{ "none_yet", FLAGS, run_none_yet, "before the first connection" },
	{ "one_open", FLAGS, run_one_open, "with one" },
	{ "one_closed", FLAGS, run_one_closed, "after it" },
	{ "twice", FLAGS, run_twice, "and again, and by syscall(2)" },
	{ "busy", FLAGS, run_busy, "with bytes on the way" },
	{ "joins", FLAGS, run_joins, "setns(2)" },
	{ "others", FLAGS, run_others, "what does not look at threads" },
	{ NULL, 0, NULL, NULL }
};
