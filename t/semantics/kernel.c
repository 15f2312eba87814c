// SPDX-License-Identifier: BSD-2-Clause
/*
 * What only the kernel's TCP has, asked for on a connection that may be on a
 * lane: it comes, and no byte is lost on the way.
 */
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sem.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef TCP_INQ
#define TCP_INQ 36
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#define MSG_ZEROCOPY 0x4000000
#endif

static char buf[1 << 16];

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* -- what comes of it ---------------------------------------------------------- */

static void peek_off(struct pair *p)
{
	SHOW(set(p->fd, SOL_SOCKET, SO_PEEK_OFF, 0));
	peer_send(p, 30);
	await_bytes(p->fd, 1);
	SHOW(set(p->fd, SOL_SOCKET, SO_PEEK_OFF, 0));
	SHOW(recv(p->fd, buf, 10, MSG_PEEK));
	SHOW(recv(p->fd, buf + 10, 10, MSG_PEEK));
	say("peeked %s", data_good(buf, 10, p->rx) ? "good" : "BAD");
	say("then %s", data_good(buf + 10, 10, p->rx + 10) ? "on" : "again");
	SHOW(set(p->fd, SOL_SOCKET, SO_PEEK_OFF, -1));
	pair_talk(p);
}

/* recvmsg(2) of up to n bytes, and the first control message of this kind. */
static const struct cmsghdr *receive(int fd, size_t n, int flags, int level,
				     int type)
{
	static char control[512];
	struct iovec iov = { buf, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *at;

	SHOW(recvmsg(fd, &msg, flags));
	for (at = CMSG_FIRSTHDR(&msg); at; at = CMSG_NXTHDR(&msg, at))
		if (at->cmsg_level == level && at->cmsg_type == type)
			return at;
	return NULL;
}

static void inq(struct pair *p)
{
	const struct cmsghdr *at;
	int left = -1;

	SHOW(set(p->fd, IPPROTO_TCP, TCP_INQ, 1));
	peer_send(p, 100);
	await_bytes(p->fd, 100);
	at = receive(p->fd, 40, 0, IPPROTO_TCP, TCP_INQ);
	p->rx += 40;
	if (at)
		memcpy(&left, CMSG_DATA(at), sizeof(left));
	say("%d left", left);
	pair_receive(p, 60);
	pair_talk(p);
}

/* A completion, or a stamp, is on the error queue. */
static void errors(struct pair *p, int level, int type)
{
	const struct cmsghdr *at;

	say("%s", await_events(p->fd, POLLERR) ? "POLLERR" : "nothing comes");
	at = receive(p->fd, 100, MSG_ERRQUEUE | MSG_DONTWAIT, level, type);
	say("%s", at ? "told" : "not told");
}

static bool is_six(void)
{
	return sem_family == AF_INET6;
}

static void zerocopy(struct pair *p)
{
	SHOW(set(p->fd, SOL_SOCKET, SO_ZEROCOPY, 1));
	pair_next(p, buf, 20000);
	SHOW(send(p->fd, buf, 20000, MSG_ZEROCOPY));
	p->tx += 20000;
	SHOW(peer_receive(p, 20000));
	errors(p, is_six() ? IPPROTO_IPV6 : IPPROTO_IP,
	       is_six() ? IPV6_RECVERR : IP_RECVERR);
	SHOW(set(p->fd, SOL_SOCKET, SO_ZEROCOPY, 0));
	pair_talk(p);
}

static void timestamping(struct pair *p)
{
	SHOW(set(p->fd, SOL_SOCKET, SO_TIMESTAMPING,
		 SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
			 SOF_TIMESTAMPING_OPT_ID |
			 SOF_TIMESTAMPING_OPT_TSONLY));
	pair_send(p, 100);
	SHOW(peer_receive(p, 100));
	errors(p, SOL_SOCKET, SCM_TIMESTAMPING);
	SHOW(set(p->fd, SOL_SOCKET, SO_TIMESTAMPING, 0));
	pair_talk(p);
}

/* One that lets nothing in, but for what TCP needs. */
static void filter(struct pair *p)
{
	struct sock_filter none = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog program = { 1, &none };

	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			sizeof(program)));
	peer_send(p, 100);
	show_poll(p->fd, POLLIN, 100);
	SHOW(set(p->fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	pair_receive(p, 100);	/* TCP sends it again */
	pair_talk(p);
}

#ifdef TCP_ZEROCOPY_RECEIVE
static void zerocopy_receive(struct pair *p)
{
	struct tcp_zerocopy_receive zc = { 0 };
	socklen_t len = offsetof(struct tcp_zerocopy_receive, recv_skip_hint) +
			sizeof(zc.recv_skip_hint);
	int ret = 0, tries;
	void *map;

	map = mmap(NULL, 1 << 16, PROT_READ, MAP_SHARED, p->fd, 0);
	say("%s", map == MAP_FAILED ? "no map" : "mapped");
	peer_send(p, 100);
	for (tries = 0; tries < 1000 && ret == 0 && !zc.recv_skip_hint;
	     tries++) {
		await_bytes(p->fd, 100);
		zc.address = (uintptr_t)map;
		zc.length = 1 << 16;
		ret = getsockopt(p->fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc,
				 &len);
		nap(5 * !zc.recv_skip_hint);
	}
	SHOW(ret);
	say("%u mapped, %u to copy", zc.length, zc.recv_skip_hint);
	pair_receive(p, 100);
	munmap(map, 1 << 16);
	pair_talk(p);
}
#endif

/* -- whatever comes of it, the connection goes on ----------------------------------- */

static const struct {
	const char *text;
	int level, name, value;
} rows[] = {
	{ "TCP_MD5SIG", IPPROTO_TCP, TCP_MD5SIG, 0 },
	{ "TCP_REPAIR_QUEUE", IPPROTO_TCP, TCP_REPAIR_QUEUE, 1 },
	{ "SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, 1 },
	{ "SO_MARK", SOL_SOCKET, SO_MARK, 0x5a },
	{ "SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, 1 },
	{ "SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 2 },
	{ "IP_TRANSPARENT", IPPROTO_IP, IP_TRANSPARENT, 1 },
	{ "IP_MINTTL", IPPROTO_IP, IP_MINTTL, 1 },
	{ "IP_UNICAST_IF", IPPROTO_IP, IP_UNICAST_IF, 0x01000000 },
	{ "IPV6_UNICAST_IF", IPPROTO_IPV6, IPV6_UNICAST_IF, 0x01000000 },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void show_set(int fd, size_t i)
{
	int ret = set(fd, rows[i].level, rows[i].name, rows[i].value);

	say("%s %s", rows[i].text, ret ? errno_name(errno) : "is set");
}

/* With bytes that the peer has sent, and the application has not read. */
static void unread(struct pair *p)
{
	for (size_t i = 0; i < ROWS; i++) {
		peer_send(p, 500);
		pair_send(p, 700);
		show_set(p->fd, i);
		pair_receive(p, 500);
		SHOW(peer_receive(p, 700));
	}
	pair_talk(p);
}

static void ulp(struct pair *p)
{
	int ret;

	peer_send(p, 300);
	pair_send(p, 200);
	ret = setsockopt(p->fd, IPPROTO_TCP, TCP_ULP, "nonesuch", 8);
	say("TCP_ULP %s", ret ? errno_name(errno) : "is set");
	pair_receive(p, 300);
	SHOW(peer_receive(p, 200));
	pair_talk(p);
}

/* Each on a new connection whose greeting is not over. */
static void unspoken(struct pair *p)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct both b;

		both_open(&b);
		pair_send(&b.client, 100);
		show_set(i % 2 ? b.client.fd : b.server.fd, i);
		pair_receive(&b.server, 100);
		both_say(&b.server, &b.client, 100);
		both_close(&b);
	}
	(void)p;
}

/* Before the server has accepted, with bytes sent. */
static void unaccepted(struct pair *p)
{
	int port, l = sem_listen(4, &port);
	struct pair c = { .fd = sem_socket() }, s = { 0 };

	SHOW(fresh_to(c.fd, port));
	pair_send(&c, 1000);
	SHOW(set(c.fd, SOL_SOCKET, SO_RCVLOWAT, 2));
	s.fd = SHOW_FD(accept(l, NULL, NULL));
	pair_receive(&s, 1000);
	both_say(&s, &c, 1000);
	(void)p;
}

/* Before connect(), and before listen(), which what is accepted inherits. */
static void unconnected(struct pair *p)
{
	int port, l = sem_listen(4, &port);

	for (size_t i = 0; i < ROWS; i++) {
		struct pair c = { .fd = sem_socket() }, s = { 0 };

		show_set(i % 2 ? c.fd : l, i);
		SHOW(fresh_to(c.fd, port));
		s.fd = (int)MUST(accept(l, NULL, NULL));
		both_say(&c, &s, 2000);
		both_say(&s, &c, 2000);
		MUST(close(c.fd));
		MUST(close(s.fd));
	}
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "peek_off", LANE, peek_off, "SO_PEEK_OFF" },
	{ "inq", LANE, inq, "TCP_INQ" },
	{ "zerocopy", LANE, zerocopy, "completions of MSG_ZEROCOPY" },
	{ "timestamping", LANE, timestamping, "SO_TIMESTAMPING of what is sent" },
	{ "filter", LANE, filter, "a socket filter" },
#ifdef TCP_ZEROCOPY_RECEIVE
	{ "zerocopy_receive", LANE, zerocopy_receive, "TCP_ZEROCOPY_RECEIVE" },
#endif
	{ "unread", LANE, unread, "options, with bytes both ways" },
	{ "ulp", LANE, ulp, "TCP_ULP, with bytes both ways" },
	{ "unspoken", SEM_ONCE, unspoken, "options before the greeting is over" },
	{ "unaccepted", SEM_ONCE, unaccepted, "options before accept()" },
	{ "unconnected", SEM_ONCE, unconnected, "options before connect()" },
	{ NULL, 0, NULL, NULL }
};
