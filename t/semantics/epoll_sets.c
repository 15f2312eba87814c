/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll: several sets, threads, duplicates, nesting, many connections. */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include "sem.h"

#define MOST 64

static char buf[1 << 16];

static int new_set(void)
{
	return (int)MUST(epoll_create1(EPOLL_CLOEXEC));
}

static int change(int set, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	return epoll_ctl(set, op, fd, &e);
}

static void add(int set, int fd, uint32_t events, uint64_t data)
{
	MUST(change(set, EPOLL_CTL_ADD, fd, events, data));
}

/* Print the events in the order of their data. */
static int show_wait(int set, int ms)
{
	struct epoll_event e[MOST];
	int n = epoll_wait(set, e, MOST, ms);
	char text[80];

	say("epoll_wait = %d %s", n, n < 0 ? errno_name(errno) : "");
	for (int done = 0; done < n; done++) {
		int least = 0;

		for (int i = 1; i < n; i++)
			if (e[i].data.u64 < e[least].data.u64)
				least = i;
		say("  %#llx: %s", (unsigned long long)e[least].data.u64,
		    events_name((short)e[least].events, text, 80));
		e[least].data.u64 = ~0ull;
	}
	return n;
}

static void two_sets(struct pair *p)
{
	int a = new_set(), b = new_set();

	add(a, p->fd, EPOLLIN, 0xa);
	add(b, p->fd, EPOLLIN | EPOLLET, 0xb);
	peer_send(p, 10);
	show_wait(a, -1);
	show_wait(b, -1);
	show_wait(a, -1);
	show_wait(b, 0);
	MUST(change(a, EPOLL_CTL_DEL, p->fd, 0, 0));
	peer_send(p, 10);
	show_wait(b, -1);
	show_wait(a, 0);
	close(b);
	add(a, p->fd, EPOLLIN, 0xc);
	show_wait(a, -1);
}

static void duplicates(struct pair *p)
{
	int set = new_set(), d = (int)MUST(dup(p->fd));

	add(set, p->fd, EPOLLIN, 1);
	SHOW(change(set, EPOLL_CTL_MOD, d, EPOLLIN, 2));
	add(set, d, EPOLLIN | EPOLLOUT, 2);
	show_wait(set, -1);
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	show_wait(set, -1);
	/* The entry stays as long as a number of the connection does. */
	SHOW(close(p->fd));
	show_wait(set, -1);
	SHOW(change(set, EPOLL_CTL_DEL, p->fd, 0, 0));
	SHOW(close(d));
	p->fd = -1;
	show_wait(set, 20);
}

static void nested(struct pair *p)
{
	int inner = new_set(), outer = new_set();
	struct pollfd pfd = { .fd = inner, .events = POLLIN };
	fd_set r;

	add(inner, p->fd, EPOLLIN, 1);
	add(outer, inner, EPOLLIN, 2);
	show_wait(outer, 0);
	SHOW(poll(&pfd, 1, 0));
	peer_later(p, 30, PEER_SEND, 10, 0);
	show_wait(outer, -1);
	peer_end();
	show_wait(inner, -1);
	SHOW(poll(&pfd, 1, -1));
	FD_ZERO(&r);
	FD_SET(inner, &r);
	SHOW(select(inner + 1, &r, NULL, NULL, NULL));
	pair_receive(p, 10);
	show_wait(outer, 0);
	SHOW(poll(&pfd, 1, 0));
	peer_later(p, 30, PEER_SEND, 10, 0);
	SHOW(poll(&pfd, 1, -1));
	peer_end();
}

struct waiter {
	pthread_t thread;
	int set, n;
	struct epoll_event e[MOST];
};

static void *wait_set(void *arg)
{
	struct waiter *w = arg;

	w->n = epoll_wait(w->set, w->e, MOST, 5000);
	return NULL;
}

static void start(struct waiter *w, int set)
{
	*w = (struct waiter){ .set = set };
	pthread_create(&w->thread, NULL, wait_set, w);
	nap(60);
}

static void finish(struct waiter *w)
{
	char text[80];

	pthread_join(w->thread, NULL);
	say("the waiter got %d", w->n);
	if (w->n == 1)
		say("  %#llx: %s", (unsigned long long)w->e[0].data.u64,
		    events_name((short)w->e[0].events, text, 80));
}

static void added_while_waiting(struct pair *p)
{
	struct waiter w;
	int set = new_set();

	start(&w, set);
	add(set, p->fd, EPOLLIN, 1);
	nap(30);
	peer_send(p, 10);
	finish(&w);
	pair_receive(p, 10);
	MUST(change(set, EPOLL_CTL_DEL, p->fd, 0, 0));
	start(&w, set);
	add(set, p->fd, EPOLLOUT, 2);
	finish(&w);
}

static void changed_while_waiting(struct pair *p)
{
	struct waiter w;
	int set = new_set();

	add(set, p->fd, EPOLLIN, 1);
	start(&w, set);
	MUST(change(set, EPOLL_CTL_MOD, p->fd, EPOLLIN | EPOLLOUT, 2));
	finish(&w);
	MUST(change(set, EPOLL_CTL_MOD, p->fd, 0, 3));
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	start(&w, set);
	MUST(change(set, EPOLL_CTL_MOD, p->fd, EPOLLIN, 4));
	finish(&w);
}

static void deleted_while_waiting(struct pair *p)
{
	struct waiter w;
	int set = new_set(), pipes[2];

	MUST(pipe(pipes));
	add(set, p->fd, EPOLLIN, 1);
	add(set, pipes[0], EPOLLIN, 2);
	start(&w, set);
	MUST(change(set, EPOLL_CTL_DEL, p->fd, 0, 0));
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	MUST(write(pipes[1], "x", 1));
	finish(&w);
}

static void closed_while_waiting(struct pair *p)
{
	struct waiter w;
	int set = new_set(), pipes[2];

	MUST(pipe(pipes));
	add(set, p->fd, EPOLLIN, 1);
	add(set, pipes[0], EPOLLIN, 2);
	start(&w, set);
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_drain(p));
	MUST(write(pipes[1], "x", 1));
	finish(&w);
	show_wait(set, 0);
}

/* Edge-triggered, two threads wait: one of them is told. */
static void two_waiters(struct pair *p)
{
	struct waiter a, b;
	int set = new_set(), pipes[2];

	MUST(pipe(pipes));
	add(set, p->fd, EPOLLIN | EPOLLET, 1);
	start(&a, set);
	start(&b, set);
	peer_send(p, 10);
	nap(100);
	add(set, pipes[1], EPOLLOUT, 2);
	pthread_join(a.thread, NULL);
	pthread_join(b.thread, NULL);
	say("%d %d, together %d", a.n, b.n, (int)(a.e[0].data.u64 +
						  b.e[0].data.u64));
}

/* An edge-triggered listener and non-blocking everything. */
static void server_loop(struct pair *p)
{
	int port, l = sem_listen(16, &port), set = new_set(), good = 0;
	struct epoll_event e;

	MUST(fcntl(l, F_SETFL, O_NONBLOCK));
	add(set, l, EPOLLIN | EPOLLET, l);
	for (int i = 0; i < 20; i++) {
		int fd;

		peer_begin(PEER_CONNECT, i, 0, port, OPEN_PING);
		if (epoll_wait(set, &e, 1, 5000) != 1 || e.data.fd != l)
			broken("no connection");
		fd = (int)MUST(accept4(l, NULL, NULL, SOCK_NONBLOCK));
		add(set, fd, EPOLLIN | EPOLLRDHUP, fd);
		if (epoll_wait(set, &e, 1, 5000) != 1 || e.data.fd != fd)
			broken("no ping");
		good += recv(fd, buf, 10, 0) == 1;
		MUST(peer_end());
		good += recv(fd, buf, 10, 0) < 0 && errno == EAGAIN;
		peer_do(PEER_CLOSE, i, 0, 0);
		if (epoll_wait(set, &e, 1, 5000) != 1 || e.data.fd != fd)
			broken("no end");
		good += recv(fd, buf, 10, 0) == 0;
		close(fd);
	}
	say("%d of 60", good);
	(void)p;
}

/* A non-blocking connect, registered before and after the call. */
static void client_loop(struct pair *p)
{
	for (int early = 0; early < 2; early++) {
		int port = (int)MUST(peer_do(PEER_LISTEN, 0, 4, 0));
		int set = new_set(), s, error = -1;
		struct sockaddr_storage addr;
		socklen_t len = sem_addr(&addr, port), size = sizeof(error);

		s = (int)MUST(socket(sem_family, SOCK_STREAM | SOCK_NONBLOCK, 0));
		peer_begin(PEER_ACCEPT, 0, 40, OPEN_PING, 0);
		if (early) {
			add(set, s, EPOLLIN | EPOLLOUT | EPOLLET, 1);
			show_wait(set, 0);
		}
		SHOW(connect(s, (struct sockaddr *)&addr, len));
		if (!early)
			add(set, s, EPOLLIN | EPOLLOUT, 1);
		show_wait(set, -1);
		MUST(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size));
		say("SO_ERROR %d", error);
		MUST(send(s, "!", 1, MSG_NOSIGNAL));
		SHOW(peer_end());
		peer_do(PEER_SEND, 0, 5, 0);
		await_bytes(s, 5);
		show_wait(set, -1);
		peer_do(PEER_CLOSE, 0, 0, 0);
		peer_do(PEER_UNLISTEN, 0, 0, 0);
		close(s);
	}
	(void)p;
}

/*
 * Taken out of the set before the connect, and (`again`) put in once more: what
 * the set knows of the number is then what it was told last.
 */
static void in_and_out(struct pair *p)
{
	for (int again = 0; again < 2; again++) {
		int port = (int)MUST(peer_do(PEER_LISTEN, 0, 4, 0));
		struct sockaddr_storage addr;
		socklen_t len = sem_addr(&addr, port);
		int s, set = new_set();

		s = (int)MUST(socket(sem_family, SOCK_STREAM, 0));
		peer_begin(PEER_ACCEPT, 0, 40, OPEN_PING, 0);
		add(set, s, EPOLLOUT | EPOLLET, 1);
		MUST(epoll_ctl(set, EPOLL_CTL_DEL, s, NULL));
		if (again)
			add(set, s, EPOLLIN, 2);
		SHOW(connect(s, (struct sockaddr *)&addr, len));
		MUST(send(s, "!", 1, MSG_NOSIGNAL));
		SHOW(peer_end());
		peer_do(PEER_SEND, 0, 5, 0);
		await_bytes(s, 5);
		show_wait(set, again ? -1 : 200);
		SHOW(change(set, EPOLL_CTL_ADD, s, EPOLLIN, 3));
		show_wait(set, -1);
		SHOW(change(set, EPOLL_CTL_DEL, s, 0, 0));
		SHOW(change(set, EPOLL_CTL_DEL, s, 0, 0));
		show_wait(set, 0);
		peer_do(PEER_CLOSE, 0, 0, 0);
		peer_do(PEER_UNLISTEN, 0, 0, 0);
		close(s);
	}
	(void)p;
}

#define MANY 40

static void many(struct pair *unused)
{
	static struct pair p[MANY];
	struct epoll_event e[MOST];
	int set = new_set(), good = 0;

	(void)unused;
	for (int i = 0; i < MANY; i++) {
		pair_open(&p[i], i);
		add(set, p[i].fd, i % 2 ? EPOLLIN : EPOLLIN | EPOLLET, i);
	}
	for (int round = 0; round < 400; round++) {
		int i = round * 7 % MANY, n;

		peer_begin(PEER_SEND, i, 0, 100, 0);
		n = epoll_wait(set, e, MOST, 5000);
		if (n != 1 || e[0].data.u64 != (uint64_t)i)
			broken("round %d: %d events", round, n);
		await_bytes(p[i].fd, 100);
		pair_receive(&p[i], 100);
		good += peer_end() == 100;
		if (i % 2 == 0)
			continue;
		n = epoll_wait(set, e, MOST, 0);
		if (n != 0)
			broken("round %d: %d events too many", round, n);
	}
	say("%d good rounds", good);
	for (int i = 0; i < MANY; i++)
		pair_close(&p[i]);
	show_wait(set, 0);
}

/* A closed connection's number comes back as another's, in the same set. */
static void number_comes_back(struct pair *p)
{
	int set = new_set();

	for (int i = 1; i <= 10; i++) {
		add(set, p->fd, EPOLLIN, i);
		peer_send(p, 10);
		if (show_wait(set, -1) != 1)
			broken("round %d", i);
		pair_receive(p, 10);
		close(p->fd);
		pair_open(p, i);
	}
	show_wait(set, 0);
}

static void *read_one(void *fd)
{
	char byte;

	return (void *)(long)recv(*(int *)fd, &byte, 1, 0);
}

/* A call that is in flight keeps the connection, but not its number. */
static void number_again(struct pair *p)
{
	struct pair q = { .fd = -1 };
	struct epoll_event e = { .data.u64 = 0 };
	int set = new_set(), old = p->fd;
	pthread_t thread;
	void *got;

	add(set, old, EPOLLIN, 1);
	pthread_create(&thread, NULL, read_one, &old);
	nap(60);
	MUST(close(old));
	pair_open(&q, 1);
	if (q.fd != old) {
		MUST(dup2(q.fd, old));
		MUST(close(q.fd));
		q.fd = old;
	}
	pair_warm(&q);
	SHOW(change(set, EPOLL_CTL_ADD, q.fd, EPOLLIN, 2));
	peer_send(&q, 10);
	SHOW(epoll_wait(set, &e, 1, 3000));
	say("of %d", (int)e.data.u64);
	pair_receive(&q, 10);
	SHOW(change(set, EPOLL_CTL_DEL, q.fd, 0, 0));
	pair_close(&q);
	SHOW(peer_send(p, 1));
	pthread_join(thread, &got);
	say("the other thread got %ld", (long)got);
	p->fd = -1;
}

const struct sem_case sem_cases[] = {
	{ "two_sets", LANE, two_sets, "one connection in two sets" },
	{ "duplicates", LANE, duplicates, "one connection twice in a set" },
	{ "nested", LANE, nested, "a set in a set, in poll, in select" },
	{ "added_while_waiting", LANE, added_while_waiting, "ADD under a waiting thread" },
	{ "number_again", LANE, number_again, "an fd closed in use, and its number again" },
	{ "changed_while_waiting", LANE, changed_while_waiting, "MOD under a waiting thread" },
	{ "deleted_while_waiting", LANE, deleted_while_waiting, "DEL under a waiting thread" },
	{ "closed_while_waiting", LANE, closed_while_waiting, "close under a waiting thread" },
	{ "two_waiters", LANE, two_waiters, "EPOLLET wakes one of two threads" },
	{ "server_loop", SEM_ONCE, server_loop, "accept in an event loop" },
	{ "client_loop", SEM_ONCE, client_loop, "connect in an event loop" },
	{ "in_and_out", SEM_ONCE, in_and_out, "in the set and out before connect" },
	{ "many", 0, many, "40 connections in a set" },
	{ "number_comes_back", LANE, number_comes_back, "a number used again in the same set" },
	{ 0 }
};
