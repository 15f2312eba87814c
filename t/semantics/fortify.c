/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fortified twins. Compiled with -O2 -D_FORTIFY_SOURCE=2; the sizes are
 * known and the lengths are not, so that the compiler turns each call into
 * __read_chk, __recv_chk, __recvfrom_chk, __poll_chk or __ppoll_chk.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sem.h"

#if !defined(_FORTIFY_SOURCE) || _FORTIFY_SOURCE < 1
#error "compile with -O2 -D_FORTIFY_SOURCE=2"
#endif

static void reads(struct pair *p)
{
	char buf[64];
	long r;

	peer_send(p, 60);
	await_bytes(p->fd, 60);
	r = SHOW(read(p->fd, buf, opaque(20)));
	say("%s", pair_check(p, buf, r));
	r = SHOW(recv(p->fd, buf, opaque(20), 0));
	say("%s", pair_check(p, buf, r));
	r = SHOW(recvfrom(p->fd, buf, opaque(64), 0, NULL, NULL));
	say("%s", pair_check(p, buf, r));
	SHOW(recv(p->fd, buf, opaque(20), MSG_DONTWAIT));
	SHOW(recvfrom(p->fd, buf, opaque(20), MSG_DONTWAIT, NULL, NULL));
	SHOW(read(p->fd, buf, opaque(0)));
}

static void waiting_reads(struct pair *p)
{
	char buf[64];

	peer_later(p, 30, PEER_SEND, 10, 0);
	SHOW(read(p->fd, buf, opaque(20)));
	peer_end();
	peer_later(p, 30, PEER_SEND, 10, 0);
	SHOW(recv(p->fd, buf, opaque(20), 0));
	peer_end();
	peer_later(p, 30, PEER_SHUTDOWN, SHUT_WR, 0);
	SHOW(recvfrom(p->fd, buf, opaque(20), 0, NULL, NULL));
	peer_end();
	SHOW(read(p->fd, buf, opaque(20)));
}

static void polls(struct pair *p)
{
	struct timespec t = { 0, 20000000 }, zero = { 0, 0 };
	struct pollfd f[2] = { { .fd = p->fd, .events = POLLIN },
			       { .fd = p->fd, .events = POLLOUT } };

	SHOW(poll(f, opaque(2), 0));
	SHOW(poll(f, opaque(1), 20));
	SHOW(ppoll(f, opaque(1), &t, NULL));
	peer_later(p, 30, PEER_SEND, 10, 0);
	SHOW(poll(f, opaque(1), -1));
	peer_end();
	pair_receive(p, 10);
	peer_later(p, 30, PEER_SEND, 10, 0);
	SHOW(ppoll(f, opaque(1), NULL, NULL));
	peer_end();
	SHOW(ppoll(f, opaque(2), &zero, NULL));
	say("%d %d", f[0].revents == POLLIN, f[1].revents == POLLOUT);
}

static void wrong(struct pair *p)
{
	char buf[64];

	SHOW(read(opaque(-1), buf, opaque(20)));
	SHOW(recv(opaque(999), buf, opaque(20), 0));
	SHOW(recvfrom(opaque(0), buf, opaque(20), 0, NULL, NULL));
	(void)p;
}

/* More than the buffer holds is caught before a byte is read. */
static void overflows(struct pair *p)
{
	char buf[16];

	peer_send(p, 40);
	await_bytes(p->fd, 40);
	if (!freopen("/dev/null", "w", stderr))
		return;
	SHOW(recv(p->fd, buf, opaque(40), 0));
	say("not caught");
}

const struct sem_case sem_cases[] = {
	{ "reads", LANE, reads, "read, recv and recvfrom" },
	{ "waiting_reads", LANE, waiting_reads, "the same, blocking, and at EOF" },
	{ "polls", LANE, polls, "poll and ppoll" },
	{ "wrong", SEM_ONCE, wrong, "EBADF and ENOTSOCK" },
	{ "overflows", LANE, overflows, "a buffer too small ends the program" },
	{ 0 }
};
