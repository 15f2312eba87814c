/* SPDX-License-Identifier: BSD-2-Clause */
/* socket, bind, listen. */
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

static int bind_port(int fd, int port)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, port);

	return bind(fd, (struct sockaddr *)&addr, len);
}

static int port_of(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	MUST(getsockname(fd, (struct sockaddr *)&addr, &len));
	return sem_addr_port(&addr);
}

static void kinds(struct pair *p)
{
	int f = sem_family, s;

	s = SHOW_FD(socket(f, SOCK_STREAM, 0));
	say("flags %#x %#x", fcntl(s, F_GETFL), fcntl(s, F_GETFD));
	s = SHOW_FD(socket(f, SOCK_STREAM, IPPROTO_TCP));
	s = SHOW_FD(socket(f, SOCK_STREAM | SOCK_NONBLOCK, 0));
	say("flags %#x %#x", fcntl(s, F_GETFL), fcntl(s, F_GETFD));
	s = SHOW_FD(socket(f, SOCK_STREAM | SOCK_CLOEXEC, 0));
	say("flags %#x %#x", fcntl(s, F_GETFL), fcntl(s, F_GETFD));
	SHOW_FD(socket(f, SOCK_DGRAM, 0));
	SHOW_FD(socket(AF_UNIX, SOCK_STREAM, 0));
	SHOW_FD(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	(void)p;
}

static void wrong(struct pair *p)
{
	SHOW(socket(sem_family, SOCK_STREAM, IPPROTO_UDP));
	SHOW(socket(sem_family, SOCK_DGRAM, IPPROTO_TCP));
	SHOW(socket(sem_family, SOCK_SEQPACKET, 0));
	SHOW(socket(sem_family, 77, 0));
	SHOW(socket(9999, SOCK_STREAM, 0));
	SHOW(socket(-1, SOCK_STREAM, 0));
	SHOW(socket(sem_family, SOCK_STREAM | 0x1000000, 0));
	SHOW(socket(sem_family, SOCK_STREAM, 9999));
	(void)p;
}

static void binding(struct pair *p)
{
	int a = sem_socket(), b = sem_socket(), one = 1, port;

	SHOW(bind_port(a, 0));
	port = port_of(a);
	SHOW(port > 0);
	SHOW(bind_port(a, 0));
	SHOW(bind_port(b, port));
	SHOW(setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	SHOW(bind_port(b, port));
	SHOW(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	SHOW(bind_port(b, port));
	SHOW(listen(a, 1));
	SHOW(listen(b, 1));
	close(a);
	SHOW(listen(b, 1));
	(void)p;
}

static void reuse_port(struct pair *p)
{
	int a = sem_socket(), b = sem_socket(), c = sem_socket(), one = 1;

	SHOW(setsockopt(a, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	SHOW(setsockopt(b, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	SHOW(bind_port(a, 0));
	SHOW(bind_port(b, port_of(a)));
	SHOW(bind_port(c, port_of(a)));
	SHOW(listen(a, 1));
	SHOW(listen(b, 1));
	(void)p;
}

static void binding_wrong(struct pair *p)
{
	struct sockaddr_in far = { .sin_family = AF_INET };
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, 0);
	int s = sem_socket(), four;

	SHOW(bind_port(-1, 0));
	SHOW(bind_port(999, 0));
	SHOW(bind_port(0, 0));
	SHOW(bind(s, (struct sockaddr *)&addr, 4));
	SHOW(bind(s, nowhere(), len));
	SHOW(bind(s, (struct sockaddr *)&addr, opaque(-1)));
	addr.ss_family = AF_UNIX;
	SHOW(bind(s, (struct sockaddr *)&addr, len));
	four = (int)MUST(socket(AF_INET, SOCK_STREAM, 0));
	far.sin_addr.s_addr = htonl(0xc0000201);
	SHOW(bind(four, (struct sockaddr *)&far, sizeof(far)));
	(void)p;
}

static void listening(struct pair *p)
{
	int s = sem_socket(), u = (int)MUST(socket(sem_family, SOCK_DGRAM, 0));

	SHOW(listen(s, 5));
	SHOW(port_of(s) > 0);
	SHOW(listen(s, 0));
	SHOW(listen(s, -1));
	SHOW(listen(s, 100000));
	SHOW(bind_port(s, 0));
	SHOW(listen(u, 1));
	SHOW(listen(-1, 1));
	SHOW(listen(999, 1));
	SHOW(listen(0, 1));
	(void)p;
}

/* Never accepted, the listener closed after a while: the client is reset. */
static void unaccepted_for(int ms)
{
	struct sockaddr_storage addr;
	int port, l = sem_listen(4, &port);
	socklen_t len = sem_addr(&addr, port);
	int s = (int)MUST(socket(sem_family, SOCK_STREAM | SOCK_NONBLOCK, 0));

	SHOW(connect(s, (struct sockaddr *)&addr, len));
	show_poll(l, POLLIN, 3000);
	nap(ms);
	SHOW(close(l));
	if (!await_events(s, POLLHUP))
		say("no POLLHUP");
	say("recv %s", recv(s, &addr, 1, 0) < 0 ? "failed" : "did not fail");
	SHOW(send(s, &addr, 1, MSG_NOSIGNAL));
}

static void unaccepted(struct pair *p)
{
	unaccepted_for(0);
	(void)p;
}

static void unaccepted_long(struct pair *p)
{
	unaccepted_for(100);
	(void)p;
}

/* Made into a listener again after a shutdown. */
static void listen_again(struct pair *p)
{
	int port, l = sem_listen(4, &port), s;
	char byte;

	SHOW(shutdown(l, SHUT_RD));
	SHOW(listen(l, 4));
	/* Chosen by the kernel, so given back by the shutdown. */
	port = port_of(l);
	peer_begin(PEER_CONNECT, 0, 0, port, OPEN_PING);
	s = SHOW_FD(accept(l, NULL, NULL));
	SHOW(recv(s, &byte, 1, 0));
	SHOW(peer_end());
	p->fd = s;
}

static void datagrams(struct pair *p)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, 0);
	int a = (int)MUST(socket(sem_family, SOCK_DGRAM, 0));
	int b = (int)MUST(socket(sem_family, SOCK_DGRAM, 0));
	char buf[10];

	SHOW(bind(a, (struct sockaddr *)&addr, len));
	MUST(getsockname(a, (struct sockaddr *)&addr, &len));
	SHOW(connect(b, (struct sockaddr *)&addr, len));
	SHOW(send(b, "hello", 5, 0));
	SHOW(recv(a, buf, 3, MSG_TRUNC));
	SHOW(write(b, "", 0));
	SHOW(recv(a, buf, 10, 0));
	(void)p;
}

static void local(struct pair *p)
{
	char buf[10];
	int s[2];

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	SHOW(send(s[0], "hello", 5, 0));
	SHOW(recv(s[1], buf, 10, MSG_PEEK));
	SHOW(read(s[1], buf, 10));
	SHOW(shutdown(s[0], SHUT_WR));
	SHOW(read(s[1], buf, 10));
	SHOW(close(s[0]));
	SHOW(send(s[1], "x", 1, MSG_NOSIGNAL));
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "kinds", SEM_ONCE, kinds, "types and flags" },
	{ "wrong", SEM_ONCE, wrong, "what socket() refuses" },
	{ "binding", SEM_ONCE, binding, "EADDRINUSE, EINVAL, SO_REUSEADDR" },
	{ "reuse_port", SEM_ONCE, reuse_port, "SO_REUSEPORT" },
	{ "binding_wrong", SEM_ONCE, binding_wrong, "EBADF, EFAULT, EADDRNOTAVAIL" },
	{ "listening", SEM_ONCE, listening, "listen with and without bind" },
	{ "unaccepted", SEM_ONCE, unaccepted, "the listener closes on a waiting client" },
	{ "unaccepted_long", SEM_ONCE, unaccepted_long, "the same, when it has waited" },
	{ "listen_again", SEM_ONCE, listen_again, "listen after shutdown" },
	{ "datagrams", SEM_ONCE, datagrams, "datagrams pass through" },
	{ "local", SEM_ONCE, local, "local sockets pass through" },
	{ 0 }
};
