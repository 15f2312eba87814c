// SPDX-License-Identifier: BSD-2-Clause
/* rsocket(3) to rclose(3), but for rpoll(3). */
#include <errno.h>
#include <fcntl.h>
#include <rdma/rsocket.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

#define SIZE_DEFAULT (128 * 1024)
#define PEER_MOST (256 * 1024)	/* the peer's receive_size at most ... */
#define KERNEL_MOST (64 * 1024)	/* ... and on its way there */
#define CLOSE_TRIES 5000	/* milliseconds that rclose() waits */

pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
struct fake *fakes;

struct fake *fake_find(int number)
{
	struct fake *fake;

	HASH_FIND_INT(fakes, &number, fake);
	if (!fake)
		errno = EBADF;
	return fake;
}

struct fake *fake_new(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	if (!fake)
		return NULL;
	fake->data = fake->queue[0] = fake->queue[1] = -1;
	fake->number = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fake->comp = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fake->send_size = fake->receive_size = SIZE_DEFAULT;
	if (fake->number >= 0 && fake->comp >= 0)
		HASH_ADD_INT(fakes, number, fake);
	if (fake->hh.tbl)
		return fake;
	fake_free(fake);
	return NULL;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* A use of it afterwards is to be seen. */
static void ring_end(struct ring *ring)
{
	if (ring->bytes)
		memset(ring->bytes, 0xdb, ring->size);
	free(ring->bytes);
}

void fake_free(struct fake *fake)
{
	if (fake->hh.tbl)
		HASH_DEL(fakes, fake);
	pump_forget(fake);
	close_fd(fake->number);
	close_fd(fake->comp);
	close_fd(fake->data);
	close_fd(fake->queue[0]);
	close_fd(fake->queue[1]);
	ring_end(&fake->in);
	ring_end(&fake->out);
	free(fake);
}

/* `more`: what it has yet after it was taken out. */
static int ring_make(struct ring *ring, size_t size, size_t more)
{
	size_t most = (size_t)rule_setting("buffer", 1 << 24);

	ring->most = size < most ? size : most;
	ring->size = ring->most + more;
	ring->bytes = malloc(ring->size);
	return ring->bytes ? 0 : -1;
}

size_t ring_room(const struct ring *ring)
{
	return ring->most - ring->used;
}

int fake_ready_to_move(struct fake *fake)
{
	int small = 4096;

	setsockopt(fake->data, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	fcntl(fake->data, F_SETFL, O_NONBLOCK);
	if (ring_make(&fake->in, fake->receive_size, 0))
		return -1;
	return ring_make(&fake->out, fake->send_size,
			 PEER_MOST + KERNEL_MOST);
}

/* The bytes from `at` on up to the end of the ring, of n. */
static size_t before_end(const struct ring *ring, size_t at, size_t n)
{
	return n < ring->size - at ? n : ring->size - at;
}

size_t ring_put(struct ring *ring, const void *bytes, size_t n)
{
	size_t at, first, room = ring_room(ring);

	if (n > room)
		n = room;
	if (n == 0)
		return 0;
	at = (ring->head + ring->used) % ring->size;
	first = before_end(ring, at, n);
	memcpy(ring->bytes + at, bytes, first);
	memcpy(ring->bytes, (const char *)bytes + first, n - first);
	ring->used += n;
	return n;
}

size_t ring_get(struct ring *ring, void *bytes, size_t n, bool peek)
{
	size_t first;

	if (n > ring->used)
		n = ring->used;
	if (n == 0)
		return 0;
	first = before_end(ring, ring->head, n);
	memcpy(bytes, ring->bytes + ring->head, first);
	memcpy((char *)bytes + first, ring->bytes, n - first);
	if (!peek) {
		ring->head = (ring->head + n) % ring->size;
		ring->used -= n;
	}
	return n;
}

/*
 * Begin a call: the rules' verdict, then the rsocket with the lock held, or
 * NULL with errno and no lock.
 */
static struct fake *enter(const char *symbol, int rs, struct fake_order *order)
{
	struct fake *fake;

	*order = rule_apply(symbol);
	if (order->deed == DEED_FAIL) {
		errno = (int)order->value;
		return NULL;
	}
	pthread_mutex_lock(&fake_lock);
	fake = fake_find(rs);
	if (!fake) {
		pthread_mutex_unlock(&fake_lock);
		return NULL;
	}
	if (order->deed == DEED_STALL)
		fake->stalled = true;
	if (order->deed == DEED_RESET) {
		shutdown(fake->data, SHUT_RDWR);
		fake_hang_up(fake, FAKE_ERROR);
	}
	return fake;
}

static long leave(long ret)
{
	pthread_mutex_unlock(&fake_lock);
	return ret;
}

#ifndef FAKE_OLD
FAKE_API int repoll_create(int size);
FAKE_API int repoll_create(int size)
{
	(void)size;
	abort();	/* exported, never called */
}
#endif

/* As librdmacm does at its first rsocket(); this one never spins. */
static void read_settings(void)
{
	FILE *file = fopen("/etc/rdma/rsocket/polling_time", "r");

	if (file)
		fclose(file);
}

FAKE_API int rsocket(int domain, int type, int protocol)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct fake_order order = rule_apply("rsocket");
	struct fake *fake;

	pthread_once(&once, read_settings);
	(void)type;
	(void)protocol;
	if (order.deed == DEED_FAIL) {
		errno = (int)order.value;
		return -1;
	}
	pthread_mutex_lock(&fake_lock);
	fake = fake_new();
	if (fake)
		fake->local.ss_family = (sa_family_t)domain;
	return (int)leave(fake ? fake->number : -1);
}

FAKE_API int rbind(int rs, const struct sockaddr *addr, socklen_t len)
{
	struct fake_order order;
	struct fake *fake = enter("rbind", rs, &order);

	if (!fake)
		return -1;
	memcpy(&fake->local, addr, len);
	return (int)leave(0);
}

/* The port is chosen here, so rgetsockname() knows it only afterwards. */
FAKE_API int rlisten(int rs, int backlog)
{
	struct fake_order order;
	struct fake *fake = enter("rlisten", rs, &order);
	int ret;

	(void)backlog;
	if (!fake)
		return -1;
	ret = unix_listen(fake);
	if (!ret)
		ret = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				 fake->queue);
	if (!ret && fake->nonblock)
		fcntl(fake->queue[0], F_SETFL, O_NONBLOCK);
	if (!ret)
		ret = pump_start();
	if (!ret)
		fake->state = FAKE_LISTENING;
	pump_touch(fake);
	return (int)leave(ret);
}

FAKE_API int raccept(int rs, struct sockaddr *addr, socklen_t *len)
{
	struct fake_order order;
	struct fake *made, *fake = enter("raccept", rs, &order);
	int queue;

	if (!fake)
		return -1;
	queue = fake->queue[0];
	leave(0);
	if (read(queue, &made, sizeof(made)) != sizeof(made))
		return -1;
	if (addr)
		rgetpeername(made->number, addr, len);
	return made->number;
}

FAKE_API int rconnect(int rs, const struct sockaddr *addr, socklen_t len)
{
	struct fake_order order;
	struct fake *fake = enter("rconnect", rs, &order);

	if (!fake)
		return -1;
	memcpy(&fake->peer, addr, len);
	fake->state = FAKE_CONNECTING;
	pump_start();
	pump_touch(fake);
	if (!fake->nonblock)
		abort();	/* nobody may wait for a connection */
	errno = EINPROGRESS;
	return (int)leave(-1);
}

static void report(const struct fake *fake)
{
	const char *path = getenv("FAKE_RDMA_REPORT");
	char line[100];
	int fd, n;

	if (!path || (!fake->sent && !fake->received))
		return;
	n = snprintf(line, sizeof(line), "%d sent %llu received %llu\n",
		     (int)getpid(), (unsigned long long)fake->sent,
		     (unsigned long long)fake->received);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	(void)!write(fd, line, (size_t)n);
	close(fd);
}

/* Waits for what is still to be sent, as rshutdown(3) does. */
FAKE_API int rclose(int rs)
{
	const struct timespec tick = { 0, 1000000 };
	struct fake_order order;
	struct fake *fake = enter("rclose", rs, &order);
	int i;

	if (!fake)
		return -1;
	for (i = 0; i < CLOSE_TRIES && fake->state == FAKE_CONNECTED &&
		    fake->out.used > 0; i++) {
		leave(0);
		nanosleep(&tick, NULL);
		pthread_mutex_lock(&fake_lock);
	}
	report(fake);
	fake_free(fake);
	pump_end_perhaps();
	return (int)leave(0);
}

static size_t limit(const struct fake_order *order, size_t n)
{
	if (order->deed == DEED_SHORT && n > (size_t)order->value)
		return (size_t)order->value;
	return n;
}

/*
 * Who asks for more than the receive buffer holds has what lies behind it, if
 * the peer says that so much has come: so nobody may.
 */
FAKE_API ssize_t rrecv(int rs, void *buf, size_t n, int flags)
{
	struct fake_order order;
	struct fake *fake = enter("rrecv", rs, &order);
	bool full;
	size_t got;

	if (!fake)
		return -1;
	if (n > fake->receive_size)
		abort();
	full = fake->in.used == fake->in.size;
	got = ring_get(&fake->in, buf, limit(&order, n), flags & MSG_PEEK);
	if (got > 0) {
		if (!(flags & MSG_PEEK))
			fake->received += got;
		if (full)
			pump_touch(fake);	/* it has left the rest */
		return leave((long)got);
	}
	if (fake->state == FAKE_DISCONNECTED || n == 0)
		return leave(0);
	errno = fake->state == FAKE_ERROR ? ECONNRESET : EAGAIN;
	return leave(-1);
}

/* rsocket.c takes bytes for a peer that has gone, too, as far as it has room. */
FAKE_API ssize_t rsend(int rs, const void *buf, size_t n, int flags)
{
	struct fake_order order;
	struct fake *fake = enter("rsend", rs, &order);
	size_t put;

	(void)flags;
	if (!fake)
		return -1;
	if (fake->state != FAKE_CONNECTED && fake->state != FAKE_DISCONNECTED) {
		errno = fake->state == FAKE_ERROR ? ECONNRESET : EAGAIN;
		return leave(-1);
	}
	put = ring_put(&fake->out, buf, limit(&order, n));
	if (fake->state == FAKE_CONNECTED) {
		fake->sent += put;
		if (put > 0)
			pump_touch(fake);
	}
	if (put > 0 || n == 0)
		return leave((long)put);
	errno = fake->state == FAKE_CONNECTED ? EAGAIN : ECONNRESET;
	return leave(-1);
}

static int copy_name(int rs, struct sockaddr *addr, socklen_t *len, bool peer)
{
	const struct sockaddr_storage *from;
	struct fake *fake;

	pthread_mutex_lock(&fake_lock);
	fake = fake_find(rs);
	if (!fake)
		return (int)leave(-1);
	from = peer ? &fake->peer : &fake->local;
	memcpy(addr, from, *len < sizeof(*from) ? *len : sizeof(*from));
	*len = from->ss_family == AF_INET ? 16 : 28;
	return (int)leave(0);
}

FAKE_API int rgetsockname(int rs, struct sockaddr *addr, socklen_t *len)
{
	return copy_name(rs, addr, len, false);
}

FAKE_API int rgetpeername(int rs, struct sockaddr *addr, socklen_t *len)
{
	return copy_name(rs, addr, len, true);
}

FAKE_API int rgetsockopt(int rs, int level, int name, void *value,
			 socklen_t *len)
{
	struct fake_order order;
	uint32_t size;
	struct fake *fake = enter("rgetsockopt", rs, &order);

	if (!fake)
		return -1;
	if (level != SOL_SOCKET || *len < sizeof(int))
		abort();
	if (name == SO_RCVBUF) {
		size = (uint32_t)fake->receive_size;
		memcpy(value, &size, sizeof(size));
		return (int)leave(0);
	}
	if (name != SO_ERROR)
		abort();
	memcpy(value, &fake->error, sizeof(fake->error));
	fake->error = 0;
	return (int)leave(0);
}

FAKE_API int rsetsockopt(int rs, int level, int name, const void *value,
			 socklen_t len)
{
	struct fake_order order;
	struct fake *fake = enter("rsetsockopt", rs, &order);
	uint32_t size;

	if (!fake)
		return -1;
	memcpy(&size, value, len < sizeof(size) ? len : sizeof(size));
	if (level == SOL_SOCKET && name == SO_SNDBUF)
		fake->send_size = 2 * (size_t)size;
	else if (level == SOL_SOCKET && name == SO_RCVBUF)
		fake->receive_size = 2 * (size_t)size;
	else if (level != SOL_RDMA)
		abort();
	return (int)leave(0);
}

FAKE_API int rfcntl(int rs, int cmd, ...)
{
	struct fake_order order;
	struct fake *fake = enter("rfcntl", rs, &order);
	va_list args;

	if (!fake)
		return -1;
	if (cmd != F_SETFL)
		abort();
	va_start(args, cmd);
	fake->nonblock = va_arg(args, long) & O_NONBLOCK;
	va_end(args);
	return (int)leave(0);
}
