// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec with a connection that stays open: the new program, which is preloaded
 * or not, reads and writes an ordinary socket. The case ends in the new
 * program, a shell, so its end is that of the near end.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sem.h"

static char script[200];
static char search[] = "PATH=/usr/bin:/bin";
static char *const no_preload[] = { search, NULL };

/* Ten bytes of the peer's are waiting; the shell is to read just those. */
static void prepare(struct pair *p)
{
	peer_send(p, 10);
	show_poll(p->fd, POLLIN, 3000);
	snprintf(script, sizeof(script),
		 "head -c 10 <&%d | wc -c; printf 12345 >&%d", p->fd, p->fd);
	fflush(stdout);
}

#define ARGS { (char *)"sh", (char *)"-c", script, NULL }

static void with_execve(struct pair *p)
{
	char *argv[] = ARGS;

	prepare(p);
	execve("/bin/sh", argv, no_preload);
}

static void with_execv(struct pair *p)
{
	char *argv[] = ARGS;

	prepare(p);
	execv("/bin/sh", argv);
}

static void with_execvp(struct pair *p)
{
	char *argv[] = ARGS;

	prepare(p);
	execvp("sh", argv);
}

static void with_execvpe(struct pair *p)
{
	char *argv[] = ARGS;

	prepare(p);
	execvpe("sh", argv, no_preload);
}

static void with_fexecve(struct pair *p)
{
	char *argv[] = ARGS;
	int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);

	prepare(p);
	fexecve(fd, argv, no_preload);
}

#ifndef __GLIBC__	/* has no wrapper */
#define execveat(...) syscall(SYS_execveat, __VA_ARGS__)
#endif

static void with_execveat(struct pair *p)
{
	char *argv[] = ARGS;
	int folder = open("/bin", O_PATH | O_CLOEXEC);

	prepare(p);
	execveat(folder, "sh", argv, no_preload, 0);
}

static void with_syscall(struct pair *p)
{
	char *argv[] = ARGS;

	prepare(p);
	syscall(SYS_execve, "/bin/sh", argv, no_preload);
}

static void with_execl(struct pair *p)
{
	prepare(p);
	execl("/bin/sh", "sh", "-c", script, (char *)NULL);
}

static void with_execlp(struct pair *p)
{
	prepare(p);
	execlp("sh", "sh", "-c", script, (char *)NULL);
}

static void with_execle(struct pair *p)
{
	prepare(p);
	execle("/bin/sh", "sh", "-c", script, (char *)NULL, no_preload);
}

/* More is waiting, part of which may have come before there was a lane. */
static void unread(struct pair *p)
{
	char *argv[] = ARGS;

	SHOW(peer_send(p, 5000));
	await_bytes(p->fd, 5000);
	nap(50);
	snprintf(script, sizeof(script), "head -c 5000 <&%d | wc -c", p->fd);
	fflush(stdout);
	SHOW(execv("/bin/sh", argv));
}

/* The peer has gone: nobody is there to bring it back with. */
static void ended(struct pair *p)
{
	char *argv[] = ARGS;
	char byte;

	SHOW(peer_send(p, 10));
	SHOW(peer_close(p));
	pair_receive(p, 10);
	SHOW(recv(p->fd, &byte, 1, 0));
	nap(300);
	snprintf(script, sizeof(script), "head -c 10 <&%d | wc -c", p->fd);
	fflush(stdout);
	SHOW(execv("/bin/sh", argv));
}

/* A failing exec leaves a connection that works. */
static void fails(struct pair *p)
{
	char *argv[] = ARGS;

	prepare(p);
	SHOW(execv("/nowhere/at/all", argv));
	pair_receive(p, 10);
	SHOW(peer_send(p, 1000));
	pair_receive(p, 1000);
}

const struct sem_case sem_cases[] = {
	{ "execve", LANE, with_execve, "exec, the new program not preloaded" },
	{ "execv", LANE, with_execv, "exec with the same environment" },
	{ "execvp", LANE, with_execvp, "exec by PATH" },
	{ "execvpe", LANE, with_execvpe, "exec by PATH, another environment" },
	{ "fexecve", LANE, with_fexecve, "exec of an open file" },
	{ "execveat", LANE, with_execveat, "exec by folder and name" },
	{ "syscall", LANE, with_syscall, "execve by syscall(2)" },
	{ "execl", LANE, with_execl, "exec with a list" },
	{ "execlp", LANE, with_execlp, "exec with a list, by PATH" },
	{ "execle", LANE, with_execle, "exec with a list and an environment" },
	{ "unread", LANE, unread, "exec with data that nobody has read" },
	{ "ended", LANE, ended, "exec after the peer's end" },
	{ "fails", LANE, fails, "an exec that fails" },
	{ 0 }
};
