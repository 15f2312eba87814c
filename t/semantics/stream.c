/* SPDX-License-Identifier: BSD-2-Clause */
/* Large transfers, every byte checked; SHUNT_T_STREAM_MIB each (32). */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sem.h"

#define BUF (1 << 17)

static size_t amount(void)
{
	const char *text = getenv("SHUNT_T_STREAM_MIB");

	return (size_t)(text ? atoi(text) : 32) << 20;
}

static unsigned draw(unsigned *seed, unsigned limit)
{
	return rand_r(seed) % limit;
}

/* One of the sending calls, in turn. */
static ssize_t some_send(int fd, char *buf, size_t n, int turn)
{
	struct iovec v[2] = { { buf, n / 3 }, { buf + n / 3, n - n / 3 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	switch (turn % 5) {
	case 0:	return send(fd, buf, n, MSG_NOSIGNAL);
	case 1:	return write(fd, buf, n);
	case 2:	return writev(fd, v, 2);
	case 3:	return sendmsg(fd, &m, MSG_NOSIGNAL);
	default: return sendto(fd, buf, n, MSG_NOSIGNAL, NULL, 0);
	}
}

static ssize_t some_receive(int fd, char *buf, size_t n, int turn)
{
	struct iovec v[2] = { { buf, n / 3 }, { buf + n / 3, n - n / 3 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	switch (turn % 5) {
	case 0:	return recv(fd, buf, n, 0);
	case 1:	return read(fd, buf, n);
	case 2:	return readv(fd, v, 2);
	case 3:	return recvmsg(fd, &m, 0);
	default: return recvfrom(fd, buf, n, 0, NULL, NULL);
	}
}

struct job { struct pair *p; size_t n; unsigned seed; int pauses, err; };

static void *send_all(void *arg)
{
	struct job *j = arg;
	char *buf = malloc(BUF);
	size_t done = 0;

	for (int turn = 0; done < j->n; turn++) {
		size_t want = 1 + draw(&j->seed, BUF - 1);
		ssize_t r;

		if (want > j->n - done)
			want = j->n - done;
		if (j->pauses && draw(&j->seed, 64) == 0)
			nap(draw(&j->seed, 3));
		pair_next(j->p, buf, want);
		r = some_send(j->p->fd, buf, want, turn);
		if (r <= 0) {
			j->err = errno;
			break;
		}
		j->p->tx += r;
		done += r;
	}
	free(buf);
	return NULL;
}

static void *receive_all(void *arg)
{
	struct job *j = arg;
	char *buf = malloc(BUF);
	size_t done = 0;

	for (int turn = 0; done < j->n; turn++) {
		size_t want = 1 + draw(&j->seed, BUF - 1);
		ssize_t r;

		if (want > j->n - done)
			want = j->n - done;
		if (j->pauses && draw(&j->seed, 64) == 0)
			nap(draw(&j->seed, 3));
		r = some_receive(j->p->fd, buf, want, turn);
		if (r <= 0 || pair_check(j->p, buf, r)[0] != 'g') {
			j->err = r < 0 ? errno : r == 0 ? EPIPE : EBADMSG;
			break;
		}
		done += r;
	}
	free(buf);
	return NULL;
}

static const char *outcome(const struct job *j)
{
	return j->err ? errno_name(j->err) : "all good";
}

static void to_peer(struct pair *p)
{
	struct job j = { p, amount(), 1, 0, 0 };

	peer_begin(PEER_RECEIVE, p->slot, 0, j.n, 0);
	send_all(&j);
	say("sent: %s", outcome(&j));
	say("peer: %s", peer_end() == (long)j.n ? "all good" : "BAD");
}

static void from_peer(struct pair *p)
{
	struct job j = { p, amount(), 2, 0, 0 };

	peer_begin(PEER_SEND, p->slot, 0, j.n, 0);
	receive_all(&j);
	say("received: %s", outcome(&j));
	say("peer: %s", peer_end() == (long)j.n ? "all good" : "BAD");
}

static void slow_reader(struct pair *p)
{
	struct job j = { p, amount() / 4, 3, 1, 0 };

	peer_begin(PEER_SEND, p->slot, 0, j.n, 0);
	receive_all(&j);
	say("received: %s", outcome(&j));
	say("peer: %s", peer_end() == (long)j.n ? "all good" : "BAD");
}

static void duplex(struct pair *p, int pauses)
{
	struct job out = { p, amount(), 4, pauses, 0 };
	struct job in = { p, amount(), 5, pauses, 0 };
	pthread_t thread;

	peer_begin(PEER_DUPLEX, p->slot, 0, out.n, 6);
	pthread_create(&thread, NULL, send_all, &out);
	receive_all(&in);
	pthread_join(thread, NULL);
	say("sent: %s", outcome(&out));
	say("received: %s", outcome(&in));
	say("peer: %s", peer_end() == (long)out.n ? "all good" : "BAD");
}

static void full_duplex(struct pair *p)
{
	duplex(p, 0);
}

static void full_duplex_pauses(struct pair *p)
{
	duplex(p, 1);
}

/* From the first byte on, while the connection is still being moved. */
static void from_the_start(struct pair *p)
{
	for (int i = 0; i < 4; i++) {
		pair_open(p, i);
		duplex(p, 0);
		pair_close(p);
		peer_close(p);
	}
}

/* One thread, non-blocking, both directions at once. */
static void one_thread(struct pair *p)
{
	struct pollfd pfd = { .fd = p->fd };
	size_t n = amount(), out = 0, in = 0;
	char *buf = malloc(BUF);
	bool good = true;
	unsigned seed = 7;

	MUST(fcntl(p->fd, F_SETFL, O_RDWR | O_NONBLOCK));
	peer_begin(PEER_DUPLEX, p->slot, 0, n, 8);
	for (int turn = 0; good && (out < n || in < n); turn++) {
		size_t want = 1 + draw(&seed, BUF - 1);
		ssize_t r;

		pfd.events = (out < n ? POLLOUT : 0) | (in < n ? POLLIN : 0);
		good &= poll(&pfd, 1, 10000) == 1;
		if (pfd.revents & POLLOUT) {
			size_t left = n - out;

			pair_next(p, buf, want < left ? want : left);
			r = some_send(p->fd, buf, want < left ? want : left, turn);
			good &= r > 0 || (r < 0 && errno == EAGAIN);
			out += r > 0 ? r : 0;
			p->tx += r > 0 ? r : 0;
		}
		if (pfd.revents & POLLIN) {
			r = some_receive(p->fd, buf, want, turn);
			good &= r > 0 && pair_check(p, buf, r)[0] == 'g';
			in += r > 0 ? r : 0;
		}
	}
	say("%s", good ? "all good" : "BAD");
	say("peer: %s", peer_end() == (long)n ? "all good" : "BAD");
	free(buf);
}

static void half_duplex(struct pair *p)
{
	unsigned seed = 9;

	for (int i = 0; i < 300; i++) {
		size_t n = 1 + draw(&seed, i % 10 ? 3000 : 200000);

		peer_begin(PEER_RECEIVE, p->slot, 0, n, 0);
		pair_send(p, n);
		if (peer_end() != (long)n)
			say("round %d: BAD", i);
		n = 1 + draw(&seed, i % 10 ? 3000 : 200000);
		peer_begin(PEER_SEND, p->slot, 0, n, 0);
		pair_receive(p, n);
		if (peer_end() != (long)n)
			say("round %d: BAD", i);
	}
	say("300 rounds");
}

#define CONNECTIONS 4

static void connections(struct pair *first)
{
	static struct pair p[CONNECTIONS];
	struct job out[CONNECTIONS], in[CONNECTIONS];
	pthread_t threads[CONNECTIONS][2];
	size_t n = amount() / 4;

	p[0] = *first;
	for (int i = 1; i < CONNECTIONS; i++) {
		pair_open(&p[i], i);
		pair_warm(&p[i]);
	}
	peer_begin(PEER_MANY, CONNECTIONS, 0, n, 10);
	for (int i = 0; i < CONNECTIONS; i++) {
		out[i] = (struct job){ &p[i], n, 20 + i, 0, 0 };
		in[i] = (struct job){ &p[i], n, 30 + i, 0, 0 };
		pthread_create(&threads[i][0], NULL, send_all, &out[i]);
		pthread_create(&threads[i][1], NULL, receive_all, &in[i]);
	}
	for (int i = 0; i < CONNECTIONS; i++) {
		pthread_join(threads[i][0], NULL);
		pthread_join(threads[i][1], NULL);
		say("connection %d: sent %s, received %s", i,
		    outcome(&out[i]), outcome(&in[i]));
	}
	SHOW(peer_end());
	for (int i = 1; i < CONNECTIONS; i++)
		pair_close(&p[i]);
}

/* Two threads write to, or read from, one socket: no byte lost or doubled. */
static void *write_letters(void *arg)
{
	struct job *j = arg;
	char *buf = malloc(BUF);
	size_t done = 0;

	memset(buf, 'a' + j->seed, BUF);
	while (done < j->n) {
		size_t want = 1 + draw(&j->seed, 20000);
		ssize_t r = send(j->p->fd, buf, want < j->n - done ? want :
				 j->n - done, MSG_NOSIGNAL);

		if (r <= 0) {
			j->err = errno;
			break;
		}
		done += r;
	}
	free(buf);
	return NULL;
}

static void two_writers(struct pair *p)
{
	struct job a = { p, 4 << 20, 1, 0, 0 }, b = { p, 4 << 20, 2, 0, 0 };
	pthread_t thread;

	peer_begin(PEER_SKIP, p->slot, 0, 8 << 20, 0);
	pthread_create(&thread, NULL, write_letters, &a);
	write_letters(&b);
	pthread_join(thread, NULL);
	say("%s, %s", outcome(&a), outcome(&b));
	SHOW(peer_end());
	SHOW(peer_poll(p, POLLIN, 50));
}

static void *read_to_end(void *arg)
{
	struct job *j = arg;
	char *buf = malloc(BUF);
	ssize_t r;

	while ((r = recv(j->p->fd, buf, 5000, 0)) > 0)
		j->n += r;
	j->err = r < 0 ? errno : 0;
	free(buf);
	return NULL;
}

static void two_readers(struct pair *p)
{
	struct job a = { .p = p }, b = { .p = p };
	pthread_t thread;

	pthread_create(&thread, NULL, read_to_end, &a);
	peer_begin(PEER_SEND, p->slot, 0, 8 << 20, 0);
	nap(5);
	SHOW(peer_end());
	SHOW(peer_shutdown(p, SHUT_WR));
	read_to_end(&b);
	pthread_join(thread, NULL);
	say("together %zu, %s, %s", a.n + b.n, outcome(&a), outcome(&b));
}

const struct sem_case sem_cases[] = {
	{ "to_peer", LANE, to_peer, "one way out, calls in turn, random sizes" },
	{ "from_peer", LANE, from_peer, "one way in, calls in turn, random sizes" },
	{ "slow_reader", LANE, slow_reader, "the reader pauses" },
	{ "full_duplex", LANE, full_duplex, "both ways at once, two threads" },
	{ "full_duplex_pauses", LANE, full_duplex_pauses, "the same with random pauses" },
	{ "from_the_start", 0, from_the_start, "both ways at once from the first byte" },
	{ "one_thread", LANE, one_thread, "both ways at once, poll, no blocking" },
	{ "half_duplex", LANE, half_duplex, "300 questions and answers" },
	{ "connections", LANE, connections, "four connections, eight threads" },
	{ "two_writers", LANE, two_writers, "two threads write to one socket" },
	{ "two_readers", LANE, two_readers, "two threads read from one socket" },
	{ 0 }
};
