/* SPDX-License-Identifier: BSD-2-Clause */
/* shutdown: each way, in each order, seen from both ends. */
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

/* We are done writing; the peer still answers. */
static void write_side(struct pair *p)
{
	pair_send(p, 100);
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(send(p->fd, buf, 1, MSG_NOSIGNAL));
	SHOW(peer_drain(p));
	SHOW(peer_send(p, 5000));
	await_bytes(p->fd, 5000);
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
	SHOW(recv(p->fd, buf, 1, MSG_DONTWAIT));
	SHOW(peer_close(p));
	take(p, "recv at the end", recv(p->fd, buf, sizeof(buf), 0));
	take(p, "recv again", recv(p->fd, buf, sizeof(buf), 0));
}

/* The peer is done writing; we still answer. */
static void peer_write_side(struct pair *p)
{
	peer_send(p, 100);
	SHOW(peer_shutdown(p, SHUT_WR));
	await_end(p->fd);
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
	pair_send(p, 50000);
	SHOW(peer_receive(p, 50000));
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_drain(p));
}

/* Much data after our half-close: the reverse direction stays open. */
static void long_answer(struct pair *p)
{
	size_t done = 0;
	bool good = true;

	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(peer_drain(p));
	peer_later(p, 0, PEER_SEND, 4 << 20, 0);
	while (done < 4 << 20) {
		ssize_t r = recv(p->fd, buf, sizeof(buf), 0);

		if (r <= 0)
			break;
		good &= pair_check(p, buf, r)[0] == 'g';
		done += r;
	}
	say("%zu %s", done, good ? "good" : "BAD");
	SHOW(peer_end());
}

/* Data sent just before the shutdown all arrives before EOF. */
static void data_before_end(struct pair *p)
{
	peer_begin(PEER_DRAIN, p->slot, 50, 0, 0);
	pair_send(p, 3 << 20);
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(peer_end());
}

static void read_side(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_RD));
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(recv(p->fd, buf, 10, MSG_DONTWAIT));
	SHOW(recv(p->fd, buf, 10, MSG_PEEK));
	show_poll(p->fd, POLLIN | POLLOUT, 0);
	pair_send(p, 100);
	SHOW(peer_receive(p, 100));
	SHOW(peer_poll(p, POLLIN | POLLOUT, 0) == POLLOUT);
}

/* SHUT_RD does not throw away what is there, nor stop what comes. */
static void read_side_pending(struct pair *p)
{
	peer_send(p, 100);
	await_bytes(p->fd, 100);
	SHOW(shutdown(p->fd, SHUT_RD));
	take(p, "recv", recv(p->fd, buf, 60, 0));
	take(p, "recv", recv(p->fd, buf, 60, 0));
	SHOW(recv(p->fd, buf, 60, 0));
	SHOW(peer_send(p, 20));
	await_bytes(p->fd, 20);
	take(p, "recv", recv(p->fd, buf, 60, 0));
	SHOW(recv(p->fd, buf, 60, 0));
}

static void read_side_wakes(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_RD));
	SHOW(read(p->fd, buf, 1));
	SHOW(recv(p->fd, buf, 100, MSG_WAITALL));
}

static void both(struct pair *p)
{
	pair_send(p, 100);
	SHOW(shutdown(p->fd, SHUT_RDWR));
	SHOW(send(p->fd, buf, 1, MSG_NOSIGNAL));
	SHOW(recv(p->fd, buf, 1, 0));
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	SHOW(peer_drain(p));
	SHOW(peer_shutdown(p, SHUT_WR));
	await_events(p->fd, POLLHUP);
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	SHOW(recv(p->fd, buf, 1, 0));
}

static void one_then_other(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_RD));
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(peer_drain(p));
	SHOW(recv(p->fd, buf, 1, 0));
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
}

static void twice(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(shutdown(p->fd, SHUT_RD));
	SHOW(shutdown(p->fd, SHUT_RD));
	SHOW(shutdown(p->fd, SHUT_RDWR));
	SHOW(peer_drain(p));
}

/* Both have closed both ways: no longer connected. */
static void after_both_ends(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(peer_drain(p));
	SHOW(peer_close(p));
	if (!await_events(p->fd, POLLHUP))
		say("no POLLHUP");
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(shutdown(p->fd, SHUT_RDWR));
	SHOW(recv(p->fd, buf, 1, 0));
	SHOW(send(p->fd, buf, 1, MSG_NOSIGNAL));
}

static void peer_first_then_we(struct pair *p)
{
	SHOW(peer_shutdown(p, SHUT_WR));
	await_end(p->fd);
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	SHOW(recv(p->fd, buf, 1, 0));
	SHOW(shutdown(p->fd, SHUT_WR));
	await_events(p->fd, POLLHUP);
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	SHOW(peer_drain(p));
}

/* The peer shuts both ways; what we send then is answered with a reset. */
static void peer_both(struct pair *p)
{
	peer_send(p, 30);
	SHOW(peer_shutdown(p, SHUT_RDWR));
	await_end(p->fd);
	take(p, "recv", recv(p->fd, buf, 100, 0));
	SHOW(recv(p->fd, buf, 100, 0));
	show_poll(p->fd, POLLIN | POLLOUT | POLLRDHUP, 0);
}

static void wrong(struct pair *p)
{
	int s = sem_socket(), port, l = sem_listen(1, &port);

	SHOW(shutdown(p->fd, 3));
	SHOW(shutdown(p->fd, opaque(-1)));
	SHOW(shutdown(s, SHUT_RD));
	SHOW(shutdown(s, SHUT_WR));
	SHOW(shutdown(0, SHUT_RD));
	SHOW(shutdown(-1, SHUT_RD));
	SHOW(shutdown(999, SHUT_RD));
	close(s);
	close(l);
	pair_send(p, 10);
	SHOW(peer_receive(p, 10));
}

/* Half-closed at once after the connection is made, both ways. */
static void at_once(struct pair *p)
{
	for (int i = 1; i <= 20; i++) {
		pair_open(p, i);
		pair_send(p, 10);
		MUST(shutdown(p->fd, SHUT_WR));
		if (peer_drain(p) != 10)
			say("round %d: peer lost data", i);
		peer_send(p, 20);
		peer_shutdown(p, SHUT_WR);
		pair_receive(p, 20);
		if (recv(p->fd, buf, 1, 0) != 0)
			say("round %d: no EOF", i);
		peer_close(p);
		pair_close(p);
	}
	say("20 rounds");
}

const struct sem_case sem_cases[] = {
	{ "write_side", LANE, write_side, "SHUT_WR, then read to the end" },
	{ "peer_write_side", LANE, peer_write_side, "the peer's SHUT_WR, then we answer" },
	{ "long_answer", LANE, long_answer, "4 MiB the other way after SHUT_WR" },
	{ "data_before_end", LANE, data_before_end, "3 MiB, then SHUT_WR at once" },
	{ "read_side", LANE, read_side, "SHUT_RD is local" },
	{ "read_side_pending", LANE, read_side_pending, "SHUT_RD with data pending and coming" },
	{ "read_side_wakes", LANE, read_side_wakes, "reads after SHUT_RD return at once" },
	{ "both", LANE, both, "SHUT_RDWR" },
	{ "one_then_other", LANE, one_then_other, "SHUT_RD, then SHUT_WR" },
	{ "twice", LANE, twice, "each shutdown twice" },
	{ "after_both_ends", LANE, after_both_ends, "shutdown when both ends are done" },
	{ "peer_first_then_we", LANE, peer_first_then_we, "the peer's SHUT_WR, then ours" },
	{ "peer_both", LANE, peer_both, "the peer's SHUT_RDWR" },
	{ "wrong", LANE, wrong, "EINVAL, ENOTCONN, EBADF, ENOTSOCK" },
	{ "at_once", 0, at_once, "20 short half-closed conversations" },
	{ 0 }
};
