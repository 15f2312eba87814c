/* SPDX-License-Identifier: BSD-2-Clause */
/* read readv recv recvfrom recvmsg on a connected stream. */
#include <netinet/in.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 20];

static void take(struct pair *p, const char *what, long n)
{
	int err = errno;

	if (n < 0)
		say("%s = -1 %s", what, errno_name(err));
	else
		say("%s = %ld, %s", what, n, pair_check(p, buf, n));
}

static void five_calls(struct pair *p)
{
	struct iovec v = { buf, 100 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	peer_send(p, 500);
	await_bytes(p->fd, 500);
	take(p, "read", read(p->fd, buf, 100));
	take(p, "readv", readv(p->fd, &v, 1));
	take(p, "recv", recv(p->fd, buf, 100, 0));
	take(p, "recvfrom", recvfrom(p->fd, buf, 100, 0, NULL, NULL));
	take(p, "recvmsg", recvmsg(p->fd, &m, 0));
	SHOW(recv(p->fd, buf, 1, MSG_DONTWAIT));
}

static void short_reads(struct pair *p)
{
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	take(p, "recv 4", recv(p->fd, buf, 4, 0));
	take(p, "recv 100", recv(p->fd, buf, 100, 0));
	peer_send(p, 1);
	take(p, "read 1", read(p->fd, buf, 1));
}

static void zero_length(struct pair *p)
{
	struct iovec v[2] = { { buf, 0 }, { buf, 0 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	struct msghdr none = { .msg_iovlen = 0 };

	peer_send(p, 10);
	await_bytes(p->fd, 10);
	SHOW(read(p->fd, buf, 0));
	SHOW(recv(p->fd, buf, 0, 0));
	SHOW(recv(p->fd, NULL, 0, MSG_DONTWAIT));
	SHOW(recvfrom(p->fd, buf, 0, 0, NULL, NULL));
	SHOW(readv(p->fd, v, 2));
	SHOW(readv(p->fd, v, 0));
	SHOW(readv(p->fd, NULL, 0));
	SHOW(recvmsg(p->fd, &m, 0));
	SHOW(recvmsg(p->fd, &none, 0));
	take(p, "the bytes", recv(p->fd, buf, 100, 0));
}

/* With nothing there: what returns at once and what would wait. */
static void zero_length_empty(struct pair *p)
{
	struct iovec v = { buf, 0 };

	SHOW(read(p->fd, buf, 0));
	SHOW(readv(p->fd, &v, 1));
	SHOW(readv(p->fd, NULL, 0));
	SHOW(recv(p->fd, buf, 0, MSG_DONTWAIT));
	SHOW(recv(p->fd, buf, 0, MSG_PEEK | MSG_DONTWAIT));
	peer_shutdown(p, SHUT_WR);
	await_end(p->fd);
	SHOW(read(p->fd, buf, 0));
	SHOW(recv(p->fd, buf, 0, 0));
}

static void peek(struct pair *p)
{
	struct iovec v = { buf, 50 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	peer_send(p, 100);
	await_bytes(p->fd, 100);
	for (int i = 0; i < 3; i++) {
		SHOW(recv(p->fd, buf, 60, MSG_PEEK));
		say("peeked: %s", data_good(buf, 60, p->rx) ? "good" : "BAD");
	}
	SHOW(recvfrom(p->fd, buf, 1000, MSG_PEEK, NULL, NULL));
	SHOW(recvmsg(p->fd, &m, MSG_PEEK));
	take(p, "recv 30", recv(p->fd, buf, 30, 0));
	SHOW(recv(p->fd, buf, 1000, MSG_PEEK));
	say("peeked: %s", data_good(buf, 70, p->rx) ? "good" : "BAD");
	take(p, "recv rest", recv(p->fd, buf, 1000, 0));
	SHOW(recv(p->fd, buf, 10, MSG_PEEK | MSG_DONTWAIT));
}

/* Peek grows as more arrives, over many messages. */
static void peek_grows(struct pair *p)
{
	for (int i = 1; i <= 20; i++) {
		peer_send(p, 100);
		await_bytes(p->fd, 100 * i);
	}
	SHOW(recv(p->fd, buf, sizeof(buf), MSG_PEEK));
	say("peeked: %s", data_good(buf, 2000, p->rx) ? "good" : "BAD");
	take(p, "recv", recv(p->fd, buf, sizeof(buf), 0));
}

static void peek_waits(struct pair *p)
{
	peer_later(p, 60, PEER_SEND, 10, 0);
	SHOW(recv(p->fd, buf, 100, MSG_PEEK));
	peer_end();
	take(p, "recv", recv(p->fd, buf, 100, 0));
}

static void peek_end(struct pair *p)
{
	peer_send(p, 5);
	peer_shutdown(p, SHUT_WR);
	await_end(p->fd);
	SHOW(recv(p->fd, buf, 100, MSG_PEEK));
	take(p, "recv", recv(p->fd, buf, 100, 0));
	SHOW(recv(p->fd, buf, 100, MSG_PEEK));
	SHOW(recv(p->fd, buf, 100, MSG_PEEK | MSG_DONTWAIT));
	SHOW(recv(p->fd, buf, 100, MSG_WAITALL));
	SHOW(read(p->fd, buf, 100));
}

static void dontwait(struct pair *p)
{
	struct iovec v = { buf, 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	SHOW(recv(p->fd, buf, 10, MSG_DONTWAIT));
	SHOW(recvfrom(p->fd, buf, 10, MSG_DONTWAIT, NULL, NULL));
	SHOW(recvmsg(p->fd, &m, MSG_DONTWAIT));
	SHOW(recv(p->fd, buf, 10, MSG_DONTWAIT | MSG_WAITALL));
	peer_send(p, 3);
	await_bytes(p->fd, 3);
	take(p, "waitall|dontwait",
	     recv(p->fd, buf, 10, MSG_DONTWAIT | MSG_WAITALL));
	SHOW(recv(p->fd, buf, 10, MSG_DONTWAIT));
}

static void waitall(struct pair *p)
{
	peer_later(p, 0, PEER_TRICKLE, 20, 5);
	take(p, "recv waitall 20", recv(p->fd, buf, 20, MSG_WAITALL));
	peer_end();
	peer_later(p, 20, PEER_SEND, 700000, 0);
	take(p, "recv waitall 700000", recv(p->fd, buf, 700000, MSG_WAITALL));
	peer_end();
	SHOW(recv(p->fd, buf, 1, MSG_DONTWAIT));
}

static void waitall_peek(struct pair *p)
{
	peer_later(p, 0, PEER_TRICKLE, 10, 5);
	SHOW(recv(p->fd, buf, 10, MSG_WAITALL | MSG_PEEK));
	peer_end();
	take(p, "recv", recv(p->fd, buf, 10, MSG_WAITALL));
}

static void waitall_end(struct pair *p)
{
	peer_send(p, 7);
	peer_later(p, 40, PEER_SHUTDOWN, SHUT_WR, 0);
	take(p, "recv waitall", recv(p->fd, buf, 100, MSG_WAITALL));
	peer_end();
	take(p, "recv waitall again", recv(p->fd, buf, 100, MSG_WAITALL));
}

static void waitall_msg(struct pair *p)
{
	struct iovec v[3] = { { buf, 5 }, { buf + 5, 0 }, { buf + 5, 20 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 3 };

	peer_later(p, 0, PEER_TRICKLE, 25, 3);
	take(p, "recvmsg waitall", recvmsg(p->fd, &m, MSG_WAITALL));
	say("flags %#x controllen %zu namelen %u", m.msg_flags,
	    (size_t)m.msg_controllen, m.msg_namelen);
	peer_end();
}

/* On TCP, MSG_TRUNC throws the bytes away. */
static void truncates(struct pair *p)
{
	peer_send(p, 100);
	await_bytes(p->fd, 100);
	memset(buf, 'x', 100);
	SHOW(recv(p->fd, buf, 40, MSG_TRUNC));
	say("buffer %s", buf[0] == 'x' && buf[39] == 'x' ? "untouched" : "written");
	p->rx += 40;
	SHOW(recv(p->fd, NULL, 20, MSG_TRUNC));
	p->rx += 20;
	take(p, "recv", recv(p->fd, buf, 100, 0));
}

static void vectors(struct pair *p)
{
	struct iovec v[6] = { { buf, 1 }, { buf + 1, 0 }, { buf + 1, 7 },
		{ NULL, 0 }, { buf + 8, 92 }, { buf + 100, 1000 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 6 };

	peer_send(p, 150);
	await_bytes(p->fd, 150);
	take(p, "readv", readv(p->fd, v, 6));
	peer_send(p, 5);
	await_bytes(p->fd, 5);
	take(p, "readv part", readv(p->fd, v, 6));
	peer_send(p, 1100);
	await_bytes(p->fd, 1100);
	take(p, "recvmsg", recvmsg(p->fd, &m, 0));
	say("flags %#x", m.msg_flags);
}

static void many_vectors(struct pair *p)
{
	static struct iovec v[1025];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 1025 };

	for (int i = 0; i < 1025; i++)
		v[i] = (struct iovec){ buf + 3 * i, 3 };
	peer_send(p, 3072);
	await_bytes(p->fd, 3072);
	SHOW(readv(p->fd, v, 1025));
	SHOW(readv(p->fd, v, opaque(-1)));
	SHOW(recvmsg(p->fd, &m, 0));
	take(p, "readv 1024", readv(p->fd, v, 1024));
}

/* A bad address costs no data. */
static void faults(struct pair *p)
{
	struct iovec v = { nowhere(), 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	peer_send(p, 20);
	await_bytes(p->fd, 20);
	SHOW(read(p->fd, nowhere(), 10));
	SHOW(recv(p->fd, nowhere(), 10, 0));
	SHOW(readv(p->fd, &v, 1));
	SHOW(readv(p->fd, nowhere(), 1));
	SHOW(recvmsg(p->fd, &m, 0));
	SHOW(recvmsg(p->fd, nowhere(), 0));
	take(p, "recv", recv(p->fd, buf, 100, 0));
}

static void addresses(struct pair *p)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct iovec v = { buf, 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_control = buf + 100, .msg_controllen = 100 };

	peer_send(p, 20);
	await_bytes(p->fd, 20);
	from.ss_family = 77;
	take(p, "recvfrom", recvfrom(p->fd, buf, 10, 0,
				     (struct sockaddr *)&from, &len));
	say("length %u family %s", len, from.ss_family == 77 ? "untouched" : "set");
	take(p, "recvmsg", recvmsg(p->fd, &m, 0));
	say("namelen %u controllen %zu flags %#x", m.msg_namelen,
	    (size_t)m.msg_controllen, m.msg_flags);
}

static void flags(struct pair *p)
{
	peer_send(p, 30);
	await_bytes(p->fd, 30);
	SHOW(recv(p->fd, buf, 10, MSG_ERRQUEUE));
	SHOW(recv(p->fd, buf, 10, MSG_OOB));
	take(p, "recv nosignal", recv(p->fd, buf, 10, MSG_NOSIGNAL));
	take(p, "recv cmsg_cloexec", recv(p->fd, buf, 10, MSG_CMSG_CLOEXEC));
	take(p, "recv unknown flag", recv(p->fd, buf, 10, 0x01000000));
}

static void nonblocking_socket(struct pair *p)
{
	int s = sem_socket();

	SHOW(recv(s, buf, 10, 0));
	SHOW(read(s, buf, 10));
	SHOW(recv(s, buf, 0, 0));
	SHOW(recv(s, buf, 10, MSG_PEEK));
	SHOW(close(s));
	SHOW(recv(s, buf, 10, 0));
	SHOW(read(-1, buf, 10));
	SHOW(recv(0, buf, 10, 0));
	(void)p;
}

static void waits(struct pair *p)
{
	struct iovec v = { buf, 100 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	peer_later(p, 40, PEER_SEND, 10, 0);
	take(p, "read", read(p->fd, buf, 100));
	peer_end();
	peer_later(p, 40, PEER_SEND, 10, 0);
	take(p, "readv", readv(p->fd, &v, 1));
	peer_end();
	peer_later(p, 40, PEER_SEND, 10, 0);
	take(p, "recvfrom", recvfrom(p->fd, buf, 100, 0, NULL, NULL));
	peer_end();
	peer_later(p, 40, PEER_SEND, 10, 0);
	take(p, "recvmsg", recvmsg(p->fd, &m, 0));
	peer_end();
	peer_later(p, 40, PEER_SHUTDOWN, SHUT_WR, 0);
	take(p, "read", read(p->fd, buf, 100));
	peer_end();
}

static void big(struct pair *p)
{
	size_t done = 0;
	bool good = true;

	peer_later(p, 0, PEER_SEND, 8 << 20, 0);
	while (done < 8 << 20) {
		ssize_t r = read(p->fd, buf, 1 + done % sizeof(buf));

		if (r <= 0)
			break;
		good &= !strcmp(pair_check(p, buf, r), "good");
		done += r;
	}
	say("received %zu %s", done, good ? "good" : "BAD");
	SHOW(peer_end());
}

static void byte_by_byte(struct pair *p)
{
	int good = 0;

	peer_later(p, 0, PEER_SEND, 3000, 0);
	for (int i = 0; i < 3000; i++)
		if (read(p->fd, buf, 1) == 1)
			good += pair_check(p, buf, 1)[0] == 'g';
	SHOW(peer_end());
	say("%d good bytes", good);
	SHOW(recv(p->fd, buf, 1, MSG_DONTWAIT));
}

/* The peer's urgent byte, after and before others. */
static void urgent(struct pair *p)
{
	char byte = 0;

	SHOW(peer_send(p, 500));
	pair_receive(p, 200);
	SHOW(peer_do(PEER_URGENT, p->slot, 0, 0));
	SHOW(await_events(p->fd, POLLPRI));
	SHOW(recv(p->fd, &byte, 1, MSG_OOB));
	say("it is %c", byte);
	pair_receive(p, 300);
	SHOW(peer_send(p, 1000));
	pair_receive(p, 1000);
	SHOW(send(p->fd, "v", 1, MSG_OOB | MSG_NOSIGNAL));
	pair_send(p, 300);
	SHOW(peer_receive(p, 300));
}

/* How much there is, without taking it, and no buffer to put it into. */
static void peek_amount(struct pair *p)
{
	peer_send(p, 60000);
	await_bytes(p->fd, 60000);
	SHOW(recv(p->fd, NULL, 65536, MSG_PEEK | MSG_TRUNC));
	SHOW(recv(p->fd, NULL, 50000, MSG_PEEK | MSG_TRUNC | MSG_WAITALL));
	SHOW(recv(p->fd, NULL, 10, MSG_PEEK | MSG_TRUNC));
	pair_receive(p, 60000);
	SHOW(recv(p->fd, NULL, 10, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT));
}

/* A part has come when the peer resets: the error is for the next call. */
static void part_then_reset(struct pair *p)
{
	peer_send(p, 40);
	await_bytes(p->fd, 40);
	peer_begin(PEER_RESET, p->slot, 100, 0, 0);
	SHOW(recv(p->fd, buf, 100, MSG_WAITALL));
	SHOW(recv(p->fd, buf, 100, 0));
	SHOW(recv(p->fd, buf, 100, 0));
	peer_end();
}

/* The error queue of a connection that has none. */
static void error_queue(struct pair *p)
{
	union { struct cmsghdr align; char room[200]; } c;
	struct iovec iov = { buf, 10 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = &c, .msg_controllen = sizeof(c) };

	SHOW(recvmsg(p->fd, &msg, MSG_ERRQUEUE));
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	SHOW(recvmsg(p->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT));
	pair_receive(p, 10);
}

const struct sem_case sem_cases[] = {
	{ "peek_amount", LANE, peek_amount, "MSG_PEEK with MSG_TRUNC" },
	{ "part_then_reset", LANE, part_then_reset, "MSG_WAITALL, a part, a reset" },
	{ "error_queue", LANE, error_queue, "MSG_ERRQUEUE" },
	{ "five_calls", LANE, five_calls, "each receiving call takes 100 bytes" },
	{ "short_reads", LANE, short_reads, "less than asked, and the rest" },
	{ "zero_length", LANE, zero_length, "zero bytes asked, bytes pending" },
	{ "zero_length_empty", LANE, zero_length_empty,
	  "zero bytes asked, none pending, and at EOF" },
	{ "peek", LANE, peek, "MSG_PEEK leaves bytes where they are" },
	{ "peek_grows", LANE, peek_grows, "MSG_PEEK over many messages" },
	{ "peek_waits", LANE, peek_waits, "a blocking MSG_PEEK" },
	{ "peek_end", LANE, peek_end, "MSG_PEEK before and at EOF" },
	{ "dontwait", LANE, dontwait, "MSG_DONTWAIT, alone and with MSG_WAITALL" },
	{ "waitall", LANE, waitall, "MSG_WAITALL over a trickle and 700000 bytes" },
	{ "waitall_peek", LANE, waitall_peek, "MSG_WAITALL with MSG_PEEK" },
	{ "waitall_end", LANE, waitall_end, "MSG_WAITALL cut short by EOF" },
	{ "waitall_msg", LANE, waitall_msg, "recvmsg with MSG_WAITALL, split" },
	{ "truncates", LANE, truncates, "MSG_TRUNC throws bytes away" },
	{ "vectors", LANE, vectors, "iovec splits, zero-length parts" },
	{ "many_vectors", LANE, many_vectors, "IOV_MAX and beyond" },
	{ "faults", LANE, faults, "EFAULT loses no data" },
	{ "addresses", LANE, addresses, "recvfrom and recvmsg names on a stream" },
	{ "flags", LANE, flags, "flags that mean nothing or fail on a stream" },
	{ "unconnected", SEM_ONCE, nonblocking_socket, "ENOTCONN, EBADF, ENOTSOCK" },
	{ "waits", LANE, waits, "each call waits for data, read for EOF" },
	{ "big", LANE, big, "8 MiB in reads of growing size" },
	{ "urgent", LANE, urgent, "MSG_OOB, both ways" },
	{ "byte_by_byte", LANE, byte_by_byte, "3000 one-byte reads" },
	{ 0 }
};
