/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmmsg recvmmsg on a connected stream. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "sem.h"

static char buf[1 << 16];
static struct iovec parts[16];
static struct mmsghdr vec[16];

/* n messages of `size` bytes each, one after the other in buf. */
static void prepare(int n, size_t size)
{
	memset(vec, 0, sizeof(vec));
	for (int i = 0; i < n; i++) {
		parts[i] = (struct iovec){ buf + i * size, size };
		vec[i].msg_hdr.msg_iov = &parts[i];
		vec[i].msg_hdr.msg_iovlen = 1;
		vec[i].msg_len = 12345;
	}
}

static void lengths(int n)
{
	for (int i = 0; i < n; i++)
		say("  msg_len %u", vec[i].msg_len);
}

static void sends(struct pair *p)
{
	pair_next(p, buf, 300);
	prepare(3, 100);
	SHOW(sendmmsg(p->fd, vec, 3, 0));
	p->tx += 300;
	lengths(3);
	SHOW(peer_receive(p, 300));
	SHOW(sendmmsg(p->fd, vec, 0, 0));
	pair_next(p, buf, 10);
	prepare(3, 5);
	parts[1].iov_len = 0;
	parts[2].iov_base = buf + 5;
	SHOW(sendmmsg(p->fd, vec, 3, MSG_NOSIGNAL | MSG_DONTWAIT));
	p->tx += 10;
	lengths(3);
	SHOW(peer_receive(p, 10));
}

static void receives(struct pair *p)
{
	peer_send(p, 300);
	await_bytes(p->fd, 300);
	prepare(3, 100);
	SHOW(recvmmsg(p->fd, vec, 3, 0, NULL));
	lengths(3);
	say("%s", pair_check(p, buf, 300));
	SHOW(recvmmsg(p->fd, vec, 0, 0, NULL));
}

/* Without waiting: what is there, then nothing. */
static void receives_part(struct pair *p)
{
	prepare(4, 100);
	SHOW(recvmmsg(p->fd, vec, 4, MSG_DONTWAIT, NULL));
	peer_send(p, 250);
	await_bytes(p->fd, 250);
	SHOW(recvmmsg(p->fd, vec, 4, MSG_DONTWAIT, NULL));
	lengths(4);
	say("%s", pair_check(p, buf, 250));
}

static void wait_for_one(struct pair *p)
{
	peer_later(p, 50, PEER_SEND, 50, 0);
	prepare(4, 100);
	SHOW(recvmmsg(p->fd, vec, 4, MSG_WAITFORONE, NULL));
	lengths(2);
	peer_end();
	say("%s", pair_check(p, buf, 50));
}

static void times(struct pair *p)
{
	struct timespec bad = { 0, 1000000000 }, some = { 5, 0 };

	prepare(2, 100);
	SHOW(recvmmsg(p->fd, vec, 2, 0, &bad));
	bad = (struct timespec){ -1, 0 };
	SHOW(recvmmsg(p->fd, vec, 2, 0, &bad));
	peer_send(p, 200);
	await_bytes(p->fd, 200);
	SHOW(recvmmsg(p->fd, vec, 2, 0, &some));
	say("some of 5 s is left: %d", some.tv_sec == 4 && some.tv_nsec > 0);
	say("%s", pair_check(p, buf, 200));
	bad = (struct timespec){ 0, 0 };
	peer_send(p, 200);
	await_bytes(p->fd, 200);
	SHOW(recvmmsg(p->fd, vec, 2, 0, &bad));
	say("%s", pair_check(p, buf, 100));
	SHOW(recvmmsg(p->fd, vec, 1, 0, NULL));
	say("%s", pair_check(p, buf, 100));
}

static void at_the_end(struct pair *p)
{
	peer_send(p, 150);
	peer_shutdown(p, SHUT_WR);
	await_end(p->fd);
	prepare(3, 100);
	SHOW(recvmmsg(p->fd, vec, 3, 0, NULL));
	lengths(3);
	say("%s", pair_check(p, buf, 150));
}

static void peer_gone(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_WR));
	prepare(2, 100);
	SHOW(sendmmsg(p->fd, vec, 2, MSG_NOSIGNAL));
	lengths(2);
}

const struct sem_case sem_cases[] = {
	{ "sends", LANE, sends, "three messages, none, and an empty one" },
	{ "receives", LANE, receives, "three messages" },
	{ "receives_part", LANE, receives_part, "fewer than asked for" },
	{ "wait_for_one", LANE, wait_for_one, "MSG_WAITFORONE" },
	{ "times", LANE, times, "the timeout is checked, and stored back" },
	{ "at_the_end", LANE, at_the_end, "the end of the stream is a message" },
	{ "peer_gone", LANE, peer_gone, "the first error counts" },
	{ 0 }
};
