// SPDX-License-Identifier: BSD-2-Clause
/*
 * connect() is the kernel's: what a fresh client's socket is and says, which
 * connections are never greeted, and servers that take one connection only.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "sem.h"

#define LATE_MS 60
#define BEYOND_MS (2 * SEM_HASTY_MS + 50)	/* REPLY is not awaited so long */
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

static char buf[1 << 16];

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	MUST(getsockopt(fd, level, name, &value, &len));
	return value;
}

static void set(int fd, int level, int name, int value)
{
	MUST(setsockopt(fd, level, name, &value, sizeof(value)));
}

static int nonblocking(void)
{
	return (int)MUST(socket(sem_family, SOCK_STREAM | SOCK_NONBLOCK, 0));
}

static int own_port(int fd)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	MUST(getsockname(fd, (struct sockaddr *)&name, &len));
	return sem_addr_port(&name);
}

static int class_of(int fd)
{
	return sem_family == AF_INET6
		       ? option(fd, IPPROTO_IPV6, IPV6_TCLASS)
		       : option(fd, IPPROTO_IP, IP_TOS);
}

static void set_class(int fd, int value)
{
	if (sem_family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_TCLASS, value);
	else
		set(fd, IPPROTO_IP, IP_TOS, value);
}

static void works(int client, int server)
{
	struct pair c = { .fd = client }, s = { .fd = server };

	fcntl(client, F_SETFL, 0);
	fcntl(server, F_SETFL, 0);
	show_names("it", client, server);
	both_say(&c, &s, 1000);
	both_say(&s, &c, 2000);
	show_names("it", client, server);
}

/* -- options --------------------------------------------------------------------- */

static void classes(struct pair *p)
{
	int port, l = sem_listen(4, &port), dead = sem_listen(0, &(int){ 0 });
	int gone = own_port(dead), c = sem_socket(), s, n = nonblocking();

	close(dead);
	SHOW(fresh_to(c, gone));
	say("refused: class %d", class_of(c));
	SHOW(fresh_to(c, port));
	say("connected: class %d", class_of(c));
	s = (int)MUST(accept(l, NULL, NULL));
	say("accepted: class %d", class_of(s));
	works(c, s);
	say("used: class %d and %d", class_of(c), class_of(s));
	SHOW(fresh_to(n, port));
	say("begun: class %d", class_of(n));
	set_class(n, 0x10);
	works(n, (int)MUST(accept(l, NULL, NULL)));
	say("set since: class %d", class_of(n));
	set_class(c = sem_socket(), 0x08);
	SHOW(fresh_to(c, port));
	works(c, (int)MUST(accept(l, NULL, NULL)));
	say("set before: class %d", class_of(c));
	(void)p;
}

static void own_maxseg(struct pair *p)
{
	int port, l = sem_listen(4, &port), c = sem_socket(), s;
	struct tcp_info info;
	socklen_t len = sizeof(info);

	set(c, IPPROTO_TCP, TCP_MAXSEG, 1000);
	say("TCP_MAXSEG %d", option(c, IPPROTO_TCP, TCP_MAXSEG));
	SHOW(fresh_to(c, port));
	say("TCP_MAXSEG %d", option(c, IPPROTO_TCP, TCP_MAXSEG));
	s = (int)MUST(accept(l, NULL, NULL));
	MUST(getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &len));
	say("the server sends %u", info.tcpi_snd_mss);
	works(c, s);
	(void)p;
}

static void buffers(struct pair *p)
{
	int port, l = sem_listen(4, &port), c = sem_socket(), s;

	set(c, SOL_SOCKET, SO_RCVBUF, 20000);
	set(c, SOL_SOCKET, SO_SNDBUF, 30000);
	set(c, SOL_SOCKET, SO_PRIORITY, 3);
	SHOW(fresh_to(c, port));
	say("SO_RCVBUF %d, SO_SNDBUF %d, SO_PRIORITY %d",
	    option(c, SOL_SOCKET, SO_RCVBUF), option(c, SOL_SOCKET, SO_SNDBUF),
	    option(c, SOL_SOCKET, SO_PRIORITY));
	s = (int)MUST(accept(l, NULL, NULL));
	works(c, s);
	c = sem_socket();
	SHOW(fresh_to(c, port));
	say("SO_RCVBUF %d", option(c, SOL_SOCKET, SO_RCVBUF));
	say("TCP_NODELAY %d, TCP_CORK %d, TCP_QUICKACK %d, SO_KEEPALIVE %d",
	    option(c, IPPROTO_TCP, TCP_NODELAY),
	    option(c, IPPROTO_TCP, TCP_CORK),
	    option(c, IPPROTO_TCP, TCP_QUICKACK),
	    option(c, SOL_SOCKET, SO_KEEPALIVE));
	(void)p;
}

/* -- from where -------------------------------------------------------------------- */

/* By the kernel's choice, and by our own. */
static void bound(struct pair *p)
{
	int port, l = sem_listen(4, &port), mine = 0;

	for (int i = 0; i < 2; i++) {
		struct sockaddr_storage addr;
		socklen_t len = sem_addr(&addr, mine);
		int c = sem_socket();

		SHOW(bind(c, (struct sockaddr *)&addr, len));
		say("%s", own_port(c) ? "bound" : "not bound");
		mine = own_port(c);
		SHOW(fresh_to(c, port));
		say("%s", own_port(c) == mine ? "kept" : "another");
		works(c, (int)MUST(accept(l, NULL, NULL)));
		c = sem_socket();
		MUST(bind(c, (struct sockaddr *)&addr, sem_addr(&addr, 0)));
		mine = own_port(c);
		close(c);
	}
	(void)p;
}

/*
 * Another connection from the same port, to another server. The first is made
 * again when its server has not accepted it in time, and keeps its name.
 */
static void shared_port(struct pair *p)
{
	int port, l = sem_listen(4, &port), port2, l2 = sem_listen(4, &port2);
	int c = sem_socket(), other = sem_socket(), mine;
	struct pair first = { .fd = c };

	SHOW(fresh_to(c, port));
	mine = own_port(c);
	pair_send(&first, 100);
	setsockopt(other, IPPROTO_IP, IP_LOCAL_PORT_RANGE,
		   &(uint32_t){ (uint32_t)mine << 16 | mine },
		   sizeof(uint32_t));
	SHOW(fresh_to(other, port2));
	nap(BEYOND_MS);
	*p = (struct pair){ .fd = SHOW_FD(accept(l, NULL, NULL)) };
	pair_receive(p, 100);
	say("%s", own_port(c) == mine ? "one name" : "another name");
	show_names("it", c, p->fd);
	both_say(p, &first, 1000);
	both_say(&first, p, 1000);
	works(other, SHOW_FD(accept(l2, NULL, NULL)));
}

/* What it was before may be handed out, or not (ARCHITECTURE.md, 7). */
static int accept_from(int l, int client)
{
	struct sockaddr_storage from;
	socklen_t len;
	int s;

	for (;;) {
		len = sizeof(from);
		s = (int)MUST(accept(l, (struct sockaddr *)&from, &len));
		if (sem_addr_port(&from) == own_port(client))
			return s;
		close(s);
	}
}

static void dissolved(struct pair *p)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int port, l = sem_listen(4, &port), c = sem_socket();

	SHOW(fresh_to(c, port));
	for (int i = 0; i < 3; i++) {
		nap(i * 5);
		SHOW(connect(c, &none, sizeof(none)));
		SHOW(recv(c, buf, 10, 0));
		SHOW(fresh_to(c, port));
		works(c, accept_from(l, c));
	}
	(void)p;
}

/* What was on its way is lost; the next connection begins anew. */
static void dissolved_held(struct pair *p)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int port, l = sem_listen(4, &port), c = sem_socket(), s;

	SHOW(fresh_to(c, port));
	SHOW(send(c, "old", 3, 0));
	SHOW(connect(c, &none, sizeof(none)));
	SHOW(recv(c, buf, 10, 0));
	SHOW(fresh_to(c, port));
	SHOW(send(c, "new", 3, 0));
	do {
		s = (int)MUST(accept(l, NULL, NULL));
	} while (recv(s, buf, 10, 0) != 3 || memcmp(buf, "new", 3) != 0);
	works(c, s);
	(void)p;
}

/* A number that was made before there was a connection is as good as any. */
static void duplicated(struct pair *p)
{
	int port, l = sem_listen(4, &port);

	for (int i = 0; i < 3; i++) {
		int c = sem_socket(), d = dup(c);

		SHOW(fresh_to(c, port));
		nap(i * 10);
		if (i == 2)
			close(c);
		works(d, (int)MUST(accept(l, NULL, NULL)));
		if (i != 2)
			close(c);
		close(d);
	}
	(void)p;
}

/* -- in the end ----------------------------------------------------------------------- */

static void on_alarm(int signal)
{
	(void)signal;
}

/* Which of these was accepted from it? */
static int end_of(int fd, const int ends[3])
{
	for (int i = 0; i < 3; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);

		MUST(getpeername(ends[i], (struct sockaddr *)&from, &len));
		if (sem_addr_port(&from) == own_port(fd))
			return ends[i];
	}
	return -1;
}

/* The queue is full, so that a SYN is answered when it is sent again. */
static void interrupted(struct pair *p)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = { { 0, 0 }, { 0, 30000 } };
	struct timeval time = { 0, 50000 };
	int port, l = sem_listen(1, &port), fill[5], c = sem_socket(), s;
	int timed = sem_socket(), begun = nonblocking(), ends[3];

	for (int i = 0; i < 5; i++)
		fresh_to(fill[i] = nonblocking(), port);
	nap(20);
	MUST(sigaction(SIGALRM, &action, NULL));
	MUST(setitimer(ITIMER_REAL, &soon, NULL));
	SHOW(fresh_to(c, port));
	MUST(setsockopt(timed, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)));
	SHOW(fresh_to(timed, port));
	SHOW(fresh_to(begun, port));
	MUST(fcntl(c, F_SETFL, O_NONBLOCK));
	SHOW(fresh_to(c, port));
	show_poll(c, POLLIN | POLLOUT, 0);
	say("class %d", class_of(c));
	for (int i = 0; i < 5; i++)
		close(fill[i]);
	MUST(fcntl(l, F_SETFL, O_NONBLOCK));
	while ((s = accept(l, NULL, NULL)) >= 0)
		close(s);
	MUST(fcntl(l, F_SETFL, 0));
	MUST(listen(l, 8));
	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? c : i == 1 ? timed : begun;

		say("%s", await_events(fd, POLLOUT) ? "connected" : "BAD");
		SHOW(fresh_error(fd));
	}
	for (int i = 0; i < 3; i++)
		ends[i] = (int)MUST(accept(l, NULL, NULL));
	works(c, end_of(c, ends));
	works(timed, end_of(timed, ends));
	works(begun, end_of(begun, ends));
	(void)p;
}

static void fast_open(struct pair *p)
{
	struct sockaddr_storage addr;
	int port, l = sem_listen(4, &port), c = sem_socket();
	socklen_t len = sem_addr(&addr, port);
	struct pair one = { .fd = c }, s = { 0 };

	SHOW(setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN, &(int){ 5 },
			sizeof(int)));
	pair_next(&one, buf, 100);
	SHOW(sendto(c, buf, 100, MSG_FASTOPEN, (struct sockaddr *)&addr, len));
	s.fd = SHOW_FD(accept(l, NULL, NULL));
	pair_receive(&s, 100);
	works(c, s.fd);
	one = s = (struct pair){ .fd = c = sem_socket() };
	SHOW(setsockopt(c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 },
			sizeof(int)));
	SHOW(fresh_to(c, port));
	pair_send(&one, 100);
	s.fd = SHOW_FD(accept(l, NULL, NULL));
	pair_receive(&s, 100);
	works(c, s.fd);
	(void)p;
}

/* -- servers that take one connection ------------------------------------------------ */

/* Our end of the only connection that the server takes. */
static void only(struct pair *p, enum peer_open open, int accept_ms)
{
	int port, l;

	*p = (struct pair){ .fd = -1 };
	if (sem_is_client) {
		port = (int)MUST(peer_do(PEER_LISTEN, 0, 1, 0));
		peer_begin(PEER_ACCEPT, 0, accept_ms, open, 0);
		peer_begin(PEER_UNLISTEN, 0, 0, 0, 0);
		p->fd = sem_socket();
		MUST(fresh_to(p->fd, port));
		return;
	}
	l = sem_listen(1, &port);
	peer_begin(PEER_CONNECT, 0, 0, port, OPEN_SILENT);
	p->fd = (int)MUST(accept(l, NULL, NULL));
	MUST(peer_end());
	MUST(close(l));
}

static void settled(void)
{
	if (!sem_is_client)
		return;
	SHOW(peer_end());
	SHOW(peer_end());
}

static void one_shot(struct pair *p)
{
	for (int late = 0; late <= LATE_MS; late += LATE_MS) {
		only(p, OPEN_SILENT, late);
		pair_send(p, 1000);
		settled();
		SHOW(peer_receive(p, 1000));
		SHOW(peer_send(p, 500));
		pair_receive(p, 500);
		SHOW(close(p->fd));
		SHOW(peer_drain(p));
		MUST(peer_close(p));
	}
	p->fd = -1;
}

/* It speaks and ends without having heard anything. We look now or later. */
static void banner_and_end(struct pair *p)
{
	for (int look = 0; look <= LATE_MS; look += LATE_MS) {
		only(p, OPEN_BANNER, 0);
		if (sem_is_client) {
			peer_begin(PEER_CLOSE, 0, 0, 0, 0);
			nap(look);
			pair_receive(p, BANNER);
			SHOW(recv(p->fd, buf, 10, 0));
			settled();
			SHOW(peer_end());
		} else {
			peer_begin(PEER_DRAIN, 0, look, 0, 0);
			pair_send(p, BANNER);
			SHOW(close(p->fd));
			SHOW(peer_end());
			MUST(peer_close(p));
			p->fd = -1;
		}
		pair_close(p);
	}
}

/* It speaks, we answer, and so on. */
static void banner_and_talk(struct pair *p)
{
	for (int look = 0; look <= LATE_MS; look += LATE_MS) {
		only(p, sem_is_client ? OPEN_BANNER : OPEN_SILENT, look / 2);
		if (sem_is_client) {
			nap(look);
			pair_receive(p, BANNER);
			settled();
		} else {
			peer_begin(PEER_RECEIVE, 0, look, BANNER, 0);
			pair_send(p, BANNER);
			SHOW(peer_end());
		}
		pair_talk(p);
		pair_close(p);
		SHOW(peer_drain(p));
		MUST(peer_close(p));
	}
}

/* Is anybody there? Nothing is said, and the server sees just that. */
static void health(struct pair *p)
{
	for (int i = 0; i < 4; i++) {
		only(p, OPEN_SILENT, i % 2 ? LATE_MS : 0);
		if (i >= 2) {
			show_poll(p->fd, POLLOUT, 1000);
			SHOW(fresh_error(p->fd));
		}
		if (sem_is_client) {
			SHOW(close(p->fd));
			settled();
			SHOW(peer_drain(p));
			MUST(peer_close(p));
		} else {
			MUST(peer_close(p));
			SHOW(recv(p->fd, buf, 10, 0));
			SHOW(close(p->fd));
		}
		p->fd = -1;
	}
}

const struct sem_case sem_cases[] = {
	{ "classes", SEM_ONCE, classes, "IP_TOS and IPV6_TCLASS, at every moment" },
	{ "own_maxseg", SEM_ONCE, own_maxseg, "TCP_MAXSEG of the application" },
	{ "buffers", SEM_ONCE, buffers, "other options, set and unset" },
	{ "bound", SEM_ONCE, bound, "bind before connect" },
	{ "shared_port", SEM_ONCE | SEM_HASTY, shared_port,
	  "accepted too late, from a port that another connection has, too" },
	{ "dissolved", SEM_ONCE, dissolved, "AF_UNSPEC before anything was said" },
	{ "dissolved_held", SEM_ONCE, dissolved_held, "... with bytes on their way" },
	{ "duplicated", SEM_ONCE, duplicated, "dup, then connect" },
	{ "interrupted", SEM_ONCE | SEM_NO_TSAN, interrupted,
	  "EINTR, SO_SNDTIMEO, EINPROGRESS, and connected later" },
	{ "fast_open", SEM_ONCE, fast_open, "MSG_FASTOPEN and TCP_FASTOPEN_CONNECT" },
	{ "one_shot", 0, one_shot, "a server that accepts once" },
	{ "banner_and_end", 0, banner_and_end, "... speaks, and closes" },
	{ "banner_and_talk", 0, banner_and_talk, "... speaks first" },
	{ "health", 0, health, "connect and close" },
	{ 0 }
};
