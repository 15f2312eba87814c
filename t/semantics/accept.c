/* SPDX-License-Identifier: BSD-2-Clause */
/* accept and accept4. The near end is the server whatever its side. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

/* Read the ping, hear from the peer, talk. */
static void works(struct pair *p, int fd, int slot)
{
	char byte;

	*p = (struct pair){ .fd = fd, .slot = slot };
	fcntl(fd, F_SETFL, 0);
	SHOW(recv(fd, &byte, 1, 0));
	MUST(peer_end());
	pair_warm(p);
	say("works");
}

static void plainly(struct pair *p)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int port, l = sem_listen(4, &port), s;

	peer_begin(PEER_CONNECT, 0, 0, port, OPEN_PING);
	s = SHOW_FD(accept(l, (struct sockaddr *)&addr, &len));
	say("length %u, %s, %s", len, sem_addr_is_ours(&addr) ?
	    "the test address" : "another", sem_addr_port(&addr) ?
	    "a port" : "no port");
	say("flags %#x %#x", fcntl(s, F_GETFL), fcntl(s, F_GETFD));
	works(p, s, 0);
}

static void waits(struct pair *p)
{
	int port, l = sem_listen(4, &port), s;

	peer_begin(PEER_CONNECT, 0, 60, port, OPEN_PING);
	s = SHOW_FD(accept(l, NULL, NULL));
	works(p, s, 0);
}

static void flags(struct pair *p)
{
	static const int each[] = { 0, SOCK_NONBLOCK, SOCK_CLOEXEC,
				    SOCK_NONBLOCK | SOCK_CLOEXEC };
	int port, l = sem_listen(4, &port);

	for (int i = 0; i < 4; i++) {
		peer_begin(PEER_CONNECT, i, 0, port, OPEN_PING);
		int s = SHOW_FD(accept4(l, NULL, NULL, each[i]));
		say("flags %#x %#x", fcntl(s, F_GETFL), fcntl(s, F_GETFD));
		works(p, s, i);
		close(s);
	}
	p->fd = -1;
	MUST(fcntl(l, F_SETFL, O_NONBLOCK));	/* musl tries without them */
	SHOW(accept4(l, NULL, NULL, 0x1));
	SHOW(accept4(l, NULL, NULL, 0x10000000));
}

/* The listener's O_NONBLOCK is not inherited; nothing pending is EAGAIN. */
static void nonblocking(struct pair *p)
{
	int port, l = sem_listen(4, &port), s;

	SHOW(fcntl(l, F_SETFL, O_NONBLOCK));
	SHOW(accept(l, NULL, NULL));
	SHOW(accept4(l, NULL, NULL, SOCK_NONBLOCK));
	show_poll(l, POLLIN, 0);
	peer_begin(PEER_CONNECT, 0, 30, port, OPEN_PING);
	show_poll(l, POLLIN, 5000);
	s = SHOW_FD(accept(l, NULL, NULL));
	say("flags %#x", fcntl(s, F_GETFL));
	SHOW(accept(l, NULL, NULL));
	works(p, s, 0);
}

static void address_room(struct pair *p)
{
	unsigned char room[64];
	int port, l = sem_listen(4, &port);

	for (unsigned size = 0; size <= 32; size += 8) {
		socklen_t len = size;
		int s;

		memset(room, 0x55, sizeof(room));
		peer_begin(PEER_CONNECT, 0, 0, port, OPEN_PING);
		s = SHOW_FD(accept(l, (struct sockaddr *)room, &len));
		say("length %u of %u, next byte %s", len, size,
		    room[size] == 0x55 ? "untouched" : "written");
		MUST(recv(s, buf, 1, 0));
		MUST(peer_end());
		close(s);
		peer_do(PEER_CLOSE, 0, 0, 0);
	}
	(void)p;
}

static void wrong(struct pair *p)
{
	int port, l = sem_listen(4, &port), s = sem_socket();
	int u = (int)MUST(socket(sem_family, SOCK_DGRAM, 0));

	SHOW(accept(-1, NULL, NULL));
	SHOW(accept(999, NULL, NULL));
	SHOW(accept(0, NULL, NULL));
	SHOW(accept(s, NULL, NULL));
	SHOW(accept(u, NULL, NULL));
	SHOW(accept4(s, NULL, NULL, SOCK_NONBLOCK));
	SHOW(shutdown(l, SHUT_RD));
	SHOW(accept(l, NULL, NULL));
	(void)p;
}

static void on_connection(struct pair *p)
{
	SHOW(accept(p->fd, NULL, NULL));
	SHOW(accept4(p->fd, NULL, NULL, 0));
	SHOW(listen(p->fd, 4));
	pair_send(p, 10);
	SHOW(peer_receive(p, 10));
}

static void times_out(struct pair *p)
{
	struct timeval t = { 0, 80000 };
	int port, l = sem_listen(4, &port);
	long since = now_ms();

	SHOW(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	SHOW(accept(l, NULL, NULL));
	since = now_ms() - since;
	say("%s", since < 75 ? "too early" : since > 4000 ? "too late" : "in time");
	(void)p;
}

static void *accept_blocked(void *arg)
{
	int r = accept(*(int *)arg, NULL, NULL);

	return (void *)(intptr_t)(r < 0 ? errno : 0);
}

static void shutdown_wakes(struct pair *p)
{
	int port, l = sem_listen(4, &port);
	pthread_t thread;
	void *err;

	pthread_create(&thread, NULL, accept_blocked, &l);
	nap(60);
	SHOW(shutdown(l, SHUT_RD));
	pthread_join(thread, &err);
	say("accept: %s", errno_name((int)(intptr_t)err));
	(void)p;
}

static void inherits(struct pair *p)
{
	int port, l = sem_listen(4, &port), one = 1, got = 0, s;
	struct linger linger = { 1, 7 };
	struct timeval t = { 3, 0 };
	socklen_t len = sizeof(got);

	setsockopt(l, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(l, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(l, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	peer_begin(PEER_CONNECT, 0, 0, port, OPEN_PING);
	s = SHOW_FD(accept(l, NULL, NULL));
	MUST(getsockopt(s, IPPROTO_TCP, TCP_NODELAY, &got, &len));
	say("TCP_NODELAY %d", got);
	MUST(getsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &got, &len));
	say("SO_KEEPALIVE %d", got);
	len = sizeof(linger);
	linger.l_linger = 0;
	MUST(getsockopt(s, SOL_SOCKET, SO_LINGER, &linger, &len));
	say("SO_LINGER %d %d", linger.l_onoff, linger.l_linger);
	len = sizeof(t);
	MUST(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, &len));
	say("SO_RCVTIMEO %d", (int)t.tv_sec);
	works(p, s, 0);
}

/* An IPv4 client of a listener on the IPv6 wildcard. */
static void mapped(struct pair *p)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	struct sockaddr_storage addr;
	socklen_t len = sizeof(any);
	int l, s, off = 0;

	if (sem_family != AF_INET)
		return;
	l = (int)MUST(socket(AF_INET6, SOCK_STREAM, 0));
	MUST(setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)));
	MUST(bind(l, (struct sockaddr *)&any, len));
	MUST(listen(l, 4));
	MUST(getsockname(l, (struct sockaddr *)&any, &len));
	peer_begin(PEER_CONNECT, 0, 0, ntohs(any.sin6_port), OPEN_PING);
	len = sizeof(addr);
	s = SHOW_FD(accept(l, (struct sockaddr *)&addr, &len));
	say("length %u, %s", len, IN6_IS_ADDR_V4MAPPED(
	    &((struct sockaddr_in6 *)&addr)->sin6_addr) ? "mapped" : "not mapped");
	works(p, s, 0);
}

/* The listener is closed at once; the connection stays. */
static void listener_closed(struct pair *p)
{
	int port, l = sem_listen(4, &port), s;

	peer_begin(PEER_CONNECT, 0, 0, port, OPEN_PING);
	s = SHOW_FD(accept(l, NULL, NULL));
	SHOW(close(l));
	works(p, s, 0);
	SHOW(peer_do(PEER_CONNECT, 1, port, OPEN_SILENT));
}

static void banner(struct pair *p)
{
	int port, l = sem_listen(4, &port), s;

	peer_begin(PEER_CONNECT, 0, 0, port, OPEN_BANNER);
	s = SHOW_FD(accept(l, NULL, NULL));
	*p = (struct pair){ .fd = s };
	pair_send(p, BANNER);
	SHOW(peer_end());
	pair_warm(p);
	say("works");
}

const struct sem_case sem_cases[] = {
	{ "plainly", SEM_ONCE, plainly,
	  "the address and flags of an accepted socket" },
	{ "waits", SEM_ONCE, waits, "a blocking accept" },
	{ "flags", SEM_ONCE, flags, "accept4's flags" },
	{ "nonblocking", SEM_ONCE, nonblocking,
	  "EAGAIN, POLLIN, flags not inherited" },
	{ "address_room", SEM_ONCE, address_room, "room for less than an address" },
	{ "wrong", SEM_ONCE, wrong, "EBADF, ENOTSOCK, EINVAL, EOPNOTSUPP" },
	{ "on_connection", LANE, on_connection, "accept and listen on a connection" },
	{ "times_out", SEM_ONCE, times_out, "SO_RCVTIMEO bounds accept" },
	{ "shutdown_wakes", SEM_ONCE, shutdown_wakes,
	  "shutdown ends a blocked accept" },
	{ "inherits", SEM_ONCE, inherits, "options the listener hands on" },
	{ "mapped", SEM_ONCE, mapped, "an IPv4 client of an IPv6 listener" },
	{ "listener_closed", SEM_ONCE, listener_closed,
	  "the listener goes, the connection stays" },
	{ "banner", SEM_ONCE, banner, "the first thing done is a send" },
	{ 0 }
};
