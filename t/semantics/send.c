/* SPDX-License-Identifier: BSD-2-Clause */
/* write writev send sendto sendmsg on a connected stream. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 20];
static volatile int pipes;

static void on_pipe(int signal)
{
	(void)signal;
	pipes++;
}

static long gone(struct pair *p, long n)
{
	if (n > 0)
		p->tx += n;
	return n;
}

static void five_calls(struct pair *p)
{
	struct iovec v = { buf, 100 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	pair_next(p, buf, 100);
	SHOW(gone(p, write(p->fd, buf, 100)));
	pair_next(p, buf, 100);
	SHOW(gone(p, writev(p->fd, &v, 1)));
	pair_next(p, buf, 100);
	SHOW(gone(p, send(p->fd, buf, 100, 0)));
	pair_next(p, buf, 100);
	SHOW(gone(p, sendto(p->fd, buf, 100, 0, NULL, 0)));
	pair_next(p, buf, 100);
	SHOW(gone(p, sendmsg(p->fd, &m, 0)));
	SHOW(peer_receive(p, 500));
}

static void zero_length(struct pair *p)
{
	struct iovec v[2] = { { buf, 0 }, { NULL, 0 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	struct msghdr none = { .msg_iovlen = 0 };

	SHOW(write(p->fd, buf, 0));
	SHOW(send(p->fd, buf, 0, 0));
	SHOW(send(p->fd, NULL, 0, MSG_DONTWAIT));
	SHOW(writev(p->fd, v, 2));
	SHOW(writev(p->fd, v, 0));
	SHOW(sendmsg(p->fd, &m, 0));
	SHOW(sendmsg(p->fd, &none, 0));
	pair_send(p, 5);
	SHOW(peer_receive(p, 5));
	SHOW(peer_poll(p, POLLIN, 50));
}

static void vectors(struct pair *p)
{
	struct iovec v[5] = { { buf, 1 }, { buf + 1, 0 }, { buf + 1, 9 },
		{ NULL, 0 }, { buf + 10, 70000 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 5 };

	peer_begin(PEER_RECEIVE, p->slot, 0, 2 * 70010, 0);
	pair_next(p, buf, 70010);
	SHOW(gone(p, writev(p->fd, v, 5)));
	pair_next(p, buf, 70010);
	SHOW(gone(p, sendmsg(p->fd, &m, 0)));
	SHOW(peer_end());
}

static void many_vectors(struct pair *p)
{
	static struct iovec v[1025];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 1025 };

	for (int i = 0; i < 1025; i++)
		v[i] = (struct iovec){ buf + 3 * i, 3 };
	pair_next(p, buf, 3075);
	SHOW(writev(p->fd, v, 1025));
	SHOW(writev(p->fd, v, opaque(-1)));
	SHOW(sendmsg(p->fd, &m, 0));
	SHOW(gone(p, writev(p->fd, v, 1024)));
	SHOW(peer_receive(p, 3072));
	SHOW(peer_poll(p, POLLIN, 50));
}

static void faults(struct pair *p)
{
	struct iovec v = { nowhere(), 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	SHOW(write(p->fd, nowhere(), 10));
	SHOW(send(p->fd, nowhere(), 10, 0));
	SHOW(writev(p->fd, &v, 1));
	SHOW(writev(p->fd, nowhere(), 1));
	SHOW(sendmsg(p->fd, &m, 0));
	SHOW(sendmsg(p->fd, nowhere(), 0));
	pair_send(p, 5);
	SHOW(peer_receive(p, 5));
	SHOW(peer_poll(p, POLLIN, 50));
}

/* A second part that faults: nothing or the first part goes out. */
static void faults_late(struct pair *p)
{
	struct iovec v[2] = { { buf, 10 }, { nowhere(), 10 } };
	long n;

	pair_next(p, buf, 10);
	n = gone(p, SHOW(writev(p->fd, v, 2)));
	pair_send(p, 5);
	SHOW(peer_receive(p, 5 + (n > 0 ? n : 0)));
	SHOW(peer_poll(p, POLLIN, 50));
}

static void with_address(struct pair *p)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, 9);
	struct iovec v = { buf, 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
		.msg_name = &addr, .msg_namelen = len };

	pair_next(p, buf, 10);
	SHOW(gone(p, sendto(p->fd, buf, 10, 0, (void *)&addr, len)));
	pair_next(p, buf, 10);
	SHOW(gone(p, sendmsg(p->fd, &m, 0)));
	pair_next(p, buf, 10);
	SHOW(gone(p, sendto(p->fd, buf, 10, 0, (void *)&addr, 1)));
	SHOW(peer_receive(p, 30));
}

/* Ancillary data that TCP does not take, or that is malformed. */
static void ancillary(struct pair *p)
{
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } c;
	struct iovec v = { buf, 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof(c) };
	uint64_t before = p->tx;

	memset(&c, 0, sizeof(c));
	c.align.cmsg_len = CMSG_LEN(sizeof(int));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = 12345;
	pair_next(p, buf, 10);
	SHOW(gone(p, sendmsg(p->fd, &m, 0)));
	c.align.cmsg_len = 3;
	SHOW(gone(p, sendmsg(p->fd, &m, 0)));
	c.align.cmsg_len = CMSG_LEN(sizeof(int));
	c.align.cmsg_type = SCM_RIGHTS;
	pair_next(p, buf, 10);
	SHOW(gone(p, sendmsg(p->fd, &m, 0)));
	m.msg_controllen = 0;
	pair_next(p, buf, 10);
	SHOW(gone(p, sendmsg(p->fd, &m, 0)));
	SHOW(peer_receive(p, p->tx - before));
	SHOW(peer_poll(p, POLLIN, 50));
}

static void flags(struct pair *p)
{
	pair_next(p, buf, 10);
	SHOW(gone(p, send(p->fd, buf, 10, MSG_NOSIGNAL)));
	pair_next(p, buf, 10);
	SHOW(gone(p, send(p->fd, buf, 10, MSG_DONTWAIT)));
	pair_next(p, buf, 10);
	SHOW(gone(p, send(p->fd, buf, 10, MSG_DONTROUTE)));
	pair_next(p, buf, 10);
	SHOW(gone(p, send(p->fd, buf, 10, MSG_CONFIRM | MSG_EOR)));
	pair_next(p, buf, 10);
	SHOW(gone(p, send(p->fd, buf, 10, 0x01000000)));
	SHOW(peer_receive(p, 50));
}

/* Held back, and delivered with what follows. */
static void more(struct pair *p)
{
	for (int i = 0; i < 10; i++) {
		pair_next(p, buf, 10);
		gone(p, send(p->fd, buf, 10, MSG_MORE));
	}
	pair_next(p, buf, 10);
	SHOW(gone(p, send(p->fd, buf, 10, 0)));
	SHOW(peer_receive(p, 110));
	pair_next(p, buf, 10);
	SHOW(gone(p, send(p->fd, buf, 10, MSG_MORE)));
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(peer_drain(p));
}

/* Held back for good by nothing: MSG_MORE is sent after 200 ms at most. */
static void more_alone(struct pair *p)
{
	pair_next(p, buf, 10);
	SHOW(gone(p, send(p->fd, buf, 10, MSG_MORE)));
	SHOW(peer_receive(p, 10));
}

static void cork(struct pair *p)
{
	int on = 1, off = 0;

	SHOW(setsockopt(p->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)));
	pair_send(p, 10);
	pair_send(p, 10);
	SHOW(setsockopt(p->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off)));
	SHOW(peer_receive(p, 20));
}

static void unconnected(struct pair *p)
{
	struct iovec v = { buf, 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int s = sem_socket();

	signal(SIGPIPE, on_pipe);
	SHOW(write(s, buf, 10));
	SHOW(send(s, buf, 10, 0));
	SHOW(sendmsg(s, &m, MSG_NOSIGNAL));
	SHOW(sendto(s, buf, 10, MSG_NOSIGNAL, NULL, 0));
	SHOW(close(s));
	SHOW(send(s, buf, 10, 0));
	SHOW(write(-1, buf, 10));
	SHOW(send(0, buf, 10, 0));
	SHOW(pipes);
	(void)p;
}

/* The peer has closed with nothing unread: the first send still works. */
static void peer_closed(struct pair *p)
{
	signal(SIGPIPE, on_pipe);
	peer_close(p);
	await_end(p->fd);
	SHOW(send(p->fd, buf, 10, 0));
	if (!await_events(p->fd, POLLERR | POLLHUP))
		say("no error came");
	SHOW(write(p->fd, buf, 10));
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
	SHOW(pipes);
	SHOW(recv(p->fd, buf, 10, 0));
}

static void sigpipe(struct pair *p)
{
	struct iovec v = { buf, 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	signal(SIGPIPE, on_pipe);
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(write(p->fd, buf, 10));
	SHOW(writev(p->fd, &v, 1));
	SHOW(send(p->fd, buf, 10, 0));
	SHOW(sendto(p->fd, buf, 10, 0, NULL, 0));
	SHOW(sendmsg(p->fd, &m, 0));
	SHOW(pipes);
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
	SHOW(sendmsg(p->fd, &m, MSG_NOSIGNAL));
	SHOW(pipes);
	SHOW(write(p->fd, buf, 0));
	SHOW(send(p->fd, buf, 0, MSG_NOSIGNAL));
	SHOW(pipes);
	signal(SIGPIPE, SIG_IGN);
	SHOW(write(p->fd, buf, 10));
	SHOW(pipes);
}

/* The default action ends the process: told by the harness. */
static void sigpipe_kills(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(write(p->fd, buf, 10));
	say("still alive");
}

/* Send until refused 200 ms apart; returns the amount. */
static long fill(struct pair *p, int flags)
{
	long total = 0;

	for (int refused = 0; refused < 2;) {
		ssize_t r;

		pair_next(p, buf, 16384);
		r = send(p->fd, buf, 16384, flags | MSG_NOSIGNAL);
		if (r == 0 || (r < 0 && errno != EAGAIN))
			broken("fill: %zd %s", r, errno_name(errno));
		if (r > 0) {
			total += gone(p, r);
			refused = 0;
		} else if (++refused < 2) {
			nap(200);
		}
	}
	return total;
}

static void full(struct pair *p)
{
	long n = fill(p, MSG_DONTWAIT);

	say("took %s", n > 0 ? "some" : "nothing");
	SHOW(send(p->fd, buf, 100000, MSG_DONTWAIT));
	show_poll(p->fd, POLLOUT, 0);
	say("peer got %s", peer_receive(p, n) == n ? "all" : "less");
	show_poll(p->fd, POLLOUT, 3000);
	pair_next(p, buf, 100);
	SHOW(gone(p, send(p->fd, buf, 100, MSG_DONTWAIT)));
	SHOW(peer_receive(p, 100));
}

static void full_nonblocking(struct pair *p)
{
	struct iovec v[2] = { { buf, 10000 }, { buf, 90000 } };
	long n;

	SHOW(fcntl(p->fd, F_SETFL, O_RDWR | O_NONBLOCK));
	n = fill(p, 0);
	SHOW(write(p->fd, buf, 100000));
	SHOW(writev(p->fd, v, 2));
	say("peer got %s", peer_receive(p, n) == n ? "all" : "less");
	show_poll(p->fd, POLLOUT, 3000);
}

/* More than fits: a blocking send waits and takes everything. */
static void blocking_takes_all(struct pair *p)
{
	static char big[12 << 20];

	peer_later(p, 50, PEER_RECEIVE, sizeof(big), 0);
	pair_next(p, big, sizeof(big));
	SHOW(gone(p, write(p->fd, big, sizeof(big))));
	SHOW(peer_end());
}

/* More than fits: a non-blocking one takes a part, never all, never lies. */
static void partial(struct pair *p)
{
	static char big[32 << 20];
	long n;

	pair_next(p, big, sizeof(big));
	n = gone(p, send(p->fd, big, sizeof(big), MSG_DONTWAIT));
	say("took %s", n <= 0 ? "nothing" :
	    n < (long)sizeof(big) ? "a part" : "all");
	say("peer got %s", peer_receive(p, n) == n ? "that" : "other");
	SHOW(peer_poll(p, POLLIN, 50));
}

static void drained_between(struct pair *p)
{
	for (int i = 0; i < 5; i++) {
		long n = fill(p, MSG_DONTWAIT);

		say("%s", peer_receive(p, n) == n ? "good" : "BAD");
	}
}

/* A part is gone when the peer resets: the error is for the next call. */
static void part_then_reset(struct pair *p)
{
	static char big[32 << 20];
	long n;

	signal(SIGPIPE, on_pipe);
	peer_begin(PEER_RESET, p->slot, 300, 0, 0);
	n = send(p->fd, big, sizeof(big), 0);
	say("%s", n > 0 && n < (long)sizeof(big) ? "a part" : "else");
	say("SIGPIPE %d", pipes);
	SHOW(send(p->fd, big, 10, 0));
	say("SIGPIPE %d", pipes);
	SHOW(send(p->fd, big, 10, 0));
	say("SIGPIPE %d", pipes);
	peer_end();
}

/* One signal for one call. */
static void sigpipe_once(struct pair *p)
{
	signal(SIGPIPE, on_pipe);
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(write(p->fd, buf, 10));
	say("SIGPIPE %d", pipes);
	SHOW(send(p->fd, buf, 10, MSG_NOSIGNAL));
	say("SIGPIPE %d", pipes);
	SHOW(writev(p->fd, &(struct iovec){ buf, 10 }, 1));
	say("SIGPIPE %d", pipes);
}

/* A connection cannot be opened once more. */
static void fast_open(struct pair *p)
{
	struct iovec iov = { buf, 10 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	SHOW(send(p->fd, buf, 10, MSG_FASTOPEN | MSG_NOSIGNAL));
	SHOW(sendmsg(p->fd, &msg, MSG_FASTOPEN | MSG_NOSIGNAL));
	SHOW(peer_poll(p, POLLIN, 50));
}

const struct sem_case sem_cases[] = {
	{ "part_then_reset", LANE, part_then_reset, "a part of a send, a reset" },
	{ "sigpipe_once", LANE, sigpipe_once, "one SIGPIPE a call" },
	{ "sigpipe_once_raw", SEM_PAIR, sigpipe_once, "the same before there is a lane" },
	{ "fast_open", LANE, fast_open, "MSG_FASTOPEN on a connection" },
	{ "five_calls", LANE, five_calls, "each sending call sends 100 bytes" },
	{ "zero_length", LANE, zero_length, "zero bytes send nothing" },
	{ "vectors", LANE, vectors, "iovec splits, zero-length parts" },
	{ "many_vectors", LANE, many_vectors, "IOV_MAX and beyond" },
	{ "faults", LANE, faults, "EFAULT sends nothing" },
	{ "faults_late", LANE, faults_late, "the second part faults" },
	{ "with_address", LANE, with_address, "an address on a connected stream" },
	{ "ancillary", LANE, ancillary, "control messages TCP does not take" },
	{ "flags", LANE, flags, "flags that mean little on a stream" },
	{ "more", LANE, more, "MSG_MORE, then data, then shutdown" },
	{ "more_alone", LANE, more_alone, "MSG_MORE and nothing after it" },
	{ "cork", LANE, cork, "TCP_CORK" },
	{ "unconnected", SEM_ONCE, unconnected, "EPIPE, EBADF, ENOTSOCK" },
	{ "peer_closed", LANE, peer_closed, "sends after the peer has closed" },
	{ "sigpipe", LANE, sigpipe, "SIGPIPE and MSG_NOSIGNAL" },
	{ "sigpipe_kills", LANE, sigpipe_kills, "SIGPIPE with its default action" },
	{ "full", LANE, full, "EAGAIN when full, POLLOUT when drained" },
	{ "full_nonblocking", LANE, full_nonblocking, "the same with O_NONBLOCK" },
	{ "blocking_takes_all", LANE, blocking_takes_all, "12 MiB in one write" },
	{ "partial", LANE, partial, "a part of 32 MiB without blocking" },
	{ "drained_between", LANE, drained_between, "five times full and drained" },
	{ 0 }
};
