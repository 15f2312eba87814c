/* SPDX-License-Identifier: BSD-2-Clause */
/* dup, dup2, dup3: one connection under several numbers. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

static void say_fd(const char *what, int fd, int expected)
{
	int err = errno;

	if (fd < 0)
		say("%s = -1 %s", what, errno_name(err));
	else
		say("%s = %s", what, fd == expected ? "the number" : "another");
}

static void take(struct pair *p, int fd, size_t n)
{
	long r = recv(fd, buf, n, MSG_WAITALL);

	if (r < 0)
		say("recv = -1 %s", errno_name(errno));
	else
		say("recv = %ld, %s", r, pair_check(p, buf, r));
}

static void put(struct pair *p, int fd, size_t n)
{
	pair_next(p, buf, n);
	p->tx += MUST(send(fd, buf, n, MSG_NOSIGNAL));
}

static void shares(struct pair *p)
{
	int d = SHOW_FD(dup(p->fd));

	peer_send(p, 30);
	take(p, p->fd, 10);
	take(p, d, 10);
	take(p, p->fd, 10);
	put(p, p->fd, 10);
	put(p, d, 10);
	put(p, p->fd, 10);
	SHOW(peer_receive(p, 30));
	SHOW(fcntl(d, F_SETFL, O_RDWR | O_NONBLOCK));
	SHOW(recv(p->fd, buf, 1, 0));
	SHOW(close(d));
	SHOW(recv(d, buf, 1, 0));
	SHOW(recv(p->fd, buf, 1, 0));
}

static void keeps(struct pair *p)
{
	int d = SHOW_FD(dup(p->fd));

	SHOW(close(p->fd));
	SHOW(recv(p->fd, buf, 1, 0));
	SHOW(peer_poll(p, POLLIN | POLLRDHUP, 50));
	peer_send(p, 20);
	take(p, d, 20);
	put(p, d, 20);
	SHOW(peer_receive(p, 20));
	SHOW(close(d));
	p->fd = -1;
	SHOW(peer_drain(p));
}

static void shutdown_shared(struct pair *p)
{
	int d = SHOW_FD(dup(p->fd));

	SHOW(shutdown(d, SHUT_WR));
	SHOW(send(p->fd, buf, 1, MSG_NOSIGNAL));
	SHOW(peer_drain(p));
	peer_send(p, 10);
	take(p, d, 10);
	close(d);
}

static void dup2_high(struct pair *p)
{
	say_fd("dup2 to 77", dup2(p->fd, 77), 77);
	close(p->fd);
	p->fd = 77;
	peer_send(p, 10);
	take(p, 77, 10);
	put(p, 77, 10);
	SHOW(peer_receive(p, 10));
}

static void dup2_itself(struct pair *p)
{
	say_fd("dup2 itself", dup2(p->fd, p->fd), p->fd);
	SHOW(dup3(p->fd, p->fd, 0));
	peer_send(p, 10);
	take(p, p->fd, 10);
	put(p, p->fd, 10);
	SHOW(peer_receive(p, 10));
}

/* A connection's number is given to a pipe: the connection is closed. */
static void over_connection(struct pair *p)
{
	int pipes[2];

	MUST(pipe(pipes));
	put(p, p->fd, 100);
	say_fd("dup2 over it", dup2(pipes[1], p->fd), p->fd);
	SHOW(peer_drain(p));
	SHOW(write(p->fd, "hello", 5));
	SHOW(send(p->fd, "hello", 5, 0));
	SHOW(read(pipes[0], buf, 100));
	say("%.5s", buf);
}

static void dup3_over_connection(struct pair *p)
{
	int null = MUST(open("/dev/null", O_RDWR));

	put(p, p->fd, 100);
	say_fd("dup3 over it", dup3(null, p->fd, O_CLOEXEC), p->fd);
	SHOW(peer_drain(p));
	SHOW(fcntl(p->fd, F_GETFD));
	SHOW(read(p->fd, buf, 10));
	SHOW(recv(p->fd, buf, 10, 0));
}

/* One connection's number is given to another connection. */
static void over_another(struct pair *p)
{
	struct pair q;

	pair_open(&q, 1);
	pair_warm(&q);
	put(p, p->fd, 50);
	say_fd("dup2", dup2(q.fd, p->fd), p->fd);
	SHOW(peer_drain(p));
	peer_send(&q, 10);
	take(&q, p->fd, 10);
	put(&q, q.fd, 10);
	put(&q, p->fd, 10);
	SHOW(peer_receive(&q, 20));
	SHOW(close(q.fd));
	SHOW(peer_poll(&q, POLLIN, 50));
	SHOW(close(p->fd));
	SHOW(peer_drain(&q));
	p->fd = -1;
}

static void flags(struct pair *p)
{
	int d = SHOW_FD(dup(p->fd));
	int e;

	SHOW(fcntl(d, F_GETFD));
	close(d);
	say_fd("dup3 cloexec", dup3(p->fd, 60, O_CLOEXEC), 60);
	SHOW(fcntl(60, F_GETFD));
	say_fd("dup3", dup3(p->fd, 60, 0), 60);
	SHOW(fcntl(60, F_GETFD));
	SHOW(dup3(p->fd, 61, O_NONBLOCK));
	SHOW(fcntl(p->fd, F_SETFD, FD_CLOEXEC));
	e = SHOW_FD(dup(p->fd));
	SHOW(fcntl(e, F_GETFD));
	close(e);
	close(60);
	peer_send(p, 10);
	take(p, p->fd, 10);
}

static void wrong(struct pair *p)
{
	SHOW(dup(-1));
	SHOW(dup(999));
	SHOW(dup2(-1, p->fd));
	SHOW(dup2(999, p->fd));
	SHOW(dup2(p->fd, -1));
	SHOW(dup2(p->fd, 0x7fffffff));
	SHOW(dup2(999, 999));
	SHOW(dup3(999, p->fd, 0));
	peer_send(p, 10);
	take(p, p->fd, 10);
	put(p, p->fd, 10);
	SHOW(peer_receive(p, 10));
}

/* The pair is opened by `s`, which has a copy by now. */
static void connect_twin(struct pair *p, int s)
{
	struct sockaddr_storage addr;
	int port = (int)peer_do(PEER_LISTEN, 0, 1, 0);
	socklen_t len = sem_addr(&addr, port);

	*p = (struct pair){ .fd = s };
	peer_begin(PEER_ACCEPT, 0, 0, OPEN_PING, 0);
	SHOW(connect(s, (struct sockaddr *)&addr, len));
}

/* A number that was duplicated before connecting ... */
static void before_connect(struct pair *p)
{
	int s = sem_socket(), d = dup(s);

	connect_twin(p, s);
	SHOW(send(d, "!", 1, 0));
	SHOW(peer_end());
	close(s);
	p->fd = d;
	pair_warm(p);
	peer_send(p, 10);
	take(p, d, 10);
	SHOW(close(d));
	p->fd = -1;
	SHOW(peer_drain(p));
}

/* `s` and `d` are one socket: what comes by the one is the other's, too. */
static void use_both(struct pair *p, int s, int d)
{
	connect_twin(p, s);
	SHOW(send(s, "!", 1, 0));
	SHOW(peer_end());
	pair_warm(p);
	peer_send(p, 10);
	take(p, d, 10);
	put(p, d, 10);
	SHOW(peer_receive(p, 10));
	close(d);
	SHOW(close(s));
	p->fd = -1;
	SHOW(peer_drain(p));
}

/* ... and after an option that connect() has to ask of. */
static void with_option(struct pair *p)
{
	int s = sem_socket(), off = 0;

	SHOW(setsockopt(s, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off,
			sizeof(off)));
	use_both(p, s, dup(s));
}

/* ... and between two calls of connect(). */
static void after_refusal(struct pair *p)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, 1);
	int s = sem_socket();

	SHOW(connect(s, (struct sockaddr *)&addr, len));
	use_both(p, s, dup(s));
}

/* ... and the copy is libc's, which reads it without asking anybody. */
static void with_stdin(struct pair *p, int s, bool by_stdin)
{
	int before = dup(STDIN_FILENO);

	MUST(dup2(s, STDIN_FILENO));
	connect_twin(p, by_stdin ? STDIN_FILENO : s);
	p->fd = s;
	SHOW(send(s, "!", 1, 0));
	SHOW(peer_end());
	pair_warm(p);
	peer_send(p, 10);
	SHOW((long)fread(buf, 1, 10, stdin));
	say("%s", pair_check(p, buf, 10));
	MUST(dup2(before, STDIN_FILENO));
	close(before);
	SHOW(close(s));
	p->fd = -1;
	SHOW(peer_drain(p));
}

static void as_stdin(struct pair *p)
{
	with_stdin(p, sem_socket(), false);
}

static void by_stdin(struct pair *p)
{
	with_stdin(p, sem_socket(), true);
}

static void hundred(struct pair *p)
{
	int d[100];

	for (int i = 0; i < 100; i++)
		d[i] = (int)MUST(dup(p->fd));
	close(p->fd);
	for (int i = 0; i < 100; i++) {
		peer_send(p, 10);
		if (recv(d[i], buf, 10, MSG_WAITALL) != 10 ||
		    pair_check(p, buf, 10)[0] != 'g')
			say("dup %d: BAD", i);
		put(p, d[i], 10);
		if (peer_receive(p, 10) != 10)
			say("dup %d: peer BAD", i);
		close(d[i]);
	}
	p->fd = -1;
	SHOW(peer_drain(p));
}

/* dup2 over a number that a thread is blocked on: it keeps the connection. */
static void *wait_recv(void *arg)
{
	return (void *)(intptr_t)recv(*(int *)arg, buf, 100, 0);
}

static void under_a_reader(struct pair *p)
{
	int null = MUST(open("/dev/null", O_RDWR));
	pthread_t thread;
	void *got;

	pthread_create(&thread, NULL, wait_recv, &p->fd);
	nap(60);
	say_fd("dup2", dup2(null, p->fd), p->fd);
	SHOW(peer_send(p, 10));
	pthread_join(thread, &got);
	SHOW((long)(intptr_t)got);
	SHOW(peer_drain(p));
}

const struct sem_case sem_cases[] = {
	{ "shares", LANE, shares, "two numbers, one stream" },
	{ "keeps", LANE, keeps, "closing one keeps the other" },
	{ "shutdown_shared", LANE, shutdown_shared, "shutdown works on both" },
	{ "dup2_high", LANE, dup2_high, "moved to another number" },
	{ "dup2_itself", LANE, dup2_itself, "onto itself: nothing happens" },
	{ "over_connection", LANE, over_connection, "a pipe over a connection" },
	{ "dup3_over_connection", LANE, dup3_over_connection, "a file over a connection" },
	{ "over_another", LANE, over_another, "one connection over another" },
	{ "flags", LANE, flags, "close-on-exec of duplicates" },
	{ "wrong", LANE, wrong, "EBADF and EINVAL leave all as it was" },
	{ "before_connect", 0, before_connect, "dup of a socket not yet connected" },
	{ "with_option", 0, with_option, "the same, after an option" },
	{ "after_refusal", 0, after_refusal, "the same, between two connect()" },
	{ "as_stdin", 0, as_stdin, "the same, and the copy is libc's stdin" },
	{ "by_stdin", 0, by_stdin, "the same, and that is connected" },
	{ "hundred", LANE, hundred, "a hundred numbers" },
	{ "under_a_reader", LANE, under_a_reader, "dup2 over a number in use" },
	{ 0 }
};
