/* SPDX-License-Identifier: BSD-2-Clause */
/* close, exit and death of either end, with and without data on its way. */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

static void take(struct pair *p, const char *what, long n)
{
	int err = errno;

	if (n < 0)
		say("%s = -1 %s", what, errno_name(err));
	else
		say("%s = %ld, %s", what, n, pair_check(p, buf, n));
}

static int so_error(int fd)
{
	int value = -1;
	socklen_t len = sizeof(value);

	MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len));
	return value;
}

static void plainly(struct pair *p)
{
	SHOW(close(p->fd));
	SHOW(close(p->fd));
	SHOW(recv(p->fd, buf, 1, 0));
	SHOW(send(p->fd, buf, 1, MSG_NOSIGNAL));
	p->fd = -1;
	SHOW(peer_drain(p));
	SHOW(close(-1));
	SHOW(close(999));
}

static void in_flight(struct pair *p)
{
	peer_begin(PEER_DRAIN, p->slot, 80, 0, 0);
	pair_send(p, 3 << 20);
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_end());
}

static void peer_in_flight(struct pair *p)
{
	peer_begin(PEER_SEND, p->slot, 0, 3 << 20, 0);
	pair_receive(p, 1 << 20);
	nap(30);
	pair_receive(p, 2 << 20);
	SHOW(peer_end());
	SHOW(peer_close(p));
	SHOW(recv(p->fd, buf, 1, 0));
}

/* Data the peer sent is not read: the peer is told by a reset. */
static void unread(struct pair *p)
{
	peer_send(p, 50);
	await_bytes(p->fd, 50);
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_receive(p, 1));
	SHOW(peer_receive(p, 1));
	SHOW(peer_send(p, 1));
}

/* ... but what we had sent before can still be read. */
static void unread_after_sending(struct pair *p)
{
	peer_send(p, 50);
	await_bytes(p->fd, 50);
	pair_send(p, 100);
	SHOW(peer_receive(p, 1));
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_receive(p, 99));
	SHOW(peer_receive(p, 1));
}

static void peer_unread(struct pair *p)
{
	pair_send(p, 50);
	SHOW(peer_poll(p, POLLIN, 3000) == POLLIN);
	SHOW(peer_close(p));
	if (!await_events(p->fd, POLLERR | POLLHUP))
		say("no error came");
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
}

static void peer_unread_send_first(struct pair *p)
{
	pair_send(p, 50);
	peer_poll(p, POLLIN, 3000);
	SHOW(peer_close(p));
	if (!await_events(p->fd, POLLERR | POLLHUP))
		say("no error came");
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
	SHOW(recv(p->fd, buf, 10, 0));
}

static void peer_unread_so_error(struct pair *p)
{
	pair_send(p, 50);
	peer_poll(p, POLLIN, 3000);
	SHOW(peer_close(p));
	if (!await_events(p->fd, POLLERR | POLLHUP))
		say("no error came");
	say("SO_ERROR %s", errno_name(so_error(p->fd)));
	say("SO_ERROR %s", errno_name(so_error(p->fd)));
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
}

static void peer_unread_with_data(struct pair *p)
{
	pair_send(p, 50);
	peer_poll(p, POLLIN, 3000);
	peer_send(p, 30);
	await_bytes(p->fd, 30);
	SHOW(peer_close(p));
	if (!await_events(p->fd, POLLERR | POLLHUP))
		say("no error came");
	take(p, "recv", recv(p->fd, buf, 20, 0));
	take(p, "recv", recv(p->fd, buf, 20, 0));
	take(p, "recv", recv(p->fd, buf, 20, 0));
	take(p, "recv", recv(p->fd, buf, 20, 0));
}

static void linger_zero(struct pair *p)
{
	struct linger now = { 1, 0 };

	pair_send(p, 10);
	SHOW(peer_receive(p, 10));
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_receive(p, 1));
	SHOW(peer_receive(p, 1));
}

static void linger_some(struct pair *p)
{
	struct linger some = { 1, 5 };

	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &some, sizeof(some)));
	peer_begin(PEER_DRAIN, p->slot, 50, 0, 0);
	pair_send(p, 1 << 20);
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_end());
}

static void peer_resets(struct pair *p)
{
	SHOW(peer_reset(p));
	if (!await_events(p->fd, POLLERR | POLLHUP))
		say("no error came");
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
}

static void reset_wakes_recv(struct pair *p)
{
	peer_later(p, 50, PEER_RESET, 0, 0);
	SHOW(recv(p->fd, buf, 10, 0));
	peer_end();
	SHOW(recv(p->fd, buf, 10, 0));
}

static void close_wakes_recv(struct pair *p)
{
	peer_later(p, 50, PEER_CLOSE, 0, 0);
	SHOW(recv(p->fd, buf, 10, 0));
	peer_end();
	SHOW(recv(p->fd, buf, 10, 0));
}

static void pending_data(struct pair *p)
{
	SHOW(peer_send(p, 20000));
	SHOW(peer_close(p));
	await_end(p->fd);
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	take(p, "recv", recv(p->fd, buf, 15000, MSG_WAITALL));
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	take(p, "recv", recv(p->fd, buf, 15000, MSG_WAITALL));
	take(p, "recv", recv(p->fd, buf, 15000, MSG_WAITALL));
}

static void ask_exit(struct pair *p, enum peer_op op)
{
	peer_begin(op, p->slot, 0, 0, 0);
	say("the peer %s", peer_end() < 0 && errno == ECHILD ? "is gone" : "lives");
}

static void exits(struct pair *p, enum peer_op op)
{
	SHOW(peer_send(p, 50000));
	ask_exit(p, op);
	await_end(p->fd);
	take(p, "recv", recv(p->fd, buf, sizeof(buf), MSG_WAITALL));
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
}

static void peer_exits(struct pair *p)	/* _exit(2) */
{
	exits(p, PEER_EXIT);
}

static void peer_exits_c(struct pair *p)	/* _Exit(3) */
{
	exits(p, PEER_EXIT_C);
}

static void peer_exits_quick(struct pair *p)	/* quick_exit(3) */
{
	exits(p, PEER_EXIT_QUICK);
}

static void peer_exits_full(struct pair *p)
{
	exits(p, PEER_EXIT_FULL);
}

static void peer_killed(struct pair *p)
{
	SHOW(peer_send(p, 5000));
	await_bytes(p->fd, 5000);
	ask_exit(p, PEER_KILL);
	await_end(p->fd);
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
}

/* What had come stays, however late it is read. */
static void peer_killed_read_late(struct pair *p)
{
	SHOW(peer_send(p, 5000));
	await_bytes(p->fd, 5000);
	ask_exit(p, PEER_KILL);
	await_end(p->fd);
	nap(1500);
	show_poll(p->fd, POLLIN | POLLRDHUP, 0);
	take(p, "recv", recv(p->fd, buf, 2000, 0));
	show_poll(p->fd, POLLIN | POLLRDHUP, 0);
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
}

static void peer_killed_unread(struct pair *p)
{
	pair_send(p, 50);
	SHOW(peer_poll(p, POLLIN, 3000) == POLLIN);
	ask_exit(p, PEER_KILL);
	if (!await_events(p->fd, POLLERR | POLLHUP))
		say("no error came");
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(recv(p->fd, buf, 10, 0));
}

static void peer_killed_while_we_wait(struct pair *p)
{
	peer_later(p, 60, PEER_KILL, 0, 0);
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(recv(p->fd, buf, 10, 0));
}

struct waiter { int fd; atomic_int tid; long got; int err; };

static void *wait_recv(void *arg)
{
	struct waiter *w = arg;

	w->tid = gettid();
	w->got = recv(w->fd, buf, 100, 0);
	w->err = errno;
	return NULL;
}

/* The blocked call keeps the connection: it still gets what comes. */
static void while_reading(struct pair *p)
{
	struct waiter w = { .fd = p->fd };
	pthread_t thread;

	pthread_create(&thread, NULL, wait_recv, &w);
	await_asleep(&w.tid);
	SHOW(close(p->fd));
	nap(60);
	SHOW(peer_send(p, 10));
	pthread_join(thread, NULL);
	take(p, "the blocked recv", w.got);
	SHOW(recv(p->fd, buf, 1, 0));
	p->fd = -1;
	SHOW(peer_drain(p));
}

static void while_reading_end(struct pair *p)
{
	struct waiter w = { .fd = p->fd };
	pthread_t thread;

	pthread_create(&thread, NULL, wait_recv, &w);
	await_asleep(&w.tid);
	SHOW(close(p->fd));
	p->fd = -1;
	nap(30);
	SHOW(peer_shutdown(p, SHUT_WR));
	pthread_join(thread, NULL);
	say("the blocked recv = %ld", w.got);
	SHOW(peer_drain(p));
}

static void at_once(struct pair *p)
{
	int closed = 0, got = 0;

	for (int i = 0; i < 200; i++) {
		pair_open(p, 0);
		pair_send(p, 1 + i);
		closed += close(p->fd) == 0;
		p->fd = -1;
		got += peer_drain(p) == 1 + i;
		peer_close(p);
	}
	say("%d closed, %d received in full", closed, got);
}

static void peer_at_once(struct pair *p)
{
	int got = 0;

	for (int i = 0; i < 200; i++) {
		pair_open(p, 0);
		peer_send(p, 1 + i);
		peer_close(p);
		got += recv(p->fd, buf, 1000, MSG_WAITALL) == 1 + i &&
		       data_good(buf, 1 + i, 0) &&
		       recv(p->fd, buf, 1, 0) == 0;
		pair_close(p);
	}
	say("%d received in full", got);
}

static void close_only(struct pair *p)
{
	int ends = 0;

	for (int i = 0; i < 50; i++) {
		pair_open(p, 0);
		pair_close(p);
		ends += peer_drain(p) == 0;
		peer_close(p);
	}
	say("%d ends seen", ends);
}

const struct sem_case sem_cases[] = {
	{ "plainly", LANE, plainly, "close, close again, and EBADF" },
	{ "in_flight", LANE, in_flight, "3 MiB, then close at once" },
	{ "peer_in_flight", LANE, peer_in_flight, "the peer's 3 MiB, then its close" },
	{ "unread", LANE, unread, "close with data unread resets the peer" },
	{ "unread_after_sending", LANE, unread_after_sending, "the same with our data before it" },
	{ "peer_unread", LANE, peer_unread, "the peer leaves our data unread" },
	{ "peer_unread_send_first", LANE, peer_unread_send_first, "the same, seen by send" },
	{ "peer_unread_so_error", LANE, peer_unread_so_error, "the same, seen by SO_ERROR" },
	{ "peer_unread_with_data", LANE, peer_unread_with_data,
	  "the same with data for us before it" },
	{ "linger_zero", LANE, linger_zero, "SO_LINGER 0 resets" },
	{ "linger_some", LANE, linger_some, "SO_LINGER 5 s waits for the data" },
	{ "peer_resets", LANE, peer_resets, "the peer resets an idle connection" },
	{ "reset_wakes_recv", LANE, reset_wakes_recv, "a reset ends a blocked recv" },
	{ "close_wakes_recv", LANE, close_wakes_recv, "the peer's close ends a blocked recv" },
	{ "pending_data", LANE, pending_data, "20000 bytes, close, then we read" },
	{ "peer_exits", LANE | SEM_PROCS, peer_exits, "the peer sends and exits" },
	{ "peer_exits_c", LANE | SEM_PROCS, peer_exits_c, "... with _Exit" },
	{ "peer_exits_quick", LANE | SEM_PROCS, peer_exits_quick, "... with quick_exit" },
	{ "peer_exits_full", LANE | SEM_PROCS, peer_exits_full, "... with exit" },
	{ "peer_killed", LANE | SEM_PROCS, peer_killed, "kill -9 of the peer, data read before" },
	{ "peer_killed_read_late", LANE | SEM_PROCS, peer_killed_read_late,
	  "the same, read much later" },
	{ "peer_killed_unread", LANE | SEM_PROCS, peer_killed_unread,
	  "kill -9 of a peer with our data unread" },
	{ "peer_killed_while_we_wait", LANE | SEM_PROCS, peer_killed_while_we_wait,
	  "kill -9 ends a blocked recv" },
	{ "while_reading", LANE, while_reading, "close under a blocked recv, then data" },
	{ "while_reading_end", LANE, while_reading_end, "close under a blocked recv, then EOF" },
	{ "at_once", 0, at_once, "200 connections closed after one send" },
	{ "peer_at_once", 0, peer_at_once, "200 connections the peer closes" },
	{ "close_only", 0, close_only, "50 connections closed unused" },
	{ 0 }
};
