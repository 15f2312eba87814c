// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of a connection, or of the process that has it, before its greeting
 * is over: what was sent is kept by us and not by the kernel then, and has to
 * arrive all the same, in order, before the end, and soon.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sem.h"

#define LATE_MS 60
#define END_MOST_MS 1500
#define BEYOND_MS (2 * SEM_HASTY_MS + 50)	/* REPLY is not awaited so long */

static char buf[1 << 16];
static size_t said;		/* by us, before what the case does */
static int late_ms;		/* the peer accepts so much later */
static bool pending;		/* ... and has not said so yet */

static void opened(struct pair *p)
{
	fresh_open(p, 0, late_ms);
	pending = sem_is_client;
	if (late_ms == 0) {
		fresh_accepted();
		pending = false;
	}
	pair_send(p, said);
}

/* The peer has what was said. */
static void hear(struct pair *p)
{
	if (pending)
		fresh_accepted();
	pending = false;
	SHOW(peer_receive(p, said));
}

/* Accepted at once or later; nothing was said, or something. */
static bool next(int *i)
{
	bool late;

	do {
		late = ++*i & 1;
	} while (late && !sem_is_client);
	if (*i > 3)
		return false;
	late_ms = late ? LATE_MS : 0;
	said = *i & 2 ? 1000 : 0;
	say("-- %zu bytes, accepted%s", said, late ? " later" : "");
	return true;
}

static void each(struct pair *p, void (*run)(struct pair *p))
{
	int i = -1;

	while (next(&i)) {
		opened(p);
		run(p);
		if (p->fd >= 0)
			SHOW(close(p->fd));
		p->fd = -1;
		MUST(peer_close(p));
	}
}

/* -- of the connection -------------------------------------------------------- */

static void is_closed(struct pair *p)
{
	SHOW(close(p->fd));
	p->fd = -1;
	hear(p);
	SHOW(peer_drain(p));
}

static void closes(struct pair *p)
{
	each(p, is_closed);
}

static void is_shut(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(send(p->fd, "x", 1, MSG_NOSIGNAL));
	hear(p);
	SHOW(peer_drain(p));
	SHOW(peer_send(p, 500));
	pair_receive(p, 500);
}

static void shuts_writing(struct pair *p)
{
	each(p, is_shut);
}

static void is_deaf(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_RD));
	SHOW(recv(p->fd, buf, 10, 0));
	pair_send(p, 300);
	hear(p);
	SHOW(peer_receive(p, 300));
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_drain(p));
}

static void shuts_reading(struct pair *p)
{
	each(p, is_deaf);
}

static void is_over(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_RDWR));
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(send(p->fd, "x", 1, MSG_NOSIGNAL));
	hear(p);
	SHOW(peer_drain(p));
}

static void shuts_both(struct pair *p)
{
	each(p, is_over);
}

static void lingers(struct pair *p, int seconds)
{
	struct linger linger = { 1, seconds };
	long since = now_ms();

	MUST(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &linger,
			sizeof(linger)));
	SHOW(close(p->fd));
	p->fd = -1;
	show_time("close", since, END_MOST_MS);
}

static void is_closed_slowly(struct pair *p)
{
	lingers(p, 5);
	hear(p);
	SHOW(peer_drain(p));
}

static void lingers_some(struct pair *p)
{
	each(p, is_closed_slowly);
}

/* The peer has accepted it whether or not anything was said. */
static void is_reset(struct pair *p)
{
	lingers(p, 0);
	if (pending)
		fresh_accepted();
	pending = false;
	SHOW(peer_drain(p));
}

static void resets(struct pair *p)
{
	each(p, is_reset);
}

/* The other end speaks, and closes; then we look. */
static void peer_is_gone(struct pair *p)
{
	hear(p);
	SHOW(peer_send(p, 700));
	SHOW(peer_shutdown(p, SHUT_WR));
	pair_receive(p, 700);
	SHOW(recv(p->fd, buf, 10, 0));
	pair_send(p, 100);
	SHOW(peer_receive(p, 100));
}

static void peer_ends(struct pair *p)
{
	each(p, peer_is_gone);
}

/* -- of the process ------------------------------------------------------------ */

/* A child connects, or accepts, speaks, and ends. */
static void each_child(struct pair *p, void (*end)(int))
{
	int i = -1;

	while (next(&i)) {
		pid_t pid = fork_child();
		long since = now_ms();

		if (pid == 0) {
			opened(p);
			end(0);
		}
		join_child(pid);
		show_time("its end", since, END_MOST_MS);
		pending = late_ms && sem_is_client;
		hear(p);
		SHOW(peer_drain(p));
		MUST(peer_close(p));
	}
}

static void exits(struct pair *p)
{
	each_child(p, exit);
}

static void exits_quickly(struct pair *p)
{
	each_child(p, _exit);
}

static void exits_by_quick_exit(struct pair *p)
{
	each_child(p, quick_exit);
}

/* wc counts what comes until its end. */
static void become_wc(int fd)
{
	dup2(fd, 0);
	if (fd != 0)
		close(fd);
	execlp("wc", "wc", "-c", (char *)NULL);
	_exit(1);
}

static void answer_wc(struct pair *p, pid_t pid)
{
	hear(p);
	SHOW(peer_send(p, 3000));
	fflush(stdout);
	MUST(peer_close(p));
	join_child(pid);
}

/* The child's own connection becomes another program's. */
static void executes(struct pair *p)
{
	int i = -1, gate[2];
	char byte;

	while (next(&i)) {
		pid_t pid;

		MUST(pipe2(gate, O_CLOEXEC));
		pid = fork_child();
		if (pid == 0) {
			opened(p);
			become_wc(p->fd);
		}
		close(gate[1]);
		MUST(read(gate[0], &byte, 1) == 0);
		close(gate[0]);
		pending = late_ms && sem_is_client;
		answer_wc(p, pid);
	}
}

/* -- of one of the processes that have it ---------------------------------------- */

/*
 * An accepted connection that nobody has touched before the fork is that
 * process's that touches it first, and no other's (ARCHITECTURE.md, 6).
 */
static bool is_one_process_only(void)
{
	return !sem_is_client && said == 0;
}

static void its_child_talks(struct pair *p)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		hear(p);
		pair_talk(p);
		end_child();
	}
	join_child(pid);
	pending = false;
	p->tx += 1000;
	p->rx += 2000;
	if (!is_one_process_only())
		pair_talk(p);
}

static void child_talks(struct pair *p)
{
	each(p, its_child_talks);
}

/* Who serves a connection in a child closes it in the parent. */
static void is_left_to_child(struct pair *p)
{
	int gate[2];
	char byte;
	pid_t pid;

	MUST(pipe(gate));
	pid = fork_child();
	if (pid == 0) {
		close(gate[1]);
		MUST(read(gate[0], &byte, 1) == 0);
		hear(p);
		pair_talk(p);
		SHOW(close(p->fd));
		SHOW(peer_drain(p));
		end_child();
	}
	SHOW(close(p->fd));
	p->fd = -1;
	fflush(stdout);
	close(gate[0]);
	close(gate[1]);
	join_child(pid);
	pending = false;
}

static void parent_closes(struct pair *p)
{
	each(p, is_left_to_child);
}

static void its_child_ends(struct pair *p)
{
	pid_t pid = fork_child();

	if (pid == 0)
		end_child();
	join_child(pid);
	hear(p);
	pair_talk(p);
}

static void child_ends(struct pair *p)
{
	each(p, its_child_ends);
}

/* One after the other, so that what they send has an order. */
static void is_sent_by_both(struct pair *p)
{
	pid_t pid;

	if (is_one_process_only())
		return;
	pid = fork_child();
	if (pid == 0) {
		pair_send(p, 500);
		end_child();
	}
	join_child(pid);
	p->tx += 500;
	pair_send(p, 200);
	hear(p);
	SHOW(peer_receive(p, 700));
	SHOW(peer_send(p, 100));
	pair_receive(p, 100);
}

static void both_send(struct pair *p)
{
	each(p, is_sent_by_both);
}

static void its_child_executes(struct pair *p)
{
	pid_t pid = fork_child();

	if (pid == 0)
		become_wc(p->fd);
	SHOW(close(p->fd));
	p->fd = -1;
	answer_wc(p, pid);
}

static void child_executes(struct pair *p)
{
	int i = -1;

	while (next(&i)) {
		opened(p);
		its_child_executes(p);
	}
}

static void spawns(struct pair *p)
{
	char *argv[] = { (char *)"wc", (char *)"-c", NULL };
	int i = -1;

	while (next(&i)) {
		posix_spawn_file_actions_t actions;
		pid_t pid;

		opened(p);
		posix_spawn_file_actions_init(&actions);
		posix_spawn_file_actions_adddup2(&actions, p->fd, 0);
		posix_spawn_file_actions_addclose(&actions, p->fd);
		fflush(stdout);
		SHOW(posix_spawnp(&pid, "wc", &actions, NULL, argv, environ));
		posix_spawn_file_actions_destroy(&actions);
		SHOW(close(p->fd));
		p->fd = -1;
		answer_wc(p, pid);
	}
}

/* A server's child becomes the program that serves, and the client speaks. */
static void inetd(struct pair *p)
{
	pid_t pid;

	if (sem_is_client)
		return;
	said = 0;
	opened(p);
	pid = fork_child();
	if (pid == 0)
		become_wc(p->fd);
	SHOW(close(p->fd));
	p->fd = -1;
	nap(LATE_MS);
	answer_wc(p, pid);
}

/* A process that was there before it is given it at once. */
static void give(int channel, int fd)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } c;
	struct iovec iov = { buf, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &c, .msg_controllen = sizeof(c) };

	c.align.cmsg_len = CMSG_LEN(sizeof(int));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&c.align), &fd, sizeof(int));
	SHOW(sendmsg(channel, &m, 0));
}

static int take(int channel)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } c;
	struct iovec iov = { buf, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &c, .msg_controllen = sizeof(c) };
	int fd;

	MUST(recvmsg(channel, &m, 0));
	memcpy(&fd, CMSG_DATA(&c.align), sizeof(int));
	return fd;
}

static void passes(struct pair *p)
{
	int i = -1, channel[2];
	pid_t pid;

	while (next(&i)) {
		MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, channel));
		pid = fork_child();
		if (pid == 0) {
			p->fd = take(channel[1]);
			pending = late_ms && sem_is_client;
			p->tx = said;
			MUST(read(channel[1], buf, 1));
			hear(p);
			SHOW(peer_send(p, 100));
			pair_receive(p, 100);
			pair_talk(p);
			SHOW(close(p->fd));
			SHOW(peer_drain(p));
			end_child();
		}
		opened(p);
		give(channel[0], p->fd);
		SHOW(close(p->fd));
		p->fd = -1;
		fflush(stdout);
		MUST(write(channel[0], "x", 1));
		join_child(pid);
		MUST(peer_close(p));
		close(channel[0]);
		close(channel[1]);
	}
}

/* -- before a server that accepts when REPLY is not waited for any more --------- */

static void closes_long_before(struct pair *p)
{
	if (!sem_is_client)
		return;
	said = 1000;
	late_ms = BEYOND_MS;
	opened(p);
	is_closed(p);
}

static void exits_long_before(struct pair *p)
{
	long since = now_ms();
	pid_t pid;

	if (!sem_is_client)
		return;
	said = 1000;
	late_ms = BEYOND_MS;
	pid = fork_child();
	if (pid == 0) {
		opened(p);
		_exit(0);
	}
	join_child(pid);
	show_time("its end", since, END_MOST_MS);
	pending = true;
	hear(p);
	SHOW(peer_drain(p));
}

const struct sem_case sem_cases[] = {
	{ "closes", 0, closes, "close" },
	{ "shuts_writing", 0, shuts_writing, "shutdown of the sending direction" },
	{ "shuts_reading", 0, shuts_reading, "... of the receiving one" },
	{ "shuts_both", 0, shuts_both, "... of both" },
	{ "lingers_some", 0, lingers_some, "close with SO_LINGER 5 s" },
	{ "resets", 0, resets, "close with SO_LINGER 0" },
	{ "peer_ends", 0, peer_ends, "the peer speaks and shuts down" },
	{ "exits", SEM_PROCS, exits, "exit(3)" },
	{ "exits_quickly", SEM_PROCS, exits_quickly, "_exit(2)" },
	{ "exits_by_quick_exit", SEM_PROCS, exits_by_quick_exit, "quick_exit(3)" },
	{ "executes", SEM_PROCS, executes, "exec of a program that reads to the end" },
	{ "child_talks", SEM_PROCS, child_talks, "fork, the child talks, then the parent" },
	{ "parent_closes", SEM_PROCS, parent_closes, "fork, the parent closes, the child talks" },
	{ "child_ends", SEM_PROCS, child_ends, "fork, the child ends, the parent talks" },
	{ "both_send", SEM_PROCS, both_send, "fork, both send" },
	{ "child_executes", SEM_PROCS, child_executes, "fork and exec, the parent closes" },
	{ "spawns", SEM_PROCS, spawns, "posix_spawn, the parent closes" },
	{ "inetd", SEM_PROCS, inetd, "exec in a server's child, before the client speaks" },
	{ "passes", SEM_PROCS, passes, "SCM_RIGHTS to an older process" },
	{ "closes_long_before", SEM_ONCE | SEM_HASTY, closes_long_before,
	  "close before a server that accepts much later" },
	{ "exits_long_before", SEM_ONCE | SEM_HASTY | SEM_PROCS, exits_long_before,
	  "_exit(2) before such a server" },
	{ 0 }
};
