/* SPDX-License-Identifier: BSD-2-Clause */
/* getsockopt and setsockopt as an application sees them. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

static int get(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, name, &value, &len) < 0)
		return -errno;
	return value;
}

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static void identity(struct pair *p)
{
	SHOW(get(p->fd, SOL_SOCKET, SO_TYPE));
	SHOW(get(p->fd, SOL_SOCKET, SO_DOMAIN) == sem_family);
	SHOW(get(p->fd, SOL_SOCKET, SO_PROTOCOL));
	SHOW(get(p->fd, SOL_SOCKET, SO_ACCEPTCONN));
	SHOW(get(p->fd, SOL_SOCKET, SO_ERROR));
}

/* Each flag: its value, on, off. */
static void switches(struct pair *p)
{
	static const struct { const char *text; int level, name; } rows[] = {
		{ "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE },
		{ "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR },
		{ "SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT },
		{ "SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE },
		{ "SO_BROADCAST", SOL_SOCKET, SO_BROADCAST },
		{ "SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE },
		{ "SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP },
		{ "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY },
		{ "TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int on, off, level = rows[i].level, name = rows[i].name;

		on = set(p->fd, level, name, 1);
		on = on ? -errno : get(p->fd, level, name);
		off = set(p->fd, level, name, 0);
		off = off ? -errno : get(p->fd, level, name);
		say("%s on %d off %d", rows[i].text, on, off);
	}
	set(p->fd, SOL_SOCKET, SO_DONTROUTE, 0);
	pair_send(p, 10);
	SHOW(peer_receive(p, 10));
}

static void numbers(struct pair *p)
{
	static const struct { const char *text; int name, value; } rows[] = {
		{ "TCP_KEEPIDLE", TCP_KEEPIDLE, 77 },
		{ "TCP_KEEPINTVL", TCP_KEEPINTVL, 7 },
		{ "TCP_KEEPCNT", TCP_KEEPCNT, 5 },
		{ "TCP_USER_TIMEOUT", TCP_USER_TIMEOUT, 12345 },
		{ "TCP_SYNCNT", TCP_SYNCNT, 3 },
		{ "TCP_LINGER2", TCP_LINGER2, 9 },
		{ "TCP_NOTSENT_LOWAT", TCP_NOTSENT_LOWAT, 100000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = set(p->fd, IPPROTO_TCP, rows[i].name, rows[i].value);

		say("%s %d %d", rows[i].text, r,
		    get(p->fd, IPPROTO_TCP, rows[i].name));
	}
	pair_send(p, 10);
	SHOW(peer_receive(p, 10));
}

static void buffers(struct pair *p)
{
	int before = get(p->fd, SOL_SOCKET, SO_SNDBUF);

	say("send buffer %s", before > 0 ? "has a size" : "has none");
	SHOW(set(p->fd, SOL_SOCKET, SO_SNDBUF, 50000));
	SHOW(get(p->fd, SOL_SOCKET, SO_SNDBUF));
	SHOW(set(p->fd, SOL_SOCKET, SO_RCVBUF, 60000));
	SHOW(get(p->fd, SOL_SOCKET, SO_RCVBUF));
	SHOW(set(p->fd, SOL_SOCKET, SO_SNDBUF, 1));
	SHOW(get(p->fd, SOL_SOCKET, SO_SNDBUF) > 1);
	SHOW(set(p->fd, SOL_SOCKET, SO_RCVLOWAT, 1));
	SHOW(get(p->fd, SOL_SOCKET, SO_RCVLOWAT));
	SHOW(get(p->fd, SOL_SOCKET, SO_SNDLOWAT));
	SHOW(set(p->fd, SOL_SOCKET, SO_SNDLOWAT, 5));
	peer_begin(PEER_RECEIVE, p->slot, 20, 1 << 20, 0);
	pair_send(p, 1 << 20);
	SHOW(peer_end());
}

static void lowat(struct pair *p)
{
	SHOW(set(p->fd, SOL_SOCKET, SO_RCVLOWAT, 100));
	peer_send(p, 50);
	await_bytes(p->fd, 50);
	show_poll(p->fd, POLLIN, 30);
	peer_send(p, 50);
	show_poll(p->fd, POLLIN, 3000);
	pair_receive(p, 100);
	peer_later(p, 0, PEER_TRICKLE, 100, 1);
	SHOW(recv(p->fd, buf, 1000, 0) >= 100);
	peer_end();
}

static void show_timeout(struct pair *p, int name)
{
	struct timeval t = { -1, -1 };
	socklen_t len = sizeof(t);

	SHOW(getsockopt(p->fd, SOL_SOCKET, name, &t, &len));
	say("%d s, %s, length %u", (int)t.tv_sec,
	    t.tv_usec ? "and a bit" : "sharp", len);
}

static void say_waited(long since, long at_least)
{
	long took = now_ms() - since;

	say("%s", took < at_least - 5 ? "too early" :
	    took > at_least + 4000 ? "too late" : "in time");
}

static void receive_timeout(struct pair *p)
{
	struct timeval t = { 0, 80000 };
	long since;

	show_timeout(p, SO_RCVTIMEO);
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	show_timeout(p, SO_RCVTIMEO);
	since = now_ms();
	SHOW(recv(p->fd, buf, 10, 0));
	say_waited(since, 80);
	since = now_ms();
	SHOW(read(p->fd, buf, 10));
	say_waited(since, 80);
	SHOW(recv(p->fd, buf, 10, MSG_PEEK));
	peer_send(p, 4);
	await_bytes(p->fd, 4);
	SHOW(recv(p->fd, buf, 10, MSG_WAITALL));
	show_poll(p->fd, POLLIN, 20);
	t = (struct timeval){ 0, 0 };
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	peer_later(p, 150, PEER_SEND, 4, 0);
	SHOW(recv(p->fd, buf, 10, 0));
	peer_end();
}

/* The connection is full; each blocking send gives up after its time. */
static void send_timeout(struct pair *p)
{
	struct timeval t = { 0, 80000 };
	long since, n = 0;

	for (int refused = 0; refused < 5;) {
		ssize_t r;

		pair_next(p, buf, 16384);
		r = send(p->fd, buf, 16384, MSG_DONTWAIT | MSG_NOSIGNAL);
		refused = r > 0 ? 0 : refused + 1;
		p->tx += r > 0 ? r : 0;
		n += r > 0 ? r : 0;
		if (r < 0)
			nap(100);
	}
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)));
	show_timeout(p, SO_SNDTIMEO);
	since = now_ms();
	SHOW(send(p->fd, buf, 1000, MSG_NOSIGNAL));
	say_waited(since, 80);
	since = now_ms();
	SHOW(write(p->fd, buf, 60000));
	say_waited(since, 80);
	say("peer %s", peer_receive(p, n) == n ? "got all" : "BAD");
	pair_send(p, 1000);
	SHOW(peer_receive(p, 1000));
}

static void timeouts_wrong(struct pair *p)
{
	struct timeval t = { 0, 1000000 };

	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &t, 4));
	t = (struct timeval){ -1, 0 };
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	show_timeout(p, SO_RCVTIMEO);
}

static void linger(struct pair *p)
{
	struct linger l = { 5, 5 };
	socklen_t len = sizeof(l);

	SHOW(getsockopt(p->fd, SOL_SOCKET, SO_LINGER, &l, &len));
	say("%d %d %u", l.l_onoff, l.l_linger, len);
	l = (struct linger){ 1, 9 };
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	SHOW(getsockopt(p->fd, SOL_SOCKET, SO_LINGER, &l, &len));
	say("%d %d %u", l.l_onoff, l.l_linger, len);
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &l, 4));
	l = (struct linger){ 0, 0 };
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
}

static void show_info(struct pair *p, const char *when)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(p->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		say("%s: %s", when, errno_name(errno));
	else
		say("%s: state %d, %s rtt", when, info.tcpi_state,
		    info.tcpi_rtt ? "an" : "no");
}

static void await_state(struct pair *p, int state)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	for (int i = 0; i < 3000 && info.tcpi_state != state; i++) {
		MUST(getsockopt(p->fd, IPPROTO_TCP, TCP_INFO, &info, &len));
		nap(1);
	}
}

static void info(struct pair *p)
{
	show_info(p, "connected");
	peer_shutdown(p, SHUT_WR);
	await_state(p, TCP_CLOSE_WAIT);
	show_info(p, "peer done");
	SHOW(shutdown(p->fd, SHUT_WR));
	await_state(p, TCP_CLOSE);
	show_info(p, "both done");
}

static void info_first(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_WR));
	await_state(p, TCP_FIN_WAIT2);
	show_info(p, "we are done");
	peer_drain(p);
	peer_close(p);
	await_state(p, TCP_CLOSE);
	show_info(p, "both done");
}

static void lengths(struct pair *p)
{
	unsigned char room[8];
	socklen_t len;

	for (unsigned size = 0; size <= 8; size += 2) {
		memset(room, 0x55, sizeof(room));
		len = size;
		SHOW(getsockopt(p->fd, SOL_SOCKET, SO_TYPE, room, &len));
		say("length %u, first byte %d", len, room[0]);
	}
	len = -1;
	SHOW(getsockopt(p->fd, SOL_SOCKET, SO_TYPE, room, &len));
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_KEEPALIVE, room, 2));
	SHOW(setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, room, 0));
	SHOW(getsockopt(p->fd, SOL_SOCKET, SO_TYPE, nowhere(), &len));
	len = 4;
	SHOW(getsockopt(p->fd, SOL_SOCKET, SO_TYPE, nowhere(), &len));
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_KEEPALIVE, nowhere(), 4));
}

static void wrong(struct pair *p)
{
	int one = 1;
	socklen_t len = sizeof(one);

	SHOW(getsockopt(p->fd, SOL_SOCKET, 9999, &one, &len));
	SHOW(getsockopt(p->fd, IPPROTO_TCP, 9999, &one, &len));
	SHOW(getsockopt(p->fd, 9999, 1, &one, &len));
	SHOW(setsockopt(p->fd, SOL_SOCKET, 9999, &one, sizeof(one)));
	SHOW(setsockopt(p->fd, IPPROTO_TCP, 9999, &one, sizeof(one)));
	SHOW(setsockopt(p->fd, 9999, 1, &one, sizeof(one)));
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_TYPE, &one, sizeof(one)));
	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_ERROR, &one, sizeof(one)));
	SHOW(getsockopt(-1, SOL_SOCKET, SO_TYPE, &one, &len));
	SHOW(getsockopt(0, SOL_SOCKET, SO_TYPE, &one, &len));
	SHOW(setsockopt(999, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)));
	SHOW(setsockopt(0, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)));
}

static void errors(struct pair *p)
{
	peer_reset(p);
	if (!await_events(p->fd, POLLERR | POLLHUP))
		say("no error came");
	say("SO_ERROR %s", errno_name(get(p->fd, SOL_SOCKET, SO_ERROR)));
	say("SO_ERROR %s", errno_name(get(p->fd, SOL_SOCKET, SO_ERROR)));
	SHOW(recv(p->fd, buf, 1, 0));
	SHOW(get(p->fd, IPPROTO_TCP, TCP_NODELAY) >= 0);
}

static void listener(struct pair *p)
{
	int port, l = sem_listen(3, &port), s = sem_socket();

	SHOW(get(l, SOL_SOCKET, SO_ACCEPTCONN));
	SHOW(get(s, SOL_SOCKET, SO_ACCEPTCONN));
	SHOW(get(s, SOL_SOCKET, SO_TYPE));
	SHOW(set(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1));
	SHOW(get(l, IPPROTO_TCP, TCP_DEFER_ACCEPT) > 0);
	SHOW(set(s, SOL_SOCKET, SO_SNDBUF, 40000));
	SHOW(get(s, SOL_SOCKET, SO_SNDBUF));
	SHOW(set(s, IPPROTO_TCP, TCP_MAXSEG, 1000));
	SHOW(get(s, IPPROTO_TCP, TCP_MAXSEG));
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "identity", LANE, identity, "type, domain, protocol" },
	{ "switches", LANE, switches, "flags on and off" },
	{ "numbers", LANE, numbers, "TCP timers and limits" },
	{ "buffers", LANE, buffers, "SO_SNDBUF, SO_RCVBUF, SO_RCVLOWAT" },
	{ "lowat", LANE, lowat, "SO_RCVLOWAT holds back POLLIN" },
	{ "receive_timeout", LANE, receive_timeout, "SO_RCVTIMEO" },
	{ "send_timeout", LANE, send_timeout, "SO_SNDTIMEO" },
	{ "timeouts_wrong", LANE, timeouts_wrong, "EDOM, EINVAL, negative" },
	{ "linger", LANE, linger, "SO_LINGER set and get" },
	{ "info", LANE, info, "TCP_INFO's state, the peer done first" },
	{ "info_first", LANE, info_first, "TCP_INFO's state, we done first" },
	{ "lengths", LANE, lengths, "lengths short, long and wrong" },
	{ "wrong", LANE, wrong, "ENOPROTOOPT, EBADF, ENOTSOCK" },
	{ "errors", LANE, errors, "SO_ERROR tells once" },
	{ "listener", SEM_ONCE, listener, "options of listeners and fresh sockets" },
	{ 0 }
};
