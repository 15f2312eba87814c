/* SPDX-License-Identifier: BSD-2-Clause */
/* connect: blocking, non-blocking, refused, repeated, dissolved. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

static int so_error(int fd)
{
	int value = -1;
	socklen_t len = sizeof(value);

	MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len));
	return value;
}

static int to(int fd, int port)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, port);

	return connect(fd, (struct sockaddr *)&addr, len);
}

static int nonblocking(void)
{
	return (int)MUST(socket(sem_family, SOCK_STREAM | SOCK_NONBLOCK, 0));
}

/* A port nobody listens on, ours for as long as the fd is open. */
static int dead_port(int *fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, 0);

	*fd = sem_socket();
	MUST(bind(*fd, (struct sockaddr *)&addr, len));
	MUST(getsockname(*fd, (struct sockaddr *)&addr, &len));
	return sem_addr_port(&addr);
}

static int listening(void)
{
	return (int)MUST(peer_do(PEER_LISTEN, 0, 16, 0));
}

/* A ping each way over the fresh connection fd. */
static void works(struct pair *p, int fd)
{
	*p = (struct pair){ .fd = fd };
	fcntl(fd, F_SETFL, 0);
	MUST(send(fd, "!", 1, MSG_NOSIGNAL));
	SHOW(peer_end());
	pair_warm(p);
	say("works");
}

static void blocking(struct pair *p)
{
	int port = listening(), s = sem_socket();

	peer_begin(PEER_ACCEPT, 0, 0, OPEN_PING, 0);
	SHOW(to(s, port));
	SHOW(to(s, port));
	SHOW(so_error(s));
	works(p, s);
	SHOW(to(s, port));
}

static void in_background(struct pair *p)
{
	int port = listening(), s = nonblocking();

	peer_begin(PEER_ACCEPT, 0, 0, OPEN_PING, 0);
	SHOW(to(s, port));
	show_poll(s, POLLOUT, 5000);
	say("SO_ERROR %s", errno_name(so_error(s)));
	SHOW(to(s, port));
	SHOW(to(s, port));
	SHOW(recv(s, buf, 1, 0));
	works(p, s);
}

/* The server accepts late and reads later: still one good connection. */
static void late_server(struct pair *p)
{
	int port = listening(), s = nonblocking();

	peer_begin(PEER_ACCEPT, 0, 120, OPEN_PING, 0);
	SHOW(to(s, port));
	show_poll(s, POLLOUT, 5000);
	say("SO_ERROR %s", errno_name(so_error(s)));
	works(p, s);
}

static void late_server_blocking(struct pair *p)
{
	int port = listening(), s = sem_socket();

	peer_begin(PEER_ACCEPT, 0, 120, OPEN_PING, 0);
	SHOW(to(s, port));
	works(p, s);
}

static unsigned own_port(int s)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);

	MUST(getsockname(s, (struct sockaddr *)&name, &length));
	return ((struct sockaddr_in *)&name)->sin_port;
}

/* It has answered one, and takes longer than handshake.timeout for the next. */
static void busy_server(struct pair *p)
{
	int port = listening(), first = sem_socket(), s = nonblocking();
	unsigned before;

	peer_begin(PEER_ACCEPT, 1, 0, OPEN_PING, 0);
	SHOW(to(first, port));
	SHOW(send(first, "!", 1, 0));
	SHOW(peer_end());
	peer_begin(PEER_ACCEPT, 0, 2500, OPEN_PING, 0);
	SHOW(to(s, port));
	before = own_port(s);
	show_poll(s, POLLOUT, 8000);
	works(p, s);
	say(own_port(s) == before ? "one connection" : "another connection");
	close(first);
}

/* Waiting for POLLIN alone, for a server that speaks first. */
static void wait_for_banner(struct pair *p)
{
	int port = listening(), s = nonblocking();

	peer_begin(PEER_ACCEPT, 0, 0, OPEN_BANNER, 0);
	SHOW(to(s, port));
	show_poll(s, POLLIN, 5000);
	SHOW(recv(s, buf, 100, 0));
	say("SO_ERROR %s", errno_name(so_error(s)));
	*p = (struct pair){ .fd = s, .rx = BANNER };
	MUST(peer_end());
	fcntl(s, F_SETFL, 0);
	pair_warm(p);
	say("works");
}

static void refused(struct pair *p)
{
	int held, dead = dead_port(&held), port = listening();
	int s = sem_socket();

	SHOW(to(s, dead));
	say("SO_ERROR %s", errno_name(so_error(s)));
	SHOW(to(s, dead));
	show_poll(s, POLLIN | POLLOUT, 0);
	SHOW(recv(s, buf, 1, 0));
	peer_begin(PEER_ACCEPT, 0, 0, OPEN_PING, 0);
	SHOW(to(s, port));
	works(p, s);
}

static void refused_in_background(struct pair *p)
{
	int held, dead = dead_port(&held), s = nonblocking();

	SHOW(to(s, dead));
	show_poll(s, POLLOUT, 5000);
	say("SO_ERROR %s", errno_name(so_error(s)));
	say("SO_ERROR %s", errno_name(so_error(s)));
	show_poll(s, POLLIN | POLLOUT, 0);
	close(s);
	s = nonblocking();
	SHOW(to(s, dead));
	show_poll(s, POLLOUT, 5000);
	SHOW(to(s, dead));
	say("SO_ERROR %s", errno_name(so_error(s)));
	close(s);
	s = nonblocking();
	SHOW(to(s, dead));
	show_poll(s, POLLIN | POLLOUT | POLLRDHUP, 5000);
	SHOW(recv(s, buf, 1, 0));
	SHOW(recv(s, buf, 1, 0));
	SHOW(send(s, buf, 1, MSG_NOSIGNAL));
	close(s);
	(void)p;
}

static void listener_closed(struct pair *p)
{
	int port = listening(), s = sem_socket();

	peer_do(PEER_UNLISTEN, 0, 0, 0);
	SHOW(to(s, port));
	(void)p;
}

/* A listener whose queue is full drops SYNs: nothing is answered. */
static int silent_port(void)
{
	int port, l = sem_listen(0, &port);

	(void)l;
	for (int i = 0; i < 4; i++)
		to(nonblocking(), port);
	nap(20);
	return port;
}

static void already(struct pair *p)
{
	int port = silent_port(), s = nonblocking();

	SHOW(to(s, port));
	SHOW(to(s, port));
	SHOW(to(s, port));
	show_poll(s, POLLIN | POLLOUT, 30);
	say("SO_ERROR %s", errno_name(so_error(s)));
	SHOW(recv(s, buf, 1, 0));
	SHOW(send(s, buf, 1, MSG_NOSIGNAL));
	SHOW(getpeername(s, (struct sockaddr *)buf, &(socklen_t){ 128 }));
	SHOW(shutdown(s, SHUT_RDWR));
	show_poll(s, POLLIN | POLLOUT, 0);
	SHOW(to(s, port));
	close(s);
	(void)p;
}

static void times_out(struct pair *p)
{
	struct timeval t = { 0, 100000 };
	int port = silent_port(), s = sem_socket();
	long since;

	SHOW(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)));
	since = now_ms();
	SHOW(to(s, port));
	since = now_ms() - since;
	say("%s", since < 95 ? "too early" : since > 4000 ? "too late" : "in time");
	SHOW(to(s, port));
	close(s);
	(void)p;
}

static void dissolve(struct pair *p)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int port;

	SHOW(connect(p->fd, &none, sizeof(none)));
	SHOW(peer_receive(p, 1));
	SHOW(getpeername(p->fd, (struct sockaddr *)buf, &(socklen_t){ 128 }));
	SHOW(recv(p->fd, buf, 1, 0));
	SHOW(send(p->fd, buf, 1, MSG_NOSIGNAL));
	SHOW(connect(p->fd, &none, sizeof(none)));
	port = listening();
	peer_begin(PEER_ACCEPT, 0, 0, OPEN_PING, 0);
	SHOW(to(p->fd, port));
	works(p, p->fd);
}

static void wrong(struct pair *p)
{
	struct sockaddr_un un = { AF_UNIX, "/nonexistent" };
	int port, l = sem_listen(4, &port), s = sem_socket();
	struct sockaddr_storage addr;

	sem_addr(&addr, port);
	SHOW(to(-1, port));
	SHOW(to(999, port));
	SHOW(to(0, port));
	SHOW(to(l, port));
	SHOW(connect(s, (struct sockaddr *)&addr, 3));
	SHOW(connect(s, (struct sockaddr *)&addr, 1));
	SHOW(connect(s, (struct sockaddr *)&addr, 0));
	SHOW(connect(s, (struct sockaddr *)&un, sizeof(un)));
	SHOW(connect(s, (struct sockaddr *)&addr, opaque(-1)));
	SHOW(connect(s, (struct sockaddr *)&addr, 4096));
	(void)p;
}

static void fault(struct pair *p)
{
	SHOW(connect(sem_socket(), nowhere(), sizeof(struct sockaddr_in6)));
	(void)p;
}

static void options_kept(struct pair *p)
{
	int port = listening(), s = sem_socket(), one = 1, got = 0;
	socklen_t len = sizeof(got);

	SHOW(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	SHOW(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)));
	peer_begin(PEER_ACCEPT, 0, 0, OPEN_PING, 0);
	SHOW(to(s, port));
	works(p, s);
	MUST(getsockopt(s, IPPROTO_TCP, TCP_NODELAY, &got, &len));
	say("TCP_NODELAY %d", got);
	MUST(getsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &got, &len));
	say("SO_KEEPALIVE %d", got);
}

/* An IPv6 socket reaches an IPv4 listener by the mapped address. */
static void mapped(struct pair *p)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_storage four;
	int port, s;

	if (sem_family != AF_INET)
		return;
	port = listening();
	s = (int)MUST(socket(AF_INET6, SOCK_STREAM, 0));
	sem_addr(&four, port);
	six.sin6_port = htons(port);
	six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&six.sin6_addr.s6_addr[12],
	       &((struct sockaddr_in *)&four)->sin_addr, 4);
	peer_begin(PEER_ACCEPT, 0, 0, OPEN_PING, 0);
	SHOW(connect(s, (struct sockaddr *)&six, sizeof(six)));
	works(p, s);
}

/* The greeting is declined: the server reads nothing. */
static void declined(struct pair *p)
{
	int port = listening(), s = nonblocking();

	SHOW(to(s, port));
	MUST(peer_do(PEER_ACCEPT, 0, OPEN_SILENT, 0));
	SHOW(peer_do(PEER_SHUTDOWN, 0, SHUT_RD, 0));
	say("%s", await_events(s, POLLOUT) ? "connected" : "BAD");
	SHOW(to(s, port));
	SHOW(to(s, port));
	*p = (struct pair){ .fd = s };
	fcntl(s, F_SETFL, 0);
	pair_send(p, 10);
	nap(50);
	SHOW(peer_receive(p, 10));
	peer_send(p, 1000);
	pair_receive(p, 1000);
	close(s);
}

static void again_and_again(struct pair *p)
{
	int good = 0;

	for (int i = 0; i < 50; i++) {
		int port = listening(), s = nonblocking();

		peer_begin(PEER_ACCEPT, 0, 0, OPEN_PING, 0);
		good += to(s, port) < 0 && errno == EINPROGRESS;
		if (!await_events(s, POLLOUT) || so_error(s) != 0)
			say("round %d: BAD", i);
		MUST(send(s, "!", 1, MSG_NOSIGNAL));
		MUST(peer_end());
		close(s);
		peer_do(PEER_CLOSE, 0, 0, 0);
		peer_do(PEER_UNLISTEN, 0, 0, 0);
	}
	say("%d in progress", good);
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "blocking", SEM_ONCE, blocking, "connect, and EISCONN" },
	{ "in_background", SEM_ONCE, in_background, "EINPROGRESS, POLLOUT, SO_ERROR, 0, EISCONN" },
	{ "late_server", SEM_ONCE, late_server, "the server accepts 120 ms later" },
	{ "late_server_blocking", SEM_ONCE, late_server_blocking, "the same, blocking" },
	{ "busy_server", SEM_ONCE, busy_server, "the second is answered after 2.5 s" },
	{ "wait_for_banner", SEM_ONCE, wait_for_banner, "POLLIN alone, the server speaks first" },
	{ "refused", SEM_ONCE, refused, "ECONNREFUSED, then a good port" },
	{ "refused_in_background", SEM_ONCE, refused_in_background,
	  "the same by POLLOUT and SO_ERROR" },
	{ "listener_closed", SEM_ONCE, listener_closed, "the listener is gone" },
	{ "already", SEM_ONCE, already, "EALREADY while nothing is answered" },
	{ "times_out", SEM_ONCE, times_out, "SO_SNDTIMEO bounds a blocking connect" },
	{ "dissolve", LANE, dissolve, "AF_UNSPEC resets; connect again" },
	{ "wrong", SEM_ONCE, wrong, "addresses and fds that are wrong" },
	{ "fault", SEM_ONCE, fault, "EFAULT" },
	{ "options_kept", SEM_ONCE, options_kept, "options set before are still set after" },
	{ "mapped", SEM_ONCE, mapped, "an IPv4-mapped address" },
	{ "declined", SEM_ONCE, declined, "connect() again when the server reads nothing" },
	{ "again_and_again", SEM_ONCE, again_and_again, "50 non-blocking connects in a row" },
	{ 0 }
};
