/* SPDX-License-Identifier: BSD-2-Clause */
/* select and pselect. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];
static volatile int signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

/* select for the letters in `what` (r, w, e) on one fd; prints what is set. */
static int show_select(int fd, const char *what, long ms)
{
	struct timeval t = { ms / 1000, ms % 1000 * 1000 };
	fd_set r, w, e;
	int n;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	if (strchr(what, 'r'))
		FD_SET(fd, &r);
	if (strchr(what, 'w'))
		FD_SET(fd, &w);
	if (strchr(what, 'e'))
		FD_SET(fd, &e);
	n = select(fd + 1, &r, &w, &e, ms < 0 ? NULL : &t);
	if (n < 0)
		say("select(%s) = -1 %s", what, errno_name(errno));
	else
		say("select(%s) = %d%s%s%s", what, n,
		    FD_ISSET(fd, &r) ? " r" : "", FD_ISSET(fd, &w) ? " w" : "",
		    FD_ISSET(fd, &e) ? " e" : "");
	return n;
}

static int show_pselect(int fd, const struct timespec *t, const sigset_t *mask)
{
	fd_set r, e;
	int n;

	FD_ZERO(&r);
	FD_ZERO(&e);
	FD_SET(fd, &r);
	FD_SET(fd, &e);
	n = pselect(fd + 1, &r, NULL, &e, t, mask);
	if (n < 0)
		say("pselect = -1 %s", errno_name(errno));
	else
		say("pselect = %d%s%s", n, FD_ISSET(fd, &r) ? " r" : "",
		    FD_ISSET(fd, &e) ? " e" : "");
	return n;
}

static void idle(struct pair *p)
{
	show_select(p->fd, "rwe", 0);
	show_select(p->fd, "r", 0);
	show_select(p->fd, "w", -1);
	show_select(p->fd, "e", 0);
	show_select(p->fd, "", 0);
}

static void readable(struct pair *p)
{
	peer_send(p, 10);
	show_select(p->fd, "r", -1);
	show_select(p->fd, "rwe", 0);
	pair_receive(p, 9);
	show_select(p->fd, "rwe", 1000);
	pair_receive(p, 1);
	show_select(p->fd, "rwe", 0);
}

static void wakes(struct pair *p)
{
	struct timespec t = { 5, 0 };

	for (int i = 0; i < 3; i++) {
		peer_later(p, 30, PEER_SEND, 10, 0);
		show_select(p->fd, "r", i ? 5000 : -1);
		peer_end();
		pair_receive(p, 10);
	}
	peer_later(p, 30, PEER_SEND, 10, 0);
	show_pselect(p->fd, &t, NULL);
	peer_end();
	pair_receive(p, 10);
	peer_later(p, 30, PEER_CLOSE, 0, 0);
	show_pselect(p->fd, NULL, NULL);
	peer_end();
}

static void ends(struct pair *p)
{
	peer_shutdown(p, SHUT_WR);
	await_end(p->fd);
	show_select(p->fd, "rwe", 0);
	SHOW(shutdown(p->fd, SHUT_WR));
	show_select(p->fd, "rwe", 0);
	peer_drain(p);
	show_select(p->fd, "rwe", 0);
}

static void own_read_closed(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_RD));
	show_select(p->fd, "rwe", 0);
	show_select(p->fd, "e", 0);
}

static void reset(struct pair *p)
{
	peer_later(p, 30, PEER_RESET, 0, 0);
	show_select(p->fd, "r", -1);
	peer_end();
	show_select(p->fd, "rwe", 0);
	show_select(p->fd, "e", 0);
	SHOW(recv(p->fd, buf, 1, 0));
	show_select(p->fd, "rwe", 0);
}

/* Linux counts the time left down in the caller's struct; pselect does not. */
static void time_left(struct pair *p)
{
	struct timeval t = { 5, 0 };
	struct timespec s = { 0, 60000000 };
	long since = now_ms(), took;
	fd_set r;

	FD_ZERO(&r);
	FD_SET(p->fd, &r);
	peer_later(p, 60, PEER_SEND, 10, 0);
	SHOW(select(p->fd + 1, &r, NULL, NULL, &t));
	peer_end();
	say("time left %s", t.tv_sec == 4 && t.tv_usec > 0 ? "counted down" :
	    "not counted down");
	pair_receive(p, 10);
	t = (struct timeval){ 0, 50000 };
	since = now_ms();
	SHOW(select(p->fd + 1, &r, NULL, NULL, &t));
	took = now_ms() - since;
	say("left %ld.%06ld, %s", (long)t.tv_sec, (long)t.tv_usec,
	    took < 50 ? "too short" : took > 4000 ? "too long" : "its time");
	show_pselect(p->fd, &s, NULL);
	say("timespec %s", s.tv_nsec == 60000000 ? "unchanged" : "changed");
}

static void only_time(struct pair *p)
{
	struct timeval t = { 0, 20000 }, bad = { -1, 0 };
	struct timespec worse = { 0, 1000000000 };

	SHOW(select(0, NULL, NULL, NULL, &t));
	SHOW(select(p->fd + 1, NULL, NULL, NULL, &t));
	SHOW(select(0, NULL, NULL, NULL, &bad));
	SHOW(pselect(0, NULL, NULL, NULL, &worse, NULL));
	SHOW(select(opaque(-1), NULL, NULL, NULL, &t));
	/* More than a second's worth of microseconds is taken. */
	t = (struct timeval){ 0, 1000001 };
	peer_send(p, 1);
	await_bytes(p->fd, 1);
	fd_set r;
	FD_ZERO(&r);
	FD_SET(p->fd, &r);
	SHOW(select(p->fd + 1, &r, NULL, NULL, &t));
}

static void bad_fd(struct pair *p)
{
	struct timeval t = { 0, 0 };
	fd_set r;
	int s = MUST(dup2(p->fd, 70));

	FD_ZERO(&r);
	FD_SET(p->fd, &r);
	FD_SET(s, &r);
	close(s);
	SHOW(select(s + 1, &r, NULL, NULL, &t));
	say("sets %s", FD_ISSET(p->fd, &r) && FD_ISSET(s, &r) ?
	    "untouched" : "changed");
	/* Numbers at or above nfds are not looked at. */
	peer_send(p, 1);
	await_bytes(p->fd, 1);
	SHOW(select(s, &r, NULL, NULL, &t));
	say("%d %d", !!FD_ISSET(p->fd, &r), !!FD_ISSET(s, &r));
}

static void faults(struct pair *p)
{
	struct timeval t = { 0, 0 };

	SHOW(select(1024, nowhere(), NULL, NULL, &t));
	SHOW(select(1024, NULL, nowhere(), NULL, &t));
	show_select(p->fd, "rw", 0);
}

/* A number over FD_SETSIZE, with a set large enough for it. */
static void big_number(struct pair *p)
{
	static fd_set r[2], w[2];
	struct timeval t = { 0, 0 };
	int high = 1500;

	if (dup2(p->fd, high) < 0) {
		say("no high numbers here");
		return;
	}
	((unsigned long *)r)[high / 64] |= 1ul << high % 64;
	((unsigned long *)w)[high / 64] |= 1ul << high % 64;
	SHOW(select(high + 1, r, w, NULL, &t));
	say("%d %d", (int)(((unsigned long *)r)[high / 64] >> high % 64 & 1),
	    (int)(((unsigned long *)w)[high / 64] >> high % 64 & 1));
	peer_send(p, 10);
	await_bytes(high, 10);
	((unsigned long *)r)[high / 64] |= 1ul << high % 64;
	SHOW(select(high + 1, r, w, NULL, NULL));
	close(high);
}

static void mixed(struct pair *p)
{
	struct timeval t = { 0, 20000 };
	fd_set r, w;
	int pipes[2];

	MUST(pipe(pipes));
	for (int round = 0; round < 4; round++) {
		FD_ZERO(&r);
		FD_ZERO(&w);
		FD_SET(p->fd, &r);
		FD_SET(pipes[0], &r);
		if (round == 3)
			FD_SET(pipes[1], &w);
		if (round == 1)
			peer_send(p, 10), await_bytes(p->fd, 10);
		if (round == 2)
			MUST(write(pipes[1], "x", 1));
		SHOW(select(pipes[1] + 1, &r, &w, NULL, round ? NULL : &t));
		say("socket %d pipe %d write %d", !!FD_ISSET(p->fd, &r),
		    !!FD_ISSET(pipes[0], &r), !!FD_ISSET(pipes[1], &w));
	}
}

static void several(struct pair *first)
{
	struct timeval t = { 0, 0 };
	struct pair p[6];
	fd_set r;

	p[0] = *first;
	for (int i = 1; i < 6; i++) {
		pair_open(&p[i], i);
		pair_warm(&p[i]);
	}
	for (int i = 0; i < 6; i++) {
		int max = 0;

		peer_send(&p[i], 5);
		await_bytes(p[i].fd, 5);
		FD_ZERO(&r);
		for (int k = 0; k < 6; k++) {
			FD_SET(p[k].fd, &r);
			max = p[k].fd > max ? p[k].fd : max;
		}
		SHOW(select(max + 1, &r, NULL, NULL, i ? NULL : &t));
		for (int k = 0; k < 6; k++)
			say("  %d: %d", k, !!FD_ISSET(p[k].fd, &r));
		if (i % 2)
			pair_receive(&p[i], 5);
	}
	for (int i = 1; i < 6; i++)
		pair_close(&p[i]);
}

static void *signal_later(void *arg)
{
	nap(50);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void interrupted(struct pair *p)
{
	struct sigaction a = { .sa_handler = on_signal };
	pthread_t self = pthread_self(), thread;

	for (int restart = 0; restart < 2; restart++) {
		a.sa_flags = restart ? SA_RESTART : 0;
		sigaction(SIGUSR1, &a, NULL);
		pthread_create(&thread, NULL, signal_later, &self);
		show_select(p->fd, "re", -1);
		pthread_join(thread, NULL);
		pthread_create(&thread, NULL, signal_later, &self);
		show_pselect(p->fd, NULL, NULL);
		pthread_join(thread, NULL);
	}
	SHOW(signals);
}

static void masks(struct pair *p)
{
	struct sigaction a = { .sa_handler = on_signal };
	struct timespec t = { 0, 50000000 };
	sigset_t block, none;

	sigaction(SIGUSR1, &a, NULL);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	show_pselect(p->fd, &t, NULL);
	SHOW(signals);
	show_pselect(p->fd, NULL, &none);
	SHOW(signals);
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	show_pselect(p->fd, NULL, &none);
	SHOW(signals);
}

static void full(struct pair *p)
{
	long n = 0;

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
	show_select(p->fd, "rwe", 0);
	peer_begin(PEER_RECEIVE, p->slot, 50, n, 0);
	show_select(p->fd, "w", -1);
	say("%s", peer_end() == n ? "all there" : "BAD");
}

static void unconnected(struct pair *p)
{
	int s = sem_socket(), port, l = sem_listen(1, &port);

	show_select(s, "rwe", 0);
	show_select(l, "rwe", 0);
	(void)p;
}

/* As programs say "for ever", and more than any clock counts. */
static void for_ever(struct pair *p)
{
	struct timeval most = { LONG_MAX, 0 };
	struct timespec far = { LONG_MAX, 999999999 };
	fd_set set;

	for (int i = 0; i < 2; i++) {
		FD_ZERO(&set);
		FD_SET(p->fd, &set);
		peer_begin(PEER_SEND, p->slot, 50, 10, 0);
		if (i == 0)
			SHOW(select(p->fd + 1, &set, NULL, NULL, &most));
		else
			SHOW(pselect(p->fd + 1, &set, NULL, NULL, &far, NULL));
		MUST(peer_end());
		pair_receive(p, 10);
	}
}

/* A million numbers, and sets of 128 bytes: what is behind them is not ours. */
static void many_numbers(struct pair *p)
{
	struct { fd_set in; unsigned char behind[1 << 16]; } *of;

	of = calloc(1, sizeof(*of));
	memset(of->behind, 0xff, sizeof(of->behind));
	FD_SET(p->fd, &of->in);
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	SHOW(select(1 << 19, &of->in, NULL, NULL, NULL));
	say("%d", !!FD_ISSET(p->fd, &of->in));
	pair_receive(p, 10);
	SHOW(select(1 << 19, &of->in, NULL, NULL, &(struct timeval){ 0, 0 }));
	for (size_t i = 0; i < sizeof(of->behind); i++)
		if (of->behind[i] != 0xff) {
			say("written to, %zu bytes behind", i);
			break;
		}
	free(of);
}

/* A high number that the program did not get itself. */
static void inherited(struct pair *p)
{
	struct rlimit limit;
	int ends[2];

	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_cur < 3000)
		limit.rlim_cur = 3000;
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	MUST(pipe(ends));
	MUST(write(ends[1], "x", 1));
	MUST(dup2(ends[0], 2002));
	SHOW(system("exec perl -e 'vec($r, 2002, 1) = 1;"
		    "exit select($r, undef, undef, 5)'") >> 8);
	(void)p;
}

/* A pipe without a reader's other end, in a set to which that is nothing. */
static void hung_up_beside(struct pair *p)
{
	fd_set in, other;
	int ends[2];

	MUST(pipe(ends));
	close(ends[1]);
	for (int i = 0; i < 2; i++) {
		FD_ZERO(&in);
		FD_ZERO(&other);
		FD_SET(p->fd, &in);
		FD_SET(ends[0], &other);
		peer_begin(PEER_SEND, p->slot, 50, 10, 0);
		SHOW(select(FD_SETSIZE, &in, i ? &other : NULL,
			    i ? NULL : &other, NULL));
		say("%d %d", !!FD_ISSET(p->fd, &in),
		    !!FD_ISSET(ends[0], &other));
		MUST(peer_end());
		pair_receive(p, 10);
	}
}

const struct sem_case sem_cases[] = {
	{ "for_ever", LANE, for_ever, "timeouts that no clock counts" },
	{ "many_numbers", LANE, many_numbers, "nfds as getdtablesize() says it" },
	{ "inherited", SEM_ONCE, inherited, "a number over FD_SETSIZE that came by exec" },
	{ "hung_up_beside", LANE, hung_up_beside, "a hang-up that select does not count" },
	{ "idle", LANE, idle, "an idle connection" },
	{ "readable", LANE, readable, "the read set comes and goes" },
	{ "wakes", LANE, wakes, "the peer's data and EOF wake us" },
	{ "ends", LANE, ends, "after each half-close" },
	{ "own_read_closed", LANE, own_read_closed, "after our SHUT_RD" },
	{ "reset", LANE, reset, "after a reset" },
	{ "time_left", LANE, time_left, "what happens to the caller's timeout" },
	{ "only_time", LANE, only_time, "no sets, wrong times, wrong nfds" },
	{ "bad_fd", LANE, bad_fd, "EBADF leaves the sets alone" },
	{ "faults", LANE, faults, "EFAULT" },
	{ "big_number", LANE, big_number, "a number over FD_SETSIZE" },
	{ "mixed", LANE, mixed, "a connection and a pipe" },
	{ "several", LANE, several, "six connections at once" },
	{ "interrupted", LANE, interrupted, "EINTR, whatever SA_RESTART says" },
	{ "masks", LANE, masks, "pselect's signal mask" },
	{ "full", LANE, full, "the write set when full and drained" },
	{ "unconnected", SEM_ONCE, unconnected, "fresh and listening sockets" },
	{ 0 }
};
