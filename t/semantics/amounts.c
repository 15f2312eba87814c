// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kernel counts and stamps of a connection's bytes, as a program sees
 * it: TCP_INFO's counters, SIOCOUTQ, low-water marks, the times of arrival.
 */
#include <time.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sem.h"

#ifndef TCP_INQ
#define TCP_INQ 36
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#define MSG_ZEROCOPY 0x4000000
#endif

#define WAIT_MS 5000

static char buf[1 << 16];

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static int unsent(int fd)
{
	int n = -1;

	MUST(ioctl(fd, SIOCOUTQ, &n));
	return n;
}

/* -- TCP_INFO ---------------------------------------------------------------- */

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length));
	return info;
}

/* Until so many more were acknowledged than were `before`. */
static void await_acked(int fd, uint64_t before, uint64_t more)
{
	long until = now_ms() + WAIT_MS;

	while (info_of(fd).tcpi_bytes_acked < before + more &&
	       now_ms() < until)
		nap(1);
}

static void show_more(int fd, const struct tcp_info *before)
{
	struct tcp_info now = info_of(fd);

	say("sent %d, acknowledged %d, received %d, not sent %d",
	    (int)(now.tcpi_bytes_sent - before->tcpi_bytes_sent),
	    (int)(now.tcpi_bytes_acked - before->tcpi_bytes_acked),
	    (int)(now.tcpi_bytes_received - before->tcpi_bytes_received),
	    (int)now.tcpi_notsent_bytes);
}

static void counters(struct pair *p)
{
	struct tcp_info before;

	/* An earlier byte may be on its way back to us. */
	for (int i = 0; i < WAIT_MS && unsent(p->fd); i++)
		nap(1);
	before = info_of(p->fd);
	pair_send(p, 5000);
	SHOW(peer_receive(p, 5000));
	await_acked(p->fd, before.tcpi_bytes_acked, 5000);
	show_more(p->fd, &before);
	peer_send(p, 3000);
	await_bytes(p->fd, 3000);
	show_more(p->fd, &before);
	pair_receive(p, 3000);
	show_more(p->fd, &before);
}

/* Its host has the bytes, and that is what is acknowledged. */
static void slow_peer(struct pair *p)
{
	struct tcp_info before;
	int i;

	for (i = 0; i < WAIT_MS && unsent(p->fd); i++)
		nap(1);
	before = info_of(p->fd);
	pair_send(p, 2000);
	await_acked(p->fd, before.tcpi_bytes_acked, 2000);
	show_more(p->fd, &before);
	for (i = 0; i < WAIT_MS && unsent(p->fd); i++)
		nap(1);
	say("unsent %d", unsent(p->fd));
	SHOW(peer_receive(p, 2000));
	pair_talk(p);
}

/* Those who were compiled when it was shorter, and who will be. */
static void lengths(struct pair *p)
{
	static const socklen_t asked[] = { 0, 1, 8, 104, 120, 124, 128 };
	unsigned char room[512];
	socklen_t length;
	size_t i, over;

	for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		memset(room, 0x5a, sizeof(room));
		length = asked[i];
		SHOW(getsockopt(p->fd, IPPROTO_TCP, TCP_INFO, room, &length));
		for (over = length; over < sizeof(room); over++)
			if (room[over] != 0x5a)
				break;
		say("%u of %u, %s", length, asked[i],
		    over == sizeof(room) ? "no more" : "MORE WRITTEN");
	}
	length = sizeof(room);
	SHOW(getsockopt(p->fd, IPPROTO_TCP, TCP_INFO, room, &length));
	say("%s", length < sizeof(room) && length >= 128 ? "all" : "odd");
	SHOW(getsockopt(p->fd, IPPROTO_TCP, TCP_INFO, nowhere(), &length));
}

/* -- low-water marks ------------------------------------------------------------ */

static void lowat_epoll(struct pair *p)
{
	struct epoll_event event = { .events = EPOLLIN };
	int e = (int)MUST(epoll_create1(0));

	MUST(epoll_ctl(e, EPOLL_CTL_ADD, p->fd, &event));
	SHOW(set(p->fd, SOL_SOCKET, SO_RCVLOWAT, 100));
	peer_send(p, 50);
	await_bytes(p->fd, 50);
	SHOW(epoll_wait(e, &event, 1, 30));
	peer_send(p, 50);
	SHOW(epoll_wait(e, &event, 1, WAIT_MS));
	pair_receive(p, 100);
	peer_later(p, 0, PEER_TRICKLE, 100, 1);
	SHOW(recv(p->fd, buf, sizeof(buf), 0) >= 100);
	peer_end();
	MUST(close(e));
}

/* The bytes are there when it is set. */
static void lowat_late(struct pair *p)
{
	peer_send(p, 60);
	await_bytes(p->fd, 60);
	SHOW(set(p->fd, SOL_SOCKET, SO_RCVLOWAT, 100));
	show_poll(p->fd, POLLIN, 30);
	SHOW(set(p->fd, SOL_SOCKET, SO_RCVLOWAT, 1));
	show_poll(p->fd, POLLIN, WAIT_MS);
	pair_receive(p, 60);
	pair_talk(p);
}

/* -- stamps, and what comes beside the bytes -------------------------------------- */

/* Receives n bytes; says whether a message of this kind came along. */
static const void *receive(struct pair *p, size_t n, int level, int type)
{
	static char control[512];
	struct iovec iov = { buf, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *at;

	say("%s", pair_check(p, buf, SHOW(recvmsg(p->fd, &msg, 0))));
	for (at = CMSG_FIRSTHDR(&msg); at; at = CMSG_NXTHDR(&msg, at))
		if (at->cmsg_level == level && at->cmsg_type == type)
			return CMSG_DATA(at);
	return NULL;
}

/* The first who wants stamps has the kernel begin to make them, soon. */
#define STAMPS_MS 20

static void stamps(struct pair *p)
{
	static const struct { const char *text; int name, value; } rows[] = {
		{ "SO_TIMESTAMP", SO_TIMESTAMP, 1 },
		{ "SO_TIMESTAMPNS", SO_TIMESTAMPNS, 1 },
		{ "SO_TIMESTAMPING", SO_TIMESTAMPING,
		  SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		say("%s %d", rows[i].text,
		    set(p->fd, SOL_SOCKET, rows[i].name, rows[i].value));
		nap(STAMPS_MS);
		peer_send(p, 100);
		await_bytes(p->fd, 100);
		say("%s", receive(p, 100, SOL_SOCKET, rows[i].name)
				  ? "stamped"
				  : "no stamp");
		MUST(set(p->fd, SOL_SOCKET, rows[i].name, 0));
	}
	pair_talk(p);
}

static void stamps_asked(struct pair *p)
{
	struct { long s, part; } stamp = { 0, 0 };

	peer_send(p, 100);
	await_bytes(p->fd, 100);
	pair_receive(p, 100);
	SHOW(ioctl(p->fd, SIOCGSTAMP_OLD, &stamp));
	SHOW(ioctl(p->fd, SIOCGSTAMPNS_OLD, &stamp));
	peer_send(p, 100);
	await_bytes(p->fd, 100);
	pair_receive(p, 100);
	SHOW(ioctl(p->fd, SIOCGSTAMP_OLD, &stamp));
	pair_talk(p);
}

static void show_left(const void *data)
{
	int left = -1;

	if (data)
		memcpy(&left, data, sizeof(left));
	say("%d left", left);
}

static void inq_at_end(struct pair *p)
{
	SHOW(set(p->fd, IPPROTO_TCP, TCP_INQ, 1));
	peer_send(p, 30);
	peer_shutdown(p, SHUT_WR);
	await_end(p->fd);
	show_left(receive(p, 10, IPPROTO_TCP, TCP_INQ));
	show_left(receive(p, 20, IPPROTO_TCP, TCP_INQ));
	SHOW(recv(p->fd, buf, 1, 0));
}

/* How many sends this completion is of; 0: it is none. */
static unsigned completed(int fd)
{
	char control[256];
	struct msghdr msg = { .msg_control = control,
			      .msg_controllen = sizeof(control) };
	const struct sock_extended_err *error;

	if (!await_events(fd, POLLERR) ||
	    recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) != 0 ||
	    !CMSG_FIRSTHDR(&msg))
		return 0;
	error = (const void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
	return error->ee_origin == SO_EE_ORIGIN_ZEROCOPY
		       ? error->ee_data - error->ee_info + 1
		       : 0;
}

static void completions(struct pair *p)
{
	unsigned all = 0, some = 1;

	SHOW(set(p->fd, SOL_SOCKET, SO_ZEROCOPY, 1));
	for (int i = 0; i < 7; i++) {
		pair_next(p, buf, 3000);
		MUST(send(p->fd, buf, 3000, MSG_ZEROCOPY));
		p->tx += 3000;
		MUST(peer_receive(p, 3000));
	}
	for (; all < 7 && some; all += some)
		some = completed(p->fd);
	say("%u completed", all);
	pair_talk(p);
}

/* Without SO_ZEROCOPY the flag asks for nothing, and nothing comes. */
static void completions_unasked(struct pair *p)
{
	pair_next(p, buf, 3000);
	SHOW(send(p->fd, buf, 3000, MSG_ZEROCOPY));
	p->tx += 3000;
	SHOW(peer_receive(p, 3000));
	show_poll(p->fd, POLLERR, 0);
	SHOW(recv(p->fd, buf, 10, MSG_ERRQUEUE | MSG_DONTWAIT));
	pair_talk(p);
}

static void memory(struct pair *p)
{
	unsigned room[16];
	int cpu = -1;
	socklen_t length = sizeof(room);

	SHOW(getsockopt(p->fd, SOL_SOCKET, SO_MEMINFO, room, &length));
	say("%u bytes, %s", length, room[1] ? "a buffer" : "no buffer");
	length = sizeof(cpu);
	SHOW(getsockopt(p->fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, &length));
	say("%s", cpu >= 0 ? "a processor" : "none");
}

const struct sem_case sem_cases[] = {
	{ "counters", LANE, counters, "TCP_INFO's bytes" },
	{ "slow_peer", LANE, slow_peer, "the same, and SIOCOUTQ, unread" },
	{ "lengths", LANE, lengths, "TCP_INFO of other lengths" },
	{ "lowat_epoll", LANE, lowat_epoll, "SO_RCVLOWAT with epoll" },
	{ "lowat_late", LANE, lowat_late, "SO_RCVLOWAT behind bytes" },
	{ "stamps", LANE, stamps, "times of arrival, as messages" },
	{ "stamps_asked", LANE, stamps_asked, "... by ioctl(2)" },
	{ "inq_at_end", LANE, inq_at_end, "TCP_INQ at the stream's end" },
	{ "completions", LANE, completions, "one for each MSG_ZEROCOPY" },
	{ "completions_unasked", LANE, completions_unasked,
	  "MSG_ZEROCOPY alone" },
	{ "memory", LANE, memory, "SO_MEMINFO, SO_INCOMING_CPU" },
	{ NULL, 0, NULL, NULL }
};
