/* SPDX-License-Identifier: BSD-2-Clause */
/* poll and ppoll: events in each state, timeouts, masks, wake-ups. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sem.h"

#define ALL (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)

static char buf[1 << 16];
static volatile int signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static void catch(int signal, int flags)
{
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(signal, &a, NULL);
}

static void show_many(struct pollfd *fds, nfds_t n, int timeout)
{
	char got[80];
	int r = poll(fds, n, timeout);

	say("poll = %d", r);
	for (nfds_t i = 0; i < n; i++)
		say("  %d: %s", (int)i, events_name(fds[i].revents, got, 80));
}

static int show_ppoll(int fd, short events, const struct timespec *t,
		      const sigset_t *mask)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	char got[80];
	int r = ppoll(&pfd, 1, t, mask);

	if (r < 0)
		say("ppoll = -1 %s", errno_name(errno));
	else
		say("ppoll = %d %s", r, events_name(pfd.revents, got, 80));
	return r;
}

/* Did it take at least so long, and not absurdly longer? */
static void say_took(long since, long at_least)
{
	long took = now_ms() - since;

	say("took %s", took < at_least ? "too short" :
	    took > at_least + 4000 ? "too long" : "its time");
}

static void idle(struct pair *p)
{
	show_poll(p->fd, ALL, 0);
	show_poll(p->fd, POLLIN, 0);
	show_poll(p->fd, POLLOUT, 0);
	show_poll(p->fd, POLLOUT, -1);
	show_poll(p->fd, 0, 0);
	show_poll(p->fd, POLLRDNORM | POLLWRNORM, 0);
	show_poll(p->fd, POLLRDHUP, 0);
}

static void timeouts(struct pair *p)
{
	struct timespec t = { 0, 80000000 }, zero = { 0, 0 };
	long since = now_ms();

	show_poll(p->fd, POLLIN, 80);
	say_took(since, 80);
	since = now_ms();
	show_ppoll(p->fd, POLLIN, &t, NULL);
	say_took(since, 80);
	say("timespec %s", t.tv_sec == 0 && t.tv_nsec == 80000000 ?
	    "unchanged" : "changed");
	show_ppoll(p->fd, POLLIN, &zero, NULL);
	t.tv_nsec = 1000000000;
	show_ppoll(p->fd, POLLIN, &t, NULL);
	t = (struct timespec){ -1, 0 };
	show_ppoll(p->fd, POLLIN, &t, NULL);
	show_poll(p->fd, POLLOUT, opaque(-5));
}

static void readable(struct pair *p)
{
	peer_send(p, 10);
	show_poll(p->fd, POLLIN, -1);
	show_poll(p->fd, ALL, 0);
	show_poll(p->fd, POLLRDNORM, 0);
	pair_receive(p, 4);
	show_poll(p->fd, POLLIN, 0);
	pair_receive(p, 6);
	show_poll(p->fd, POLLIN, 0);
}

static void wakes(struct pair *p)
{
	struct timespec t = { 5, 0 };

	for (int i = 0; i < 3; i++) {
		peer_later(p, 30, PEER_SEND, 10, 0);
		show_poll(p->fd, POLLIN, -1);
		peer_end();
		pair_receive(p, 10);
	}
	peer_later(p, 30, PEER_SEND, 10, 0);
	show_ppoll(p->fd, POLLIN, NULL, NULL);
	peer_end();
	pair_receive(p, 10);
	peer_later(p, 30, PEER_SEND, 10, 0);
	show_ppoll(p->fd, POLLIN, &t, NULL);
	peer_end();
	peer_later(p, 30, PEER_SHUTDOWN, SHUT_WR, 0);
	show_poll(p->fd, POLLRDHUP, -1);
	peer_end();
}

static void half_closed(struct pair *p)
{
	peer_send(p, 10);
	peer_shutdown(p, SHUT_WR);
	await_end(p->fd);
	show_poll(p->fd, ALL, 0);
	show_poll(p->fd, POLLIN, 0);
	pair_receive(p, 10);
	show_poll(p->fd, ALL, 0);
	show_poll(p->fd, 0, 0);
	SHOW(recv(p->fd, buf, 1, 0));
	show_poll(p->fd, ALL, 0);
}

static void own_half_closed(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_WR));
	show_poll(p->fd, ALL, 0);
	peer_send(p, 10);
	show_poll(p->fd, POLLIN, -1);
	pair_receive(p, 10);
	show_poll(p->fd, ALL, 0);
	peer_drain(p);
	peer_close(p);
	show_poll(p->fd, 0, -1);
	show_poll(p->fd, ALL, 0);
}

static void own_read_closed(struct pair *p)
{
	SHOW(shutdown(p->fd, SHUT_RD));
	show_poll(p->fd, ALL, 0);
	show_poll(p->fd, 0, 0);
	SHOW(shutdown(p->fd, SHUT_WR));
	show_poll(p->fd, ALL, 0);
	show_poll(p->fd, 0, 0);
}

static void peer_closed(struct pair *p)
{
	peer_close(p);
	await_end(p->fd);
	show_poll(p->fd, ALL, 0);
	SHOW(send(p->fd, buf, 1, MSG_NOSIGNAL));
	if (!await_events(p->fd, POLLHUP))
		say("no POLLHUP");
	show_poll(p->fd, ALL, 0);
	SHOW(recv(p->fd, buf, 1, 0));
	show_poll(p->fd, ALL, 0);
}

static void reset(struct pair *p)
{
	peer_later(p, 30, PEER_RESET, 0, 0);
	show_poll(p->fd, 0, -1);
	peer_end();
	show_poll(p->fd, ALL, 0);
	SHOW(recv(p->fd, buf, 1, 0));
	show_poll(p->fd, ALL, 0);
}

static void unconnected(struct pair *p)
{
	int s = sem_socket(), port, l = sem_listen(1, &port);
	struct pollfd gone = { .fd = 999, .events = POLLIN };

	show_poll(s, ALL, 0);
	show_poll(s, 0, 0);
	show_poll(l, ALL, 0);
	SHOW(shutdown(l, SHUT_RD));
	show_poll(l, ALL, 0);
	close(s);
	show_many(&gone, 1, 0);
	show_many(&gone, 1, -1);
	gone.fd = -1;
	show_many(&gone, 1, 0);
	gone.fd = -999;
	show_many(&gone, 1, 0);
	(void)p;
}

static void wrong(struct pair *p)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };

	SHOW(poll(NULL, 0, 10));
	SHOW(poll(&pfd, opaque(0x7fffffff), 0));
	pfd.revents = 77;
	SHOW(poll(&pfd, 1, 0));
	say("revents %d", pfd.revents);
}

static void faults(struct pair *p)
{
	SHOW(poll(nowhere(), 0, 0));
	SHOW(poll(nowhere(), 1, 0));
	SHOW(poll(nowhere(), 1, -1));
	SHOW(ppoll(nowhere(), 1, NULL, NULL));
	show_poll(p->fd, POLLIN, 0);
}

static void mixed(struct pair *p)
{
	struct pollfd f[6];
	int pipes[2];

	MUST(pipe(pipes));
	f[0] = (struct pollfd){ pipes[0], POLLIN, 99 };
	f[1] = (struct pollfd){ p->fd, POLLIN, 99 };
	f[2] = (struct pollfd){ -1, POLLIN, 99 };
	f[3] = (struct pollfd){ pipes[1], POLLOUT, 99 };
	f[4] = (struct pollfd){ p->fd, POLLOUT, 99 };
	f[5] = (struct pollfd){ 998, POLLIN, 99 };
	show_many(f, 6, 0);
	show_many(f, 5, -1);
	show_many(f, 3, 20);
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	show_many(f, 3, -1);
	MUST(write(pipes[1], "x", 1));
	show_many(f, 3, -1);
	pair_receive(p, 10);
	show_many(f, 3, -1);
	MUST(read(pipes[0], buf, 1));
	close(pipes[1]);
	show_many(f, 4, -1);
	peer_later(p, 30, PEER_SEND, 10, 0);
	f[0].fd = -1;
	show_many(f, 3, -1);
	peer_end();
}

static void *write_later(void *arg)
{
	nap(50);
	if (write(*(int *)arg, "x", 1) != 1)
		say("write failed");
	return NULL;
}

static void thread_wakes(struct pair *p)
{
	struct pollfd f[2];
	pthread_t thread;
	int pipes[2];

	MUST(pipe(pipes));
	f[0] = (struct pollfd){ p->fd, POLLIN, 0 };
	f[1] = (struct pollfd){ pipes[0], POLLIN, 0 };
	pthread_create(&thread, NULL, write_later, &pipes[1]);
	show_many(f, 2, -1);
	pthread_join(thread, NULL);
}

static void masks(struct pair *p)
{
	struct timespec t = { 0, 50000000 };
	sigset_t block, none, now;

	catch(SIGUSR1, 0);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	show_ppoll(p->fd, POLLIN, &t, NULL);
	SHOW(signals);
	show_ppoll(p->fd, POLLIN, NULL, &none);
	SHOW(signals);
	sigprocmask(SIG_SETMASK, NULL, &now);
	say("mask %s", sigismember(&now, SIGUSR1) ? "kept" : "lost");
	raise(SIGUSR1);
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	show_ppoll(p->fd, POLLIN, NULL, &block);
	SHOW(signals);
	sigpending(&now);
	say("signal %s", sigismember(&now, SIGUSR1) ? "pending" : "gone");
}

static void *signal_later(void *arg)
{
	nap(50);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void interrupted(struct pair *p)
{
	pthread_t self = pthread_self(), thread;

	for (int restart = 0; restart < 2; restart++) {
		catch(SIGUSR1, restart ? SA_RESTART : 0);
		pthread_create(&thread, NULL, signal_later, &self);
		SHOW(poll(&(struct pollfd){ p->fd, POLLIN, 0 }, 1, -1));
		pthread_join(thread, NULL);
		pthread_create(&thread, NULL, signal_later, &self);
		show_ppoll(p->fd, POLLIN, NULL, NULL);
		pthread_join(thread, NULL);
	}
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
	show_poll(p->fd, ALL, 0);
	show_poll(p->fd, POLLOUT, 50);
	peer_send(p, 5);
	show_poll(p->fd, POLLIN, -1);
	show_poll(p->fd, ALL, 0);
	peer_begin(PEER_RECEIVE, p->slot, 50, n, 0);
	show_poll(p->fd, POLLOUT, -1);
	say("%s", peer_end() == n ? "all there" : "BAD");
	show_poll(p->fd, ALL, 0);
}

#define SEVERAL 8

static void several(struct pair *first)
{
	struct pair p[SEVERAL];
	struct pollfd f[SEVERAL];

	p[0] = *first;
	for (int i = 0; i < SEVERAL; i++) {
		if (i > 0) {
			pair_open(&p[i], i);
			pair_warm(&p[i]);
		}
		f[i] = (struct pollfd){ p[i].fd, POLLIN, 0 };
	}
	show_many(f, SEVERAL, 0);
	for (int i = SEVERAL - 1; i >= 0; i -= 2) {
		peer_send(&p[i], 10 + i);
		await_bytes(p[i].fd, 10 + i);
		show_many(f, SEVERAL, -1);
		if (i > 2)
			pair_receive(&p[i], 10 + i);
	}
	peer_close(&p[0]);
	await_end(p[0].fd);
	show_many(f, SEVERAL, -1);
	for (int i = 1; i < SEVERAL; i++)
		pair_close(&p[i]);
}

static void same_fd_twice(struct pair *p)
{
	struct pollfd f[3];

	f[0] = (struct pollfd){ p->fd, POLLIN, 0 };
	f[1] = (struct pollfd){ dup(p->fd), POLLIN | POLLOUT, 0 };
	f[2] = (struct pollfd){ p->fd, POLLOUT, 0 };
	show_many(f, 3, 0);
	peer_later(p, 30, PEER_SEND, 10, 0);
	show_many(f, 1, -1);
	peer_end();
	show_many(f, 3, 0);
	close(p->fd);
	show_many(f, 3, 0);
	p->fd = f[1].fd;
	pair_receive(p, 10);
}

static void after_poll_nothing_lost(struct pair *p)
{
	for (int i = 0; i < 200; i++) {
		peer_begin(PEER_SEND, p->slot, 0, 100, 0);
		if (poll(&(struct pollfd){ p->fd, POLLIN, 0 }, 1, 5000) != 1)
			say("round %d: not woken", i);
		pair_receive(p, 100);
		peer_end();
		if (poll(&(struct pollfd){ p->fd, POLLIN, 0 }, 1, 0) != 0)
			say("round %d: woken by nothing", i);
	}
	say("200 rounds");
}

const struct sem_case sem_cases[] = {
	{ "idle", LANE, idle, "an idle connection" },
	{ "timeouts", LANE, timeouts, "zero, positive, negative, wrong timeouts" },
	{ "readable", LANE, readable, "POLLIN comes and goes" },
	{ "wakes", LANE, wakes, "the peer's data and EOF wake us" },
	{ "half_closed", LANE, half_closed, "after the peer's SHUT_WR" },
	{ "own_half_closed", LANE, own_half_closed, "after our SHUT_WR" },
	{ "own_read_closed", LANE, own_read_closed, "after our SHUT_RD" },
	{ "peer_closed", LANE, peer_closed, "after the peer's close" },
	{ "reset", LANE, reset, "a reset wakes even events 0" },
	{ "unconnected", SEM_ONCE, unconnected, "fresh, listening, closed, negative fds" },
	{ "wrong", LANE | SEM_NO_TSAN, wrong, "EINVAL, no fds" },
	{ "faults", LANE, faults, "EFAULT" },
	{ "mixed", LANE, mixed, "pipes, connections and bad fds together" },
	{ "thread_wakes", LANE, thread_wakes, "a pipe written by a thread wakes us" },
	{ "masks", LANE, masks, "ppoll's signal mask" },
	{ "interrupted", LANE, interrupted, "EINTR, whatever SA_RESTART says" },
	{ "full", LANE, full, "POLLOUT goes when full and comes when drained" },
	{ "several", LANE, several, "eight connections at once" },
	{ "same_fd_twice", LANE, same_fd_twice, "one connection under three entries" },
	{ "nothing_lost", LANE, after_poll_nothing_lost, "200 wake-ups, each with its data" },
	{ 0 }
};
