/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers: the lowest free one is handed out, a closed connection's number
 * may become anything else, and files closed behind the library's back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

/* Make the connection's number the lowest one as soon as it is closed. */
static void fill_holes(struct pair *p)
{
	int fd;

	while ((fd = (int)MUST(open("/dev/null", O_RDWR))) < p->fd)
		;
	close(fd);
}

/*
 * Make fds until one has this number: the RDMA runtime closes fds of its own
 * when it likes, so that another number may be the lowest for a moment.
 */
static int until(int fd, int make(void))
{
	int made, i;

	for (i = 0; i < 20; i++) {
		made = (int)MUST(make());
		if (made == fd)
			break;
	}
	say("%s", made == fd ? "the number again" : "another number");
	return made;
}

static int zero_file(void)
{
	return open("/dev/zero", O_RDWR);
}

static int raw_zero_file(void)
{
	return (int)syscall(SYS_openat, AT_FDCWD, "/dev/zero", O_RDWR);
}

static int event(void)
{
	return eventfd(0, 0);
}

static int datagrams(void)
{
	return socket(sem_family, SOCK_DGRAM, 0);
}

static void lowest(struct pair *p)
{
	int a = sem_socket(), b = sem_socket(), c, port, l;

	say("%d %d", a, b);
	close(a);
	c = MUST(open("/dev/null", O_RDWR));
	say("%d", c);
	close(c);
	SHOW(dup(b));
	close(b);
	l = sem_listen(4, &port);
	say("%d", l);
	(void)p;
}

/* The same with a connection made and used, told as distance. */
static void lowest_with_connection(struct pair *p)
{
	int null, a;

	fill_holes(p);
	null = MUST(open("/dev/null", O_RDWR));
	say("%d", null - p->fd);
	a = sem_socket();
	say("%d", a - null);
	close(null);
	SHOW(dup(p->fd) == null);
	close(null);
	close(a);
	close(p->fd);
	say("%d", (int)MUST(open("/dev/null", O_RDWR)) - p->fd);
	close(p->fd);
	p->fd = -1;
}

/*
 * Connections have the numbers after each other: an event loop may have a table
 * for as many as it opens. What librdmacm makes has low numbers for a moment.
 */
static void beside_each_other(struct pair *p)
{
	struct pair more[8];
	int i, first, most;

	fill_holes(p);
	first = most = p->fd;
	for (i = 0; i < 8; i++) {
		pair_open(&more[i], i + 1);
		pair_warm(&more[i]);
		if (more[i].fd > most)
			most = more[i].fd;
	}
	say("%s", most - first < 8 + 4 ? "beside each other" : "far apart");
	for (i = 0; i < 8; i++)
		pair_close(&more[i]);
}

static void becomes_pipe(struct pair *p)
{
	int pipes[2], fd = p->fd;

	fill_holes(p);
	pair_send(p, 10);
	SHOW(close(fd));
	do {
		MUST(pipe(pipes));
	} while (pipes[0] < fd && pipes[1] < fd);
	SHOW(pipes[0] == fd || pipes[1] == fd);
	SHOW(write(pipes[1], "hello", 5));
	show_poll(pipes[0], POLLIN | POLLRDHUP, 0);
	SHOW(read(pipes[0], buf, 100));
	SHOW(recv(fd, buf, 10, 0));
	SHOW(shutdown(fd, SHUT_WR));
	SHOW(close(pipes[1]));
	SHOW(read(pipes[0], buf, 100));
	SHOW(close(pipes[0]));
	SHOW(peer_drain(p));
	p->fd = -1;
}

static void becomes_file(struct pair *p)
{
	int fd = p->fd, file;

	fill_holes(p);
	SHOW(close(fd));
	file = until(fd, zero_file);
	SHOW(read(file, buf, 100));
	SHOW(write(file, buf, 100));
	SHOW(send(file, buf, 100, 0));
	show_poll(file, POLLIN | POLLOUT, 0);
	SHOW(fcntl(file, F_GETFL) & O_NONBLOCK);
	p->fd = -1;
	SHOW(close(file));
	SHOW(peer_drain(p));
}

static void becomes_other(struct pair *p)
{
	uint64_t one = 1;
	int fd = p->fd, e, s;

	fill_holes(p);
	SHOW(close(fd));
	e = until(fd, event);
	SHOW(write(e, &one, sizeof(one)));
	SHOW(read(e, &one, sizeof(one)));
	SHOW(close(e));
	s = until(fd, datagrams);
	SHOW(recv(s, buf, 10, MSG_DONTWAIT));
	SHOW(close(s));
	s = until(fd, sem_socket);
	SHOW(recv(s, buf, 10, 0));
	SHOW(close(s));
	SHOW(peer_drain(p));
	p->fd = -1;
}

/* A new connection under the old one's number. */
static void becomes_connection(struct pair *p)
{
	fill_holes(p);
	for (int i = 1; i <= 20; i++) {
		struct pair old = *p;

		close(p->fd);
		pair_open(p, i);
		pair_warm(p);
		peer_send(p, 100);
		pair_receive(p, 100);
		if (peer_drain(&old) != 0)
			say("round %d: no end", i);
		peer_close(&old);
	}
	say("20 rounds");
}

/* Closed by the bare system call, as some runtimes do. */
static void raw_close(struct pair *p)
{
	int fd = p->fd, s;

	fill_holes(p);
	SHOW(syscall(SYS_close, fd));
	s = until(fd, sem_socket);
	SHOW(recv(s, buf, 10, 0));
	SHOW(fcntl(s, F_GETFL) & O_NONBLOCK);
	SHOW(close(s));
	p->fd = -1;
	SHOW(peer_drain(p));
}

static void raw_close_file(struct pair *p)
{
	int fd = p->fd, file;

	fill_holes(p);
	SHOW(syscall(SYS_close, fd));
	file = until(fd, raw_zero_file);
	SHOW(read(file, buf, 100));
	SHOW(write(file, buf, 100));
	SHOW(recv(file, buf, 100, 0));
	SHOW(close(file));
	p->fd = -1;
	SHOW(peer_drain(p));
}

static void raw_dup2(struct pair *p)
{
	int pipes[2];

	MUST(pipe(pipes));
	SHOW(syscall(SYS_dup2, pipes[0], p->fd) == p->fd);
	SHOW(write(pipes[1], "hello", 5));
	SHOW(read(p->fd, buf, 100));
	SHOW(recv(p->fd, buf, 100, 0));
	SHOW(peer_drain(p));
}

static void range_closed(struct pair *p)
{
	int fd = p->fd, s;

	fill_holes(p);
	SHOW(close_range(fd, fd, 0));
	SHOW(recv(fd, buf, 10, 0));
	s = until(fd, sem_socket);
	SHOW(recv(s, buf, 10, 0));
	p->fd = s;
	SHOW(peer_drain(p));
}

/* Seen as a file: what it is, and where it is found. */
static void as_file(struct pair *p)
{
	char path[64], link[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	SHOW(readlink(path, link, sizeof(link) - 1) > 0);
	say("%.8s", link);
	SHOW(lseek(p->fd, 0, SEEK_SET));
	SHOW(pread(p->fd, buf, 10, 0));
	SHOW(pwrite(p->fd, buf, 10, 0));
	SHOW(ftruncate(p->fd, 0));
	SHOW(fsync(p->fd));
	say("isatty %d", isatty(p->fd));
}

const struct sem_case sem_cases[] = {
	{ "lowest", SEM_ONCE, lowest, "the lowest free number" },
	{ "lowest_with_connection", LANE, lowest_with_connection, "the same beside a connection" },
	{ "beside_each_other", LANE | SEM_MOVES, beside_each_other, "numbers of nine" },
	{ "becomes_pipe", LANE, becomes_pipe, "a pipe under the old number" },
	{ "becomes_file", LANE, becomes_file, "a file under the old number" },
	{ "becomes_other", LANE, becomes_other, "eventfd, datagram, fresh socket" },
	{ "becomes_connection", LANE, becomes_connection, "20 connections under one number" },
	{ "raw_close", LANE, raw_close, "closed by syscall(2), a socket comes back" },
	{ "raw_close_file", LANE, raw_close_file, "closed by syscall(2), a file comes back" },
	{ "raw_dup2", LANE, raw_dup2, "overwritten by syscall(2)" },
	{ "range_closed", LANE, range_closed, "close_range" },
	{ "as_file", LANE, as_file, "file calls on a connection" },
	{ 0 }
};
