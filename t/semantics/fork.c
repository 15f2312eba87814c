// SPDX-License-Identifier: BSD-2-Clause
/*
 * fork with a connection open: parent and child have the same socket, and each
 * may use it, close it, or end, in any order.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate.h"
#include "sem.h"

static void talked(struct pair *p)
{
	p->tx += 1000;
	p->rx += 2000;
}

static void child_uses(struct pair *p)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		pair_talk(p);
		end_child();
	}
	join_child(pid);
	talked(p);
}

static void child_then_parent(struct pair *p)
{
	child_uses(p);
	pair_talk(p);
}

static void parent_uses(struct pair *p)
{
	struct gate gate = open_gate();
	pid_t pid = fork_child();

	if (pid == 0) {
		await_gate(&gate);
		end_child();
	}
	pair_talk(p);
	close_gate(&gate);
	join_child(pid);
	pair_talk(p);
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_drain(p));
}

static void exits_at_once(struct pair *p)
{
	pid_t pid;
	int i;

	for (i = 0; i < 10; i++) {
		pid = fork_child();
		if (pid == 0)
			(i % 2 ? exit : _exit)(0);
		MUST(waitpid(pid, NULL, 0) == pid);
		pair_talk(p);
	}
}

/* One reads, the other writes, as rsync has it. */
static void both(struct pair *p)
{
	pid_t pid;

	peer_begin(PEER_ECHO, p->slot, 0, 300000, 0);
	pid = fork_child();
	if (pid == 0) {
		pair_receive(p, 300000);
		say("the child has read all");
		end_child();
	}
	pair_send(p, 300000);
	join_child(pid);
	p->rx += 300000;
	say("echoed %ld", peer_end());
	pair_talk(p);
}

static void reads_on(struct pair *p)
{
	pid_t pid;

	peer_begin(PEER_SEND, p->slot, 0, 400000, 0);
	pair_receive(p, 150000);
	pid = fork_child();
	if (pid == 0) {
		pair_receive(p, 100000);
		end_child();
	}
	join_child(pid);
	p->rx += 100000;
	pair_receive(p, 150000);
	say("the peer sent %ld", peer_end());
	pair_talk(p);
}

static void unread(struct pair *p)
{
	pid_t pid;

	SHOW(peer_send(p, 5000));
	await_bytes(p->fd, 5000);
	pid = fork_child();
	if (pid == 0) {
		pair_receive(p, 2000);
		end_child();
	}
	join_child(pid);
	p->rx += 2000;
	pair_receive(p, 3000);
	pair_talk(p);
}

/* The parent's close is not the connection's end. */
static void parent_closes(struct pair *p)
{
	struct gate gate = open_gate();
	pid_t pid;

	SHOW(peer_send(p, 3000));
	pid = fork_child();
	if (pid == 0) {
		await_gate(&gate);
		pair_receive(p, 3000);
		pair_talk(p);
		SHOW(close(p->fd));
		SHOW(peer_drain(p));
		end_child();
	}
	SHOW(close(p->fd));
	p->fd = -1;
	fflush(stdout);
	close_gate(&gate);
	join_child(pid);
}

static void parent_closes_late(struct pair *p)
{
	struct gate first = open_gate(), then = open_gate();
	pid_t pid = fork_child();

	if (pid == 0) {
		pair_talk(p);
		fflush(stdout);
		close_gate(&first);
		await_gate(&then);
		pair_talk(p);
		SHOW(close(p->fd));
		end_child();
	}
	await_gate(&first);
	SHOW(close(p->fd));
	p->fd = -1;
	fflush(stdout);
	close_gate(&then);
	join_child(pid);
	SHOW(peer_drain(p));
}

static void child_closes(struct pair *p)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		SHOW(close(p->fd));
		SHOW(close(p->fd));
		end_child();
	}
	join_child(pid);
	pair_talk(p);
}

static void child_shuts(struct pair *p)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		pair_send(p, 700);
		SHOW(shutdown(p->fd, SHUT_WR));
		SHOW(close(p->fd));
		end_child();
	}
	join_child(pid);
	SHOW(peer_receive(p, 700));
	SHOW(peer_drain(p));
	SHOW(send(p->fd, "x", 1, MSG_NOSIGNAL));
	SHOW(peer_send(p, 500));
	pair_receive(p, 500);
}

static void peer_shuts(struct pair *p)
{
	pid_t pid;
	char byte;

	SHOW(peer_send(p, 500));
	SHOW(peer_shutdown(p, SHUT_WR));
	pid = fork_child();
	if (pid == 0) {
		pair_receive(p, 500);
		SHOW(recv(p->fd, &byte, 1, 0));
		pair_send(p, 600);
		end_child();
	}
	join_child(pid);
	p->tx += 600;
	SHOW(peer_receive(p, 600));
	SHOW(recv(p->fd, &byte, 1, 0));
	pair_send(p, 100);
	SHOW(peer_receive(p, 100));
}

static void peer_closes(struct pair *p)
{
	pid_t pid;
	char byte;

	SHOW(peer_send(p, 500));
	SHOW(peer_close(p));
	pid = fork_child();
	if (pid == 0) {
		pair_receive(p, 500);
		SHOW(recv(p->fd, &byte, 1, 0));
		end_child();
	}
	join_child(pid);
	SHOW(recv(p->fd, &byte, 1, 0));
}

/* The parent's end is not the connection's: the child is a daemon now. */
static void parent_ends(struct pair *p, void (*end)(int))
{
	struct gate ends = open_gate(), joined = open_gate();
	pid_t pid = fork_child();

	if (pid == 0) {
		pair_open(p, 1);
		pair_warm(p);
		pair_send(p, 900);
		if (fork_child() != 0)
			end(0);
		await_gate(&joined);
		SHOW(peer_receive(p, 900));
		pair_talk(p);
		SHOW(close(p->fd));
		SHOW(peer_drain(p));
		end_child();
	}
	join_child(pid);
	fflush(stdout);
	close_gate(&joined);
	await_gate(&ends);
}

static void parent_exits(struct pair *p)
{
	parent_ends(p, exit);
}

static void parent_exits_quickly(struct pair *p)
{
	parent_ends(p, _exit);
}

static void grandchild(struct pair *p)
{
	pid_t pid = fork_child(), inner;

	if (pid == 0) {
		inner = fork_child();
		if (inner == 0) {
			pair_talk(p);
			end_child();
		}
		join_child(inner);
		talked(p);
		pair_talk(p);
		end_child();
	}
	join_child(pid);
	talked(p);
	talked(p);
	pair_talk(p);
}

static void polls(struct pair *p)
{
	pid_t pid;

	peer_later(p, 50, PEER_SEND, 100, 0);
	pid = fork_child();
	if (pid == 0) {
		show_poll(p->fd, POLLIN, 5000);
		show_poll(p->fd, POLLOUT, 5000);
		pair_receive(p, 100);
		show_poll(p->fd, POLLIN, 0);
		end_child();
	}
	join_child(pid);
	p->rx += 100;
	SHOW(peer_end());
	pair_talk(p);
}

static void polls_unblocked(struct pair *p)
{
	char byte;
	pid_t pid;

	MUST(fcntl(p->fd, F_SETFL, O_RDWR | O_NONBLOCK));
	peer_later(p, 50, PEER_SEND, 1, 0);
	pid = fork_child();
	if (pid == 0) {
		SHOW(recv(p->fd, &byte, 1, 0));
		show_poll(p->fd, POLLIN, 5000);
		SHOW(recv(p->fd, &byte, 1, 0));
		end_child();
	}
	join_child(pid);
	p->rx += 1;
	SHOW(peer_end());
	MUST(fcntl(p->fd, F_SETFL, O_RDWR));
	pair_talk(p);
}

static void execs(struct pair *p)
{
	char script[100];
	pid_t pid;

	SHOW(peer_send(p, 10));
	pid = fork_child();
	if (pid == 0) {
		snprintf(script, sizeof(script),
			 "head -c 10 <&%d | wc -c; printf 12345 >&%d", p->fd,
			 p->fd);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	}
	join_child(pid);
	p->rx += 10;
	SHOW(peer_do(PEER_SKIP, p->slot, 5, 0));
	SHOW(peer_send(p, 1000));
	pair_receive(p, 1000);
}

/* Parent and child have connections of their own besides. */
static void child_opens(struct pair *p)
{
	struct pair own = { .fd = -1 };
	pid_t pid = fork_child();

	if (pid == 0) {
		pair_open(&own, 1);
		pair_warm(&own);
		pair_talk(&own);
		pair_close(&own);
		end_child();
	}
	join_child(pid);
	pair_talk(p);
	pair_open(&own, 2);
	pair_warm(&own);
	pair_talk(&own);
	pair_close(&own);
}

enum how { BY_MESSAGE, BY_MESSAGES, BY_NUMBER, RECEIVES };

static ssize_t pass_by(int channel, struct msghdr *m, enum how how)
{
	struct mmsghdr many = { .msg_hdr = *m };

	switch (how) {
	case BY_MESSAGE:
		return sendmsg(channel, m, 0);
	case BY_MESSAGES:
		return sendmmsg(channel, &many, 1, 0) == 1
			       ? (ssize_t)many.msg_len
			       : -1;
	case BY_NUMBER:
		return syscall(SYS_sendmsg, channel, m, 0);
	default:
		return recvmsg(channel, m, 0);
	}
}

static ssize_t pass(int channel, struct pair *p, enum how how)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } c;
	struct iovec iov = { p, sizeof(*p) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &c, .msg_controllen = sizeof(c) };
	ssize_t ret;

	c.align.cmsg_len = CMSG_LEN(sizeof(int));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&c.align), &p->fd, sizeof(int));
	ret = pass_by(channel, &m, how);
	memcpy(&p->fd, CMSG_DATA(&c.align), sizeof(int));
	return ret;
}

/* A process that was there before the connection is given it. */
static void passes_by(struct pair *p, enum how how)
{
	struct gate gate = open_gate();
	int ends[2];
	pid_t pid;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	pid = fork_child();
	if (pid == 0) {
		MUST(pass(ends[1], p, RECEIVES) == sizeof(*p));
		await_gate(&gate);
		pair_talk(p);
		SHOW(close(p->fd));
		end_child();
	}
	pair_open(p, 1);
	pair_warm(p);
	pair_talk(p);
	SHOW(pass(ends[0], p, how) == sizeof(*p));
	SHOW(close(p->fd));
	fflush(stdout);
	close_gate(&gate);
	join_child(pid);
	p->fd = -1;
}

static void passes(struct pair *p)
{
	passes_by(p, BY_MESSAGE);
}

static void passes_many(struct pair *p)
{
	passes_by(p, BY_MESSAGES);
}

static void passes_raw(struct pair *p)
{
	passes_by(p, BY_NUMBER);
}

/* A worker that gives its privileges up, and connects then. */
static void drops_privileges(struct pair *p)
{
	struct pair own = { .fd = -1 };
	pid_t pid = fork_child();

	if (pid == 0) {
		if (getuid() == 0)
			MUST(setgid(65534) == 0 && setuid(65534) == 0);
		pair_open(&own, 1);
		pair_warm(&own);
		pair_talk(&own);
		pair_close(&own);
		pair_talk(p);
		end_child();
	}
	join_child(pid);
	talked(p);
	pair_talk(p);
}

static void many(struct pair *p)
{
	struct pair more[8];
	pid_t pids[4];
	int i, n;

	for (i = 0; i < 8; i++) {
		more[i] = (struct pair){ .fd = -1 };
		pair_open(&more[i], i + 1);
		pair_warm(&more[i]);
	}
	for (n = 0; n < 4; n++) {
		pids[n] = fork_child();
		if (pids[n] == 0) {
			for (i = 0; i < 8; i++)
				if (i % 4 == n)
					pair_send(&more[i], 50);
			end_child();
		}
	}
	for (n = 0; n < 4; n++)
		join_child(pids[n]);
	for (i = 0; i < 8; i++) {
		SHOW(peer_receive(&more[i], 50));
		more[i].tx += 50;
		pair_talk(&more[i]);
		pair_close(&more[i]);
	}
	pair_talk(p);
}

const struct sem_case sem_cases[] = {
	{ "child_then_parent", LANE | SEM_PROCS, child_then_parent,
	  "the child talks, then the parent" },
	{ "parent_uses", LANE | SEM_PROCS, parent_uses,
	  "the parent talks and closes while a child lives and after" },
	{ "exits_at_once", LANE | SEM_PROCS, exits_at_once,
	  "ten children that exit" },
	{ "both", LANE | SEM_PROCS, both, "the child reads, the parent writes" },
	{ "reads_on", LANE | SEM_PROCS, reads_on,
	  "the child reads on in the middle of a stream" },
	{ "unread", LANE | SEM_PROCS, unread, "data was there before the fork" },
	{ "parent_closes", LANE | SEM_PROCS, parent_closes,
	  "the parent closes, the child talks" },
	{ "parent_closes_late", LANE | SEM_PROCS, parent_closes_late,
	  "the same, the child has talked already" },
	{ "child_closes", LANE | SEM_PROCS, child_closes,
	  "the child closes, the parent talks" },
	{ "child_shuts", LANE | SEM_PROCS, child_shuts,
	  "shutdown and close in the child" },
	{ "peer_shuts", LANE | SEM_PROCS, peer_shuts,
	  "the peer had shut down before the fork" },
	{ "peer_closes", LANE | SEM_PROCS, peer_closes,
	  "the peer had closed before the fork" },
	{ "parent_exits", SEM_PROCS, parent_exits, "exit(3) of the parent" },
	{ "parent_exits_quickly", SEM_PROCS, parent_exits_quickly,
	  "_exit(2) of the parent" },
	{ "grandchild", LANE | SEM_PROCS, grandchild, "a child of the child" },
	{ "polls", LANE | SEM_PROCS, polls, "poll in the child" },
	{ "polls_unblocked", LANE | SEM_PROCS, polls_unblocked,
	  "a non-blocking socket in the child" },
	{ "execs", LANE | SEM_PROCS, execs, "fork and exec of a shell" },
	{ "child_opens", LANE | SEM_PROCS, child_opens,
	  "the child opens a connection of its own" },
	{ "passes", SEM_PROCS, passes, "SCM_RIGHTS to an older process" },
	{ "passes_many", SEM_PROCS, passes_many, "the same by sendmmsg" },
	{ "passes_raw", SEM_PROCS, passes_raw, "the same by syscall(2)" },
	{ "drops_privileges", LANE | SEM_PROCS, drops_privileges,
	  "setuid in the child" },
	{ "many", LANE | SEM_PROCS, many, "four children, nine connections" },
	{ 0 }
};
