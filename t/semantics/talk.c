/* SPDX-License-Identifier: BSD-2-Clause */
/* Conversations: who speaks first, small messages, many at once, idle. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

/* A connection whose server speaks first, seen from our end. */
static void open_banner(struct pair *p, enum peer_open how)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int port;

	*p = (struct pair){ .fd = -1 };
	if (sem_is_client) {
		port = (int)MUST(peer_do(PEER_LISTEN, 0, 4, 0));
		len = sem_addr(&addr, port);
		peer_begin(PEER_ACCEPT, 0, 0, how, 0);
		p->fd = sem_socket();
		SHOW(connect(p->fd, (struct sockaddr *)&addr, len));
		pair_receive(p, BANNER);
	} else {
		int l = sem_listen(4, &port);

		peer_begin(PEER_CONNECT, 0, 0, port, how);
		p->fd = (int)MUST(accept(l, NULL, NULL));
		if (how == OPEN_LATE)
			nap(150);
		pair_send(p, BANNER);
		close(l);
	}
	SHOW(peer_end());
}

static void questions(struct pair *p)
{
	for (int i = 0; i < 100; i++) {
		pair_send(p, 30);
		if (peer_receive(p, 30) != 30)
			say("question %d: BAD", i);
		peer_send(p, 200);
		pair_receive(p, 200);
	}
	say("100 questions answered");
}

static void server_first(struct pair *p)
{
	open_banner(p, OPEN_BANNER);
	questions(p);
}

static void server_first_late(struct pair *p)
{
	open_banner(p, OPEN_LATE);
	questions(p);
}

/* The server speaks first and is the only one to speak, then closes. */
static void server_only(struct pair *p)
{
	open_banner(p, OPEN_BANNER);
	if (sem_is_client) {
		peer_close(p);
		SHOW(recv(p->fd, buf, 100, 0));
	} else {
		SHOW(close(p->fd));
		p->fd = -1;
		SHOW(peer_drain(p));
	}
}

static void client_first(struct pair *p)
{
	pair_open(p, 0);
	questions(p);
}

static void echo_bytes(struct pair *p)
{
	peer_begin(PEER_ECHO, p->slot, 0, 2000, 0);
	for (int i = 0; i < 2000; i++) {
		pair_send(p, 1);
		pair_receive(p, 1);
	}
	SHOW(peer_end());
}

static void echo_sizes(struct pair *p)
{
	static const int sizes[] = { 1, 2, 63, 64, 65, 255, 1460, 4095, 4096,
				     4097, 16383, 16384, 65535, 65536, 131073 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		peer_begin(PEER_RECEIVE, p->slot, 0, sizes[i], 0);
		pair_send(p, sizes[i]);
		if (peer_end() != sizes[i])
			say("size %d: BAD", sizes[i]);
		peer_begin(PEER_SEND, p->slot, 0, sizes[i], 0);
		pair_receive(p, sizes[i]);
		if (peer_end() != sizes[i])
			say("size %d: BAD", sizes[i]);
	}
	say("all sizes");
}

/* A hundred questions before the first answer is read. */
static void pipelined(struct pair *p)
{
	for (int round = 0; round < 20; round++) {
		peer_begin(PEER_ECHO, p->slot, 0, 100 * 50, 0);
		for (int i = 0; i < 100; i++)
			pair_send(p, 50);
		pair_receive(p, 100 * 50);
		if (peer_end() != 100 * 50)
			say("round %d: BAD", round);
	}
	say("20 rounds");
}

static void undelayed(struct pair *p)
{
	int one = 1;

	SHOW(setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	echo_bytes(p);
}

/* Nothing is said for a while; then it works as if nothing had happened. */
static void idle(struct pair *p)
{
	nap(1500);
	show_poll(p->fd, POLLIN | POLLRDHUP, 0);
	questions(p);
	SHOW(peer_close(p));
	SHOW(recv(p->fd, buf, 1, 0));
}

static void never_used(struct pair *p)
{
	pair_open(p, 0);
	nap(600);
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	SHOW(peer_close(p));
	SHOW(recv(p->fd, buf, 1, 0));
}

#define MANY 50

static void many(struct pair *unused)
{
	static struct pair p[MANY];
	int good = 0;

	(void)unused;
	for (int i = 0; i < MANY; i++)
		pair_open(&p[i], i);
	for (int round = 0; round < 30; round++)
		for (int i = 0; i < MANY; i++) {
			peer_begin(PEER_ECHO, i, 0, 700, 0);
			pair_send(&p[i], 700);
			pair_receive(&p[i], 700);
			good += peer_end() == 700;
		}
	say("%d good echoes", good);
	good = 0;
	for (int i = 0; i < MANY; i++)
		pair_close(&p[i]);
	for (int i = 0; i < MANY; i++)
		good += peer_drain(&p[i]) == 0;
	say("%d ends", good);
}

/* Opened and closed in turn while others stay. */
static void churn(struct pair *keep)
{
	struct pair p;

	for (int i = 1; i <= 60; i++) {
		pair_open(&p, i);
		pair_send(&p, 3000);
		if (peer_receive(&p, 3000) != 3000)
			say("round %d: BAD", i);
		pair_close(&p);
		if (peer_drain(&p) != 0)
			say("round %d: no end", i);
		peer_close(&p);
		pair_send(keep, 10);
		if (peer_receive(keep, 10) != 10)
			say("round %d: the one that stays is BAD", i);
	}
	say("60 rounds");
}

const struct sem_case sem_cases[] = {
	{ "server_first", 0, server_first, "the server greets at once" },
	{ "server_first_late", 0, server_first_late, "the server greets 150 ms later" },
	{ "server_only", 0, server_only, "the server greets and closes" },
	{ "client_first", 0, client_first, "the client asks, the server answers" },
	{ "echo_bytes", LANE, echo_bytes, "2000 one-byte echoes" },
	{ "echo_sizes", LANE, echo_sizes, "sizes around every boundary" },
	{ "pipelined", LANE, pipelined, "100 questions before the first answer" },
	{ "undelayed", LANE, undelayed, "one-byte echoes with TCP_NODELAY" },
	{ "idle", LANE, idle, "silence for 1.5 s, then talk" },
	{ "never_used", 0, never_used, "silence from the start" },
	{ "many", 0, many, "50 connections at once" },
	{ "churn", LANE, churn, "60 short ones beside one that stays" },
	{ 0 }
};
