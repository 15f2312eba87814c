/* SPDX-License-Identifier: BSD-2-Clause */
/* sendfile sendfile64 to a connected stream. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "sem.h"

#define SIZE (1 << 20)

static char buf[SIZE];

/* A file that holds the next n bytes to send, open for both. */
static int file_of(struct pair *p, size_t n)
{
	char path[] = "/tmp/semXXXXXX";
	int fd = (int)MUST(mkstemp(path));

	unlink(path);
	pair_next(p, buf, n);
	if (write(fd, buf, n) != (ssize_t)n)
		broken("write");
	MUST(lseek(fd, 0, SEEK_SET));
	return fd;
}

static long position(int fd)
{
	return lseek(fd, 0, SEEK_CUR);
}

static void by_position(struct pair *p)
{
	int fd = file_of(p, 5000);

	SHOW(sendfile(p->fd, fd, NULL, 1000));
	SHOW(position(fd));
	SHOW(sendfile64(p->fd, fd, NULL, 1000));
	SHOW(position(fd));
	SHOW(sendfile(p->fd, fd, NULL, 100000));
	SHOW(position(fd));
	SHOW(sendfile(p->fd, fd, NULL, 1));
	SHOW(sendfile(p->fd, fd, NULL, 0));
	p->tx += 5000;
	SHOW(peer_receive(p, 5000));
	SHOW(peer_poll(p, POLLIN, 50));
}

static void by_offset(struct pair *p)
{
	int fd = file_of(p, 5000);
	off_t at = 0;

	SHOW(sendfile(p->fd, fd, &at, 1000));
	SHOW(at);
	SHOW(sendfile64(p->fd, fd, &at, 100000));
	SHOW(at);
	SHOW(sendfile(p->fd, fd, &at, 1));
	SHOW(at);
	SHOW(position(fd));
	p->tx += 5000;
	SHOW(peer_receive(p, 5000));
	at = -1;
	SHOW(sendfile(p->fd, fd, &at, 1));
	SHOW(sendfile(p->fd, fd, nowhere(), 1));
	SHOW(peer_poll(p, POLLIN, 50));
}

static void large(struct pair *p)
{
	int fd = file_of(p, SIZE);

	peer_begin(PEER_RECEIVE, p->slot, 0, SIZE, 0);
	SHOW(sendfile(p->fd, fd, NULL, SIZE));
	SHOW(peer_end());
	p->tx += SIZE;
	SHOW(position(fd));
}

/*
 * The peer reads nothing at first: some, then EAGAIN; the offset says how far
 * it got, and the peer that nothing was lost or sent twice.
 */
static void nonblocking(struct pair *p)
{
	long before = p->tx, n = 1;
	off_t at = 0;
	int fd = 0;

	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 400 && n > 0; i++) {
		fd = file_of(p, SIZE);
		at = 0;
		while (at < SIZE &&
		       (n = sendfile(p->fd, fd, &at, SIZE - at)) > 0)
			;
		p->tx += at;
		if (n > 0)
			close(fd);
	}
	say("%ld %s", n, errno_name(errno));
	fcntl(p->fd, F_SETFL, 0);
	peer_begin(PEER_DRAIN, p->slot, 0, 0, 0);
	n = SIZE - at;
	say("the rest: %d", sendfile(p->fd, fd, &at, n) == n && at == SIZE);
	p->tx += n;
	SHOW(shutdown(p->fd, SHUT_WR));
	say("all of it: %d", peer_end() == (long)p->tx - before);
}

static void not_files(struct pair *p)
{
	int ends[2], null = open("/dev/null", O_WRONLY);
	off_t at = 0;

	MUST(pipe(ends));
	SHOW(sendfile(p->fd, -1, NULL, 1));
	SHOW(sendfile(p->fd, p->fd, NULL, 1));
	SHOW(sendfile(p->fd, null, NULL, 1));
	SHOW(sendfile(p->fd, ends[0], &at, 1));
	SHOW(sendfile(null, p->fd, NULL, 1));
	SHOW(sendfile(ends[1], p->fd, &at, 1));
	pair_send(p, 5);
	SHOW(peer_receive(p, 5));
	SHOW(peer_poll(p, POLLIN, 50));
}

/* The one thing that a socket can be sent to: a pipe, as by splice(). */
static void into_pipe(struct pair *p)
{
	int ends[2];

	MUST(pipe(ends));
	peer_send(p, 100);
	await_bytes(p->fd, 100);
	SHOW(sendfile(ends[1], p->fd, NULL, 60));
	SHOW(sendfile64(ends[1], p->fd, NULL, 1000));
	SHOW(read(ends[0], buf, sizeof(buf)));
	say("%s", pair_check(p, buf, 100));
}

static volatile int pipes;

static void on_pipe(int signal)
{
	(void)signal;
	pipes++;
}

static void after_shutdown(struct pair *p)
{
	int fd = file_of(p, 10);

	signal(SIGPIPE, on_pipe);
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(sendfile(p->fd, fd, NULL, 10));
	SHOW(position(fd));
	say("SIGPIPE %d", pipes);
}

const struct sem_case sem_cases[] = {
	{ "by_position", LANE, by_position, "the file's own position" },
	{ "by_offset", LANE, by_offset, "an offset of the caller's" },
	{ "large", LANE, large, "a blocking socket takes all of it" },
	{ "nonblocking", LANE, nonblocking, "a full socket: EAGAIN" },
	{ "not_files", LANE, not_files, "what is not a file is refused" },
	{ "into_pipe", LANE, into_pipe, "from a socket to a pipe" },
	{ "after_shutdown", LANE, after_shutdown, "EPIPE, SIGPIPE" },
	{ 0 }
};
