/* SPDX-License-Identifier: BSD-2-Clause */
/* splice between a connected stream and a pipe, both ways. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "sem.h"

#define MUCH (4 << 20)

static char buf[1 << 20];
static int ends[2];

static long pipe_of(int flags)
{
	return MUST(pipe2(ends, flags));
}

static long to_pipe(struct pair *p, size_t n, unsigned flags)
{
	return splice(p->fd, NULL, ends[1], NULL, n, flags);
}

static long from_pipe(struct pair *p, size_t n, unsigned flags)
{
	return splice(ends[0], NULL, p->fd, NULL, n, flags);
}

static void out_of_socket(struct pair *p)
{
	pipe_of(0);
	peer_send(p, 1000);
	await_bytes(p->fd, 1000);
	SHOW(to_pipe(p, 400, SPLICE_F_MOVE));
	SHOW(to_pipe(p, 100000, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
	SHOW(read(ends[0], buf, sizeof(buf)));
	say("%s", pair_check(p, buf, 1000));
	SHOW(to_pipe(p, 0, 0));
	peer_later(p, 50, PEER_SEND, 10, 0);
	SHOW(to_pipe(p, 100, 0));
	peer_end();
	SHOW(read(ends[0], buf, sizeof(buf)));
	say("%s", pair_check(p, buf, 10));
	peer_shutdown(p, SHUT_WR);
	await_end(p->fd);
	SHOW(to_pipe(p, 100, 0));
}

static void into_socket(struct pair *p)
{
	pipe_of(0);
	pair_next(p, buf, 1000);
	MUST(write(ends[1], buf, 1000));
	SHOW(from_pipe(p, 400, SPLICE_F_MOVE | SPLICE_F_MORE));
	SHOW(from_pipe(p, 100000, 0));
	p->tx += 1000;
	SHOW(peer_receive(p, 1000));
	SHOW(from_pipe(p, 100, SPLICE_F_NONBLOCK));
	SHOW(from_pipe(p, 0, 0));
	close(ends[1]);
	SHOW(from_pipe(p, 100, 0));
}

/* What the pipe does not take stays in the socket. */
static void small_pipe(struct pair *p)
{
	long total = 0, n = 0;
	bool good = true, full = true;

	pipe_of(0);
	fcntl(ends[1], F_SETPIPE_SZ, 4096);
	peer_send(p, 60000);
	await_bytes(p->fd, 60000);
	while (total < 60000 && good) {
		n = to_pipe(p, 60000, SPLICE_F_NONBLOCK);
		if (n <= 0)
			break;
		full &= to_pipe(p, 60000, SPLICE_F_NONBLOCK) == -1 &&
			errno == EAGAIN;
		n = read(ends[0], buf, sizeof(buf));
		good = n > 0 && !strcmp(pair_check(p, buf, n), "good");
		total += n;
	}
	say("total %ld, good %d, full every time %d", total, good, full);
}

/* Much, through a pipe, both directions; the data says if a byte is lost. */
static void stream_out(struct pair *p)
{
	long total = 0, n;
	bool good = true;

	pipe_of(0);
	peer_begin(PEER_SEND, p->slot, 0, MUCH, 0);
	while (total < MUCH && good) {
		n = to_pipe(p, MUCH, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n <= 0)
			break;
		total += n;
		for (long left = n, got; left > 0 && good; left -= got) {
			got = read(ends[0], buf, left / 2 + 1);
			good = got > 0 && !strcmp(pair_check(p, buf, got), "good");
		}
	}
	say("total %d, good %d", total == MUCH, good);
	SHOW(peer_end());
}

static void stream_in(struct pair *p)
{
	long total = 0, given = 0, n, step = 1;

	pipe_of(O_NONBLOCK);
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	peer_begin(PEER_RECEIVE, p->slot, 0, MUCH, 0);
	while (total < MUCH) {
		step = step * 3 % 50021;
		n = MUCH - given < step ? MUCH - given : step;
		p->tx += given - total;
		pair_next(p, buf, n);
		p->tx -= given - total;
		n = n > 0 ? write(ends[1], buf, n) : 0;
		given += n > 0 ? n : 0;
		n = from_pipe(p, 70000, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n < 0 && errno == EAGAIN)
			await_events(p->fd, POLLOUT);
		else if (n <= 0)
			break;
		total += n > 0 ? n : 0;
		p->tx += n > 0 ? n : 0;
	}
	say("total %d", total == MUCH);
	SHOW(peer_end());
}

static void blocking_socket(struct pair *p)
{
	long n;

	pipe_of(0);
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	SHOW(to_pipe(p, 100, 0));
	fcntl(p->fd, F_SETFL, 0);
	fcntl(ends[1], F_SETPIPE_SZ, 4096);
	while (fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 &&
	       write(ends[1], buf, 4096) > 0)
		;
	fcntl(ends[1], F_SETFL, 0);
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	SHOW(to_pipe(p, 100, SPLICE_F_NONBLOCK));
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	SHOW(to_pipe(p, 100, 0));
	n = read(ends[0], buf, sizeof(buf));
	say("%d", n >= 4096);
	SHOW(to_pipe(p, 100, 0));
	SHOW(read(ends[0], buf, sizeof(buf)));
	say("%s", pair_check(p, buf, 10));
}

static void errors(struct pair *p)
{
	loff_t at = 0;
	int null = open("/dev/null", O_RDWR);

	pipe_of(0);
	SHOW(splice(p->fd, &at, ends[1], NULL, 10, 0));
	SHOW(splice(p->fd, NULL, ends[1], &at, 10, 0));
	SHOW(splice(ends[0], NULL, p->fd, &at, 10, 0));
	SHOW(splice(p->fd, NULL, ends[0], NULL, 10, 0));
	SHOW(splice(ends[1], NULL, p->fd, NULL, 10, 0));
	SHOW(splice(p->fd, NULL, null, NULL, 10, 0));
	SHOW(splice(null, NULL, p->fd, NULL, 10, 0));
	SHOW(splice(p->fd, NULL, p->fd, NULL, 10, 0));
	SHOW(splice(p->fd, NULL, -1, NULL, 10, 0));
	SHOW(splice(p->fd, NULL, ends[1], NULL, 10, 0x4000));
	SHOW(tee(p->fd, ends[1], 10, 0));
	pair_send(p, 5);
	SHOW(peer_receive(p, 5));
	SHOW(peer_poll(p, POLLIN, 50));
}

static volatile int pipes;

static void on_pipe(int signal)
{
	(void)signal;
	pipes++;
}

static void nobody_reads(struct pair *p)
{
	signal(SIGPIPE, on_pipe);
	pipe_of(0);
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	close(ends[0]);
	SHOW(to_pipe(p, 10, 0));
	say("SIGPIPE %d", pipes);
	SHOW(recv(p->fd, buf, 100, 0));
	say("%s", pair_check(p, buf, 10));
	pipe_of(0);
	MUST(write(ends[1], buf, 10));
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(from_pipe(p, 10, 0));
	say("SIGPIPE %d", pipes);
	SHOW(read(ends[0], buf, 100));
}

/* A pipe that nobody writes to, or has yet. */
static void no_writer(struct pair *p)
{
	char name[] = "/tmp/splice.XXXXXX";

	MUST(mkdtemp(name) != NULL);
	strcat(strcpy(buf, name), "/fifo");
	MUST(mkfifo(buf, 0600));
	ends[0] = (int)MUST(open(buf, O_RDONLY | O_NONBLOCK));
	SHOW(from_pipe(p, 10, 0));
	ends[1] = (int)MUST(open(buf, O_WRONLY));
	SHOW(from_pipe(p, 10, SPLICE_F_NONBLOCK));
	unlink(buf);
	rmdir(name);
	pair_next(p, buf, 10);
	MUST(write(ends[1], buf, 10));
	close(ends[1]);
	SHOW(from_pipe(p, 100, 0));
	SHOW(from_pipe(p, 100, 0));
	SHOW(peer_receive(p, 10));
}

static volatile int alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
	if (alarms == 3)	/* the pipe has something from now on */
		MUST(write(ends[1], buf, 10));
}

/* Handlers run while splice() waits for a pipe, and it goes on waiting. */
static void interrupted(struct pair *p)
{
	struct sigaction action = { .sa_handler = on_alarm,
				    .sa_flags = SA_RESTART };
	struct itimerval time = { { 0, 30000 }, { 0, 30000 } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	sigaction(SIGALRM, &action, NULL);
	pipe_of(0);
	pair_next(p, buf, 10);
	setitimer(ITIMER_REAL, &time, NULL);
	SHOW(from_pipe(p, 10, 0));
	setitimer(ITIMER_REAL, &never, NULL);
	say("%s", alarms >= 3 ? "three alarms" : "too few");
	SHOW(peer_receive(p, 10));
}

const struct sem_case sem_cases[] = {
	{ "no_writer", LANE, no_writer, "a FIFO without a writer" },
	{ "interrupted", LANE | SEM_NO_TSAN, interrupted, "signals while it waits for the pipe" },
	{ "out_of_socket", LANE, out_of_socket, "socket to pipe, to its end" },
	{ "into_socket", LANE, into_socket, "pipe to socket, to its end" },
	{ "small_pipe", LANE, small_pipe, "a pipe that takes little" },
	{ "stream_out", LANE, stream_out, "4 MiB from the socket" },
	{ "stream_in", LANE, stream_in, "4 MiB to the socket, not blocking" },
	{ "blocking", LANE, blocking_socket, "who may block on what" },
	{ "errors", LANE, errors, "offsets, flags, things that are no pipes" },
	{ "nobody_reads", LANE, nobody_reads, "EPIPE on either side" },
	{ 0 }
};
