/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent: the connection's other end, doing what it is asked. Runs as a
 * process or as a thread, prints nothing, answers {value, errno}.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

#define CHUNK 65536

struct end { int fd; uint64_t tx, rx; };

static struct end ends[SEM_SLOTS];
static int listener = -1;

static long op_listen(int backlog)
{
	int port = 0;

	listener = sem_listen(backlog, &port);
	return port;
}

static long op_send(struct end *e, size_t n)
{
	static __thread char buf[CHUNK];
	size_t done = 0;

	while (done < n) {
		size_t chunk = n - done < CHUNK ? n - done : CHUNK;
		ssize_t r;

		data_fill(buf, chunk, e->tx);
		r = send(e->fd, buf, chunk, MSG_NOSIGNAL);
		if (r < 0)
			return -1;
		e->tx += r;
		done += r;
	}
	return done;
}

static long op_some(struct end *e, size_t n)
{
	static __thread char buf[CHUNK];
	ssize_t r = recv(e->fd, buf, n < CHUNK ? n : CHUNK, 0);

	if (r > 0 && !data_good(buf, r, e->rx)) {
		errno = EBADMSG;
		return -1;
	}
	if (r > 0)
		e->rx += r;
	return r;
}

static long op_receive(struct end *e, size_t n)
{
	size_t done = 0;

	while (done < n) {
		long r = op_some(e, n - done);

		if (r < 0)
			return -1;
		if (r == 0)
			break;
		done += r;
	}
	return done;
}

static long first_as_server(struct end *e, enum peer_open open)
{
	char byte;

	switch (open) {
	case OPEN_PING:
		return recv(e->fd, &byte, 1, 0);
	case OPEN_LATE:
		nap(150);
		/* fall through */
	case OPEN_BANNER:
		return op_send(e, BANNER);
	default:
		return 0;
	}
}

static long first_as_client(struct end *e, enum peer_open open)
{
	switch (open) {
	case OPEN_PING:
		return send(e->fd, "!", 1, MSG_NOSIGNAL);
	case OPEN_BANNER:
	case OPEN_LATE:
		return op_receive(e, BANNER);
	default:
		return 0;
	}
}

static long op_accept(struct end *e, enum peer_open open)
{
	*e = (struct end){ .fd = accept(listener, NULL, NULL) };
	return e->fd < 0 ? -1 : first_as_server(e, open);
}

static long op_connect(struct end *e, int port, enum peer_open open)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, port);

	*e = (struct end){ .fd = sem_socket() };
	if (connect(e->fd, (struct sockaddr *)&addr, len) < 0)
		return -1;
	return first_as_client(e, open);
}

static long op_echo(struct end *e, size_t n)
{
	size_t done = 0;

	while (n == 0 || done < n) {
		long r = op_some(e, n ? n - done : CHUNK);

		if (r < 0 || (r > 0 && op_send(e, r) < 0))
			return -1;
		if (r == 0)
			break;
		done += r;
	}
	return done;
}

static long op_reset(struct end *e)
{
	struct linger now = { 1, 0 };

	setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return close(e->fd);
}

/* Full means EAGAIN 200 ms apart; POLLOUT goes away earlier than that. */
static long op_fill(struct end *e)
{
	static char buf[4096];
	long done = 0;

	for (int refused = 0; refused < 5;) {
		ssize_t r;

		data_fill(buf, sizeof(buf), e->tx);
		r = send(e->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r < 0 && errno != EAGAIN)
			return -1;
		if (r > 0) {
			e->tx += r;
			done += r;
			refused = 0;
		} else if (++refused < 5) {
			nap(100);
		}
	}
	return done;
}

static long op_poll(struct end *e, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = e->fd, .events = events };

	return poll(&pfd, 1, timeout_ms) < 0 ? -1 : pfd.revents;
}

static long op_trickle(struct end *e, long n, int ms)
{
	for (long i = 0; i < n; i++) {
		nap(ms);
		if (op_send(e, 1) < 0)
			return -1;
	}
	return n;
}

struct duplex { struct end *end; size_t n; unsigned seed; int err; };

static void *duplex_send(void *arg)
{
	struct duplex *d = arg;
	size_t done = 0;

	while (done < d->n) {
		size_t want = 1 + rand_r(&d->seed) % 90000;

		if (want > d->n - done)
			want = d->n - done;
		if (rand_r(&d->seed) % 64 == 0)
			nap(rand_r(&d->seed) % 3);
		if (op_send(d->end, want) < 0) {
			d->err = errno;
			break;
		}
		done += want;
	}
	return NULL;
}

static long op_duplex(struct end *e, size_t n, unsigned seed)
{
	struct duplex d = { e, n, seed, 0 };
	pthread_t thread;
	long r;

	pthread_create(&thread, NULL, duplex_send, &d);
	r = op_receive(e, n);
	pthread_join(thread, NULL);
	if (d.err) {
		errno = d.err;
		return -1;
	}
	return r;
}

static void *duplex_both(void *arg)
{
	struct duplex *d = arg;

	if (op_duplex(d->end, d->n, d->seed) != (long)d->n)
		d->err = errno ? errno : EPIPE;
	return NULL;
}

static long op_many(int count, size_t n, unsigned seed)
{
	struct duplex d[SEM_SLOTS];
	pthread_t threads[SEM_SLOTS];
	long good = 0;

	for (int i = 0; i < count; i++) {
		d[i] = (struct duplex){ &ends[i], n, seed + i, 0 };
		pthread_create(&threads[i], NULL, duplex_both, &d[i]);
	}
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		good += !d[i].err;
	}
	return good;
}

static long op_skip(struct end *e, size_t n)
{
	static char buf[CHUNK];
	size_t done = 0;

	while (done < n) {
		ssize_t r = recv(e->fd, buf, n - done < CHUNK ? n - done :
				 CHUNK, 0);

		if (r <= 0)
			return r < 0 ? -1 : (long)done;
		done += r;
	}
	return done;
}

static long serve_setup(const struct peer_request *q, struct end *e)
{
	int fd = listener;

	switch (q->op) {
	case PEER_LISTEN:	return op_listen(q->a);
	case PEER_UNLISTEN:	listener = -1; return close(fd);
	case PEER_ACCEPT:	return op_accept(e, q->a);
	case PEER_CONNECT:	return op_connect(e, q->a, q->b);
	case PEER_EXIT:		_exit(0);
	case PEER_EXIT_C:	_Exit(0);
	case PEER_EXIT_QUICK:	quick_exit(0);
	case PEER_EXIT_FULL:	exit(0);
	case PEER_KILL:		return kill(getpid(), SIGKILL);
	}
	errno = ENOSYS;
	return -1;
}

static long serve_one(const struct peer_request *q, struct end *e)
{
	int value = (int)q->b;

	switch (q->op) {
	case PEER_SEND:		return op_send(e, q->a);
	case PEER_RECEIVE:	return op_receive(e, q->a);
	case PEER_SOME:		return op_some(e, q->a);
	case PEER_DRAIN:	return op_receive(e, SIZE_MAX / 2);
	case PEER_ECHO:		return op_echo(e, q->a);
	case PEER_SHUTDOWN:	return shutdown(e->fd, q->a);
	case PEER_CLOSE:	return close(e->fd);
	case PEER_RESET:	return op_reset(e);
	case PEER_FILL:		return op_fill(e);
	case PEER_POLL:		return op_poll(e, q->a, q->b);
	case PEER_OPTION:	return setsockopt(e->fd, q->a >> 16,
					q->a & 0xffff, &value, sizeof(value));
	case PEER_URGENT:	return send(e->fd, "u", 1,
					    MSG_OOB | MSG_NOSIGNAL);
	case PEER_DUPLEX:	return op_duplex(e, q->a, q->b);
	case PEER_MANY:		return op_many(q->slot, q->a, q->b);
	case PEER_SKIP:		return op_skip(e, q->a);
	case PEER_TRICKLE:	return op_trickle(e, q->a, q->b);
	}
	return serve_setup(q, e);
}

void peer_serve(int control)
{
	struct peer_request q;

	while (read(control, &q, sizeof(q)) == sizeof(q)) {
		struct peer_answer a = { 0 };

		if (q.op == PEER_QUIT)
			break;
		if (q.nap_ms)
			nap(q.nap_ms);
		errno = 0;
		a.value = serve_one(&q, &ends[q.slot]);
		a.err = a.value < 0 ? errno : 0;
		if (write(control, &a, sizeof(a)) != sizeof(a))
			break;
	}
}
