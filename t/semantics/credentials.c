// SPDX-License-Identifier: BSD-2-Clause
/*
 * A process that changes its user or groups with connections open, as servers
 * do that begin as root. Each in a child, so that the next case is as before.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sem.h"

#define NOBODY 65534

static void as_daemons_do(void)
{
	SHOW(initgroups("nobody", NOBODY));
	SHOW(setgid(NOBODY));
	SHOW(setuid(NOBODY));
}

static void for_good(void)
{
	SHOW(setgroups(0, NULL));
	SHOW(setresgid(NOBODY, NOBODY, NOBODY));
	SHOW(setresuid(NOBODY, NOBODY, NOBODY));
}

static void for_a_while(void)
{
	SHOW(setegid(NOBODY));
	SHOW(seteuid(NOBODY));
	SHOW(seteuid(0));
	SHOW(setegid(0));
}

static void in_part(void)
{
	SHOW(setregid(-1, NOBODY));
	SHOW(setreuid(-1, NOBODY));
}

static void in_vain(void)
{
	MUST(setresuid(NOBODY, NOBODY, NOBODY));
	SHOW(setuid(0));
	SHOW(setgid(0));
	SHOW(setgroups(0, NULL));
}

static void change(struct pair *p, void (*how)(void))
{
	struct pair own = { .fd = -1 }, next = { .fd = -1 };
	pid_t pid;

	if (geteuid() != 0) {
		say("not root");
		return;
	}
	fflush(stdout);
	pid = fork();
	MUST(pid);
	if (pid == 0) {
		pair_open(&own, 1);
		pair_warm(&own);
		pair_talk(&own);
		how();
		pair_talk(&own);
		pair_open(&next, 2);
		pair_warm(&next);
		pair_talk(&next);
		pair_talk(&own);
		pair_close(&own);
		pair_close(&next);
		fflush(stdout);
		_exit(0);
	}
	join_child(pid);
	pair_talk(p);
}

static void daemons(struct pair *p)
{
	change(p, as_daemons_do);
}

static void good(struct pair *p)
{
	change(p, for_good);
}

static void a_while(struct pair *p)
{
	change(p, for_a_while);
}

static void part(struct pair *p)
{
	change(p, in_part);
}

static void vain(struct pair *p)
{
	change(p, in_vain);
}

/* With bytes on the way in both directions. */
static void busy(struct pair *p)
{
	struct pair own = { .fd = -1 };
	pid_t pid;

	fflush(stdout);
	pid = fork();
	MUST(pid);
	if (pid == 0) {
		pair_open(&own, 1);
		pair_warm(&own);
		peer_begin(PEER_ECHO, 1, 0, 200000, 0);
		pair_send(&own, 100000);
		SHOW(setuid(getuid()));
		pair_receive(&own, 100000);
		pair_send(&own, 100000);
		SHOW(setgid(getgid()));
		pair_receive(&own, 100000);
		say("echoed %ld", peer_end());
		pair_talk(&own);
		pair_close(&own);
		fflush(stdout);
		_exit(0);
	}
	join_child(pid);
	pair_talk(p);
}

const struct sem_case sem_cases[] = {
	{ "daemons", LANE | SEM_PROCS, daemons, "initgroups, setgid, setuid" },
	{ "for_good", LANE | SEM_PROCS, good,
	  "setgroups, setresgid, setresuid" },
	{ "for_a_while", LANE | SEM_PROCS, a_while, "seteuid and back" },
	{ "in_part", LANE | SEM_PROCS, part, "setregid, setreuid" },
	{ "in_vain", LANE | SEM_PROCS, vain, "what is not permitted" },
	{ "busy", LANE | SEM_PROCS, busy, "in the middle of a stream" },
	{ 0 }
};
