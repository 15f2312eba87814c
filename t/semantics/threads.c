/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection, several threads; signals in blocked calls. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include "sem.h"

static char buf[32 << 20];
static char small[1 << 16];
static atomic_int signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static void catch(int flags)
{
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &a, NULL);
}

/* One blocked call in a thread of its own, and what came of it. */
struct blocked {
	pthread_t thread;
	void *(*call)(void *);
	atomic_int tid;
	int fd, flags;
	void *data;
	size_t n;
	long result;
	int err;
};

static void *do_recv(void *arg)
{
	struct blocked *b = arg;

	b->result = recv(b->fd, b->data, b->n, b->flags);
	b->err = errno;
	return NULL;
}

static void *do_send(void *arg)
{
	struct blocked *b = arg;

	b->result = send(b->fd, b->data, b->n, b->flags | MSG_NOSIGNAL);
	b->err = errno;
	return NULL;
}

static void *do_poll(void *arg)
{
	struct blocked *b = arg;
	struct pollfd pfd = { .fd = b->fd, .events = b->flags };

	b->result = poll(&pfd, 1, -1);
	b->err = errno;
	b->n = pfd.revents;
	return NULL;
}

static void *do_accept(void *arg)
{
	struct blocked *b = arg;

	b->result = accept(b->fd, NULL, NULL);
	b->err = errno;
	return NULL;
}

static void *begin(void *arg)
{
	struct blocked *b = arg;

	b->tid = gettid();
	return b->call(b);
}

static void start(struct blocked *b, void *(*call)(void *))
{
	b->call = call;
	b->tid = 0;
	pthread_create(&b->thread, NULL, begin, b);
	await_asleep(&b->tid);
}

static void finish(struct blocked *b, const char *what)
{
	pthread_join(b->thread, NULL);
	if (b->result < 0)
		say("%s = -1 %s", what, errno_name(b->err));
	else
		say("%s = %ld", what, b->result);
}

/* Send without blocking until refused every 100 ms. */
static long fill(struct pair *p)
{
	long n = 0;

	for (int refused = 0; refused < 5;) {
		ssize_t r;

		pair_next(p, small, 16384);
		r = send(p->fd, small, 16384, MSG_DONTWAIT | MSG_NOSIGNAL);
		refused = r > 0 ? 0 : refused + 1;
		p->tx += r > 0 ? r : 0;
		n += r > 0 ? r : 0;
		if (r < 0)
			nap(100);
	}
	return n;
}

static void shutdown_read(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };

	start(&b, do_recv);
	SHOW(shutdown(p->fd, SHUT_RD));
	finish(&b, "recv");
	pair_send(p, 10);
	SHOW(peer_receive(p, 10));
}

static void shutdown_both(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };
	struct blocked w = { .fd = p->fd, .data = small + 10, .n = 10,
			     .flags = MSG_WAITALL };

	start(&b, do_recv);
	start(&w, do_recv);
	SHOW(shutdown(p->fd, SHUT_RDWR));
	finish(&b, "recv");
	finish(&w, "recv waitall");
	SHOW(peer_drain(p));
}

static void shutdown_write(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };

	fill(p);
	start(&b, do_send);
	SHOW(shutdown(p->fd, SHUT_WR));
	finish(&b, "send");
}

/* A send that had put a part on its way reports the part. */
static void shutdown_partial(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = buf, .n = sizeof(buf) };

	pair_next(p, buf, sizeof(buf));
	start(&b, do_send);
	SHOW(shutdown(p->fd, SHUT_WR));
	pthread_join(b.thread, NULL);
	say("send %s", b.result < 0 ? errno_name(b.err) :
	    b.result > 0 && b.result < (long)sizeof(buf) ? "a part" : "all");
	say("peer %s", peer_drain(p) == b.result ? "got that" : "got other");
}

static void shutdown_poll(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .flags = POLLIN | POLLRDHUP };
	char got[80];

	start(&b, do_poll);
	SHOW(shutdown(p->fd, SHUT_RD));
	finish(&b, "poll");
	say("%s", events_name(b.n, got, 80));
}

static void close_sender(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };
	long n = fill(p);

	pair_next(p, small, 10);
	start(&b, do_send);
	SHOW(close(p->fd));
	p->fd = -1;
	say("peer %s", peer_receive(p, n + 10) == n + 10 ? "got all" : "BAD");
	finish(&b, "send");
	SHOW(peer_drain(p));
}

static void reset_sender(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };

	fill(p);
	start(&b, do_send);
	SHOW(peer_reset(p));
	finish(&b, "send");
	SHOW(send(p->fd, small, 10, MSG_NOSIGNAL));
	SHOW(recv(p->fd, small, 10, 0));
}

static void interrupts_recv(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };

	catch(0);
	start(&b, do_recv);
	pthread_kill(b.thread, SIGUSR1);
	finish(&b, "recv");
	b.flags = MSG_PEEK;
	start(&b, do_recv);
	pthread_kill(b.thread, SIGUSR1);
	finish(&b, "recv peek");
	SHOW(signals);
}

static void restarts_recv(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };

	catch(SA_RESTART);
	start(&b, do_recv);
	pthread_kill(b.thread, SIGUSR1);
	nap(60);
	SHOW(signals);
	peer_send(p, 10);
	finish(&b, "recv");
}

/* With a time limit, SA_RESTART does not restart. */
static void limited_recv(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };
	struct timeval t = { 10, 0 };

	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	catch(SA_RESTART);
	start(&b, do_recv);
	pthread_kill(b.thread, SIGUSR1);
	finish(&b, "recv");
	SHOW(signals);
}

static void waitall_part(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10,
			     .flags = MSG_WAITALL };

	for (int restart = 0; restart < 2; restart++) {
		catch(restart ? SA_RESTART : 0);
		peer_send(p, 4);
		await_bytes(p->fd, 4);
		start(&b, do_recv);
		pthread_kill(b.thread, SIGUSR1);
		finish(&b, "recv waitall");
	}
	SHOW(signals);
}

static void interrupts_send(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };

	fill(p);
	catch(0);
	start(&b, do_send);
	pthread_kill(b.thread, SIGUSR1);
	finish(&b, "send");
	SHOW(signals);
}

static void interrupts_send_part(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = buf, .n = sizeof(buf) };

	pair_next(p, buf, sizeof(buf));
	catch(0);
	start(&b, do_send);
	pthread_kill(b.thread, SIGUSR1);
	pthread_join(b.thread, NULL);
	say("send %s", b.result < 0 ? errno_name(b.err) :
	    b.result > 0 && b.result < (long)sizeof(buf) ? "a part" : "all");
	say("peer %s", peer_receive(p, b.result) == b.result ? "got that" : "BAD");
	SHOW(peer_poll(p, POLLIN, 50));
}

static void interrupts_poll(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .flags = POLLIN };

	catch(SA_RESTART);
	start(&b, do_poll);
	pthread_kill(b.thread, SIGUSR1);
	finish(&b, "poll");
}

static void interrupts_accept(struct pair *p)
{
	int port;
	struct blocked b = { .fd = sem_listen(4, &port) };

	catch(0);
	start(&b, do_accept);
	pthread_kill(b.thread, SIGUSR1);
	finish(&b, "accept");
	SHOW(signals);
	(void)p;
}

/* Many signals while data trickles in: nothing lost, nothing doubled. */
static void *pester(void *arg)
{
	for (int i = 0; i < 400; i++) {
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
		nap(1);
	}
	return NULL;
}

static void pestered(struct pair *p)
{
	pthread_t self = pthread_self(), thread;
	size_t done = 0;
	bool good = true;

	catch(0);
	peer_begin(PEER_DUPLEX, p->slot, 0, 4 << 20, 3);
	pthread_create(&thread, NULL, pester, &self);
	for (size_t in = 0, out = 0; good && (in < 4 << 20 || out < 4 << 20);) {
		size_t left = (4 << 20) - out;
		ssize_t r = 0;

		if (out < 4 << 20) {
			pair_next(p, small, sizeof(small));
			r = send(p->fd, small, left < 30000 ? left : 30000,
				 MSG_NOSIGNAL);
			good &= r > 0 || errno == EINTR;
			p->tx += r > 0 ? r : 0;
			out += r > 0 ? r : 0;
		}
		if (in < 4 << 20) {
			r = recv(p->fd, small, 30000, 0);
			good &= r > 0 ? pair_check(p, small, r)[0] == 'g' :
				r < 0 && errno == EINTR;
			in += r > 0 ? r : 0;
		}
		done = in + out;
	}
	pthread_join(thread, NULL);
	say("%zu %s", done, good ? "good" : "BAD");
	SHOW(peer_end());
}

static void cancelled(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };
	void *result;

	start(&b, do_recv);
	pthread_cancel(b.thread);
	pthread_join(b.thread, &result);
	SHOW(result == PTHREAD_CANCELED);
	peer_send(p, 10);
	SHOW(recv(p->fd, small, 10, 0));
	pair_send(p, 10);
	SHOW(peer_receive(p, 10));
}

static void cancel_blocked(struct blocked *b, void *(*call)(void *))
{
	void *result;

	start(b, call);
	pthread_cancel(b->thread);
	pthread_join(b->thread, &result);
	SHOW(result == PTHREAD_CANCELED);
}

/* Nothing that a cancelled thread leaves holds the connection open. */
static void cancelled_then_closed(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10,
			     .flags = POLLIN };
	void *(*const calls[])(void *) = { do_recv, do_poll, do_recv };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		b.flags = calls[i] == do_poll ? POLLIN : 0;
		cancel_blocked(&b, calls[i]);
		peer_send(p, 10);
		SHOW(recv(p->fd, small, 10, 0));
	}
	SHOW(close(p->fd));
	SHOW(peer_drain(p));
}

static atomic_bool busy_over;

static void *busy(void *arg)
{
	struct blocked *b = arg;
	char byte;

	while (!busy_over)
		if (recv(b->fd, &byte, 1, MSG_DONTWAIT) < 0 && errno != EAGAIN)
			break;
	return NULL;
}

/* Cancelled anywhere in a call, it leaves no lock behind. */
static void cancelled_busy(struct pair *p)
{
	struct blocked b = { .fd = p->fd };
	void *result;

	for (int i = 0; i < 200; i++) {
		pthread_create(&b.thread, NULL, busy, &b);
		nap(1);
		pthread_cancel(b.thread);
		pthread_join(b.thread, &result);
		if (result != PTHREAD_CANCELED)
			broken("not cancelled");
	}
	pair_talk(p);
	SHOW(close(p->fd));
	SHOW(peer_drain(p));
}

static atomic_bool pestering;

static void *pester_ignored(void *arg)
{
	pthread_t *thread = arg;

	while (pestering)
		pthread_kill(*thread, SIGWINCH);
	return NULL;
}

/* A signal that is ignored, like an exiting child's, interrupts nothing. */
static void ignored(struct pair *p)
{
	struct timeval limit = { .tv_usec = 1000 }, left;
	struct pollfd entry = { .fd = p->fd, .events = POLLIN };
	struct epoll_event event = { .events = EPOLLIN };
	pthread_t self = pthread_self(), thread;
	int set = MUST(epoll_create1(0)), interrupted[4] = { 0 };
	fd_set fds;

	MUST(epoll_ctl(set, EPOLL_CTL_ADD, p->fd, &event));
	MUST(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	pestering = true;
	MUST(pthread_create(&thread, NULL, pester_ignored, &self));
	for (int i = 0; i < 100; i++) {
		interrupted[0] += epoll_wait(set, &event, 1, 1) < 0;
		interrupted[1] += poll(&entry, 1, 1) < 0;
		left = limit;
		FD_ZERO(&fds);
		FD_SET(p->fd, &fds);
		interrupted[2] += select(p->fd + 1, &fds, NULL, NULL, &left) < 0;
		interrupted[3] += recv(p->fd, small, 1, 0) >= 0 || errno == EINTR;
	}
	pestering = false;
	pthread_join(thread, NULL);
	for (int i = 0; i < 4; i++)
		SHOW(interrupted[i]);
	close(set);
}

/* Two readers wait; data for one, then EOF for the other. */
static void two_waiters(struct pair *p)
{
	struct blocked a = { .fd = p->fd, .data = small, .n = 10 };
	struct blocked b = { .fd = p->fd, .data = small + 10, .n = 10 };

	start(&a, do_recv);
	start(&b, do_recv);
	peer_send(p, 10);
	nap(60);
	peer_shutdown(p, SHUT_WR);
	pthread_join(a.thread, NULL);
	pthread_join(b.thread, NULL);
	say("%ld", a.result + b.result);
}

static void poll_and_recv(struct pair *p)
{
	struct blocked a = { .fd = p->fd, .flags = POLLIN };
	struct blocked b = { .fd = p->fd, .flags = POLLIN };

	start(&a, do_poll);
	start(&b, do_poll);
	peer_send(p, 10);
	finish(&a, "poll");
	finish(&b, "poll");
	pair_receive(p, 10);
	SHOW(recv(p->fd, small, 1, MSG_DONTWAIT));
}

/* Nonblocking set by another thread does not disturb a blocked call. */
static void flag_while_blocked(struct pair *p)
{
	struct blocked b = { .fd = p->fd, .data = small, .n = 10 };

	start(&b, do_recv);
	SHOW(fcntl(p->fd, F_SETFL, O_NONBLOCK));
	nap(30);
	peer_send(p, 10);
	finish(&b, "recv");
	SHOW(recv(p->fd, small, 10, 0));
}

static pthread_key_t key;

/* Of a thread's object, whose end has something to say and to hear. */
static void last_talk(void *arg)
{
	struct pair *p = arg;

	pair_talk(p);
	show_poll(p->fd, POLLIN, 20);
}

static void *talks_at_last(void *arg)
{
	struct pair *p = arg;

	pthread_setspecific(key, p);
	pair_talk(p);
	show_poll(p->fd, POLLIN, 20);
	return NULL;
}

static void destructor(struct pair *p)
{
	struct pair other;
	pthread_t thread;

	MUST(pthread_key_create(&key, last_talk));
	pair_open(&other, 1);
	for (int i = 0; i < 3; i++) {
		MUST(pthread_create(&thread, NULL, talks_at_last, p));
		pthread_join(thread, NULL);
		pair_talk(&other);
	}
	pair_close(&other);
}

const struct sem_case sem_cases[] = {
	{ "destructor", LANE, destructor, "calls of a destructor of a thread's key" },
	{ "shutdown_read", LANE, shutdown_read, "SHUT_RD ends a blocked recv" },
	{ "shutdown_both", LANE, shutdown_both, "SHUT_RDWR ends two blocked recvs" },
	{ "shutdown_write", LANE, shutdown_write, "SHUT_WR ends a blocked send" },
	{ "shutdown_partial", LANE, shutdown_partial, "the same with a part on its way" },
	{ "shutdown_poll", LANE, shutdown_poll, "SHUT_RD ends a blocked poll" },
	{ "close_sender", LANE, close_sender, "close under a blocked send" },
	{ "reset_sender", LANE, reset_sender, "a reset ends a blocked send" },
	{ "interrupts_recv", LANE, interrupts_recv, "EINTR without SA_RESTART" },
	{ "restarts_recv", LANE | SEM_NO_TSAN, restarts_recv, "SA_RESTART" },
	{ "limited_recv", LANE, limited_recv, "SA_RESTART with SO_RCVTIMEO" },
	{ "waitall_part", LANE, waitall_part, "a signal cuts MSG_WAITALL short" },
	{ "interrupts_send", LANE, interrupts_send, "EINTR of a send with nothing sent" },
	{ "interrupts_send_part", LANE, interrupts_send_part, "a signal cuts a send short" },
	{ "interrupts_poll", LANE, interrupts_poll, "poll never restarts" },
	{ "interrupts_accept", SEM_ONCE, interrupts_accept, "EINTR of accept" },
	{ "pestered", LANE, pestered, "4 MiB each way under 400 signals" },
	{ "ignored", LANE, ignored, "signals that are ignored interrupt nothing" },
	{ "cancelled", LANE, cancelled, "a cancelled recv leaves all as it was" },
	{ "cancelled_then_closed", LANE, cancelled_then_closed, "and close still ends it" },
	{ "cancelled_busy", LANE, cancelled_busy, "cancelled 200 times while it looks" },
	{ "two_waiters", LANE, two_waiters, "two blocked recvs" },
	{ "two_polls", LANE, poll_and_recv, "two blocked polls" },
	{ "flag_while_blocked", LANE, flag_while_blocked, "O_NONBLOCK set under a blocked recv" },
	{ 0 }
};
