// SPDX-License-Identifier: BSD-2-Clause
/*
 * The thread that is network, device and librdmacm's service threads at once:
 * it moves bytes between rings and sockets, signals armed completion
 * channels, makes and accepts connections.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake.h"

#define FDS_MOST 16384

static int bell = -1;
static bool running;

static void signal_fd(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

void pump_wake(void)
{
	if (bell >= 0)
		signal_fd(bell);
}

void fake_complete(struct fake *fake)
{
	if (fake->notify) {
		fake->notify = false;
		signal_fd(fake->comp);
	}
}

void fake_hang_up(struct fake *fake, enum fake_state state)
{
	if (fake->state != FAKE_CONNECTED)
		return;
	fake->state = state;
	if (state == FAKE_ERROR)
		fake->error = EIO;
	if (rule_apply("hangup").deed != DEED_SILENT)
		fake_complete(fake);
}

static bool would_block(ssize_t ret)
{
	return ret < 0 && (errno == EAGAIN || errno == EINTR);
}

static void pump_in(struct fake *fake)
{
	char bytes[65536];
	size_t room = fake->in.size - fake->in.used;
	ssize_t got;

	if (room == 0)
		return;
	got = read(fake->data, bytes, room < sizeof(bytes) ? room
							   : sizeof(bytes));
	if (would_block(got))
		return;
	if (got <= 0) {
		fake_hang_up(fake, FAKE_DISCONNECTED);
		return;
	}
	ring_put(&fake->in, bytes, (size_t)got);
	fake_complete(fake);
}

static void pump_out(struct fake *fake)
{
	char bytes[65536];
	size_t n = ring_get(&fake->out, bytes, sizeof(bytes), true);
	ssize_t put;

	if (n == 0)
		return;
	put = send(fake->data, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (would_block(put))
		return;
	if (put < 0) {
		fake_hang_up(fake, FAKE_ERROR);
		return;
	}
	ring_get(&fake->out, bytes, (size_t)put, false);
	fake_complete(fake);
}

/* The hello has been written before the connection was to be seen. */
static void pump_accept(struct fake *listener)
{
	int data = accept4(listener->data, NULL, NULL, SOCK_CLOEXEC);
	struct fake *fake;

	if (data < 0)
		return;
	fake = rule_apply("accept").deed == DEED_FAIL ? NULL : fake_new();
	if (!fake) {
		close(data);
		return;
	}
	fake->data = data;
	if (read(data, &fake->peer, sizeof(fake->peer)) !=
	    sizeof(fake->peer)) {
		fake_free(fake);
		return;
	}
	fake->local = listener->local;
	fake->nonblock = listener->nonblock;
	fake->send_size = listener->send_size;
	fake->receive_size = listener->receive_size;
	fake->state = fake_ready_to_move(fake) ? FAKE_ERROR : FAKE_CONNECTED;
	(void)!write(listener->queue[1], &fake, sizeof(fake));
}

static void pump_connect(struct fake *fake)
{
	struct fake_order order = rule_apply("connection");

	if (order.deed == DEED_STALL)
		return;
	if (order.deed == DEED_FAIL) {
		errno = (int)order.value;
	} else if (!unix_connect(fake) && !fake_ready_to_move(fake)) {
		fake->state = FAKE_CONNECTED;
		return;
	}
	fake->error = errno;
	fake->state = FAKE_CONNECT_ERROR;
}

static void pump_one(struct fake *fake, short revents)
{
	if (fake->state == FAKE_LISTENING && revents)
		pump_accept(fake);
	if (fake->state != FAKE_CONNECTED || fake->stalled)
		return;
	pump_out(fake);
	pump_in(fake);
}

static short events_of(const struct fake *fake)
{
	short events = 0;

	if (fake->state == FAKE_LISTENING)
		return POLLIN;
	if (fake->state != FAKE_CONNECTED || fake->stalled)
		return 0;
	if (fake->in.used < fake->in.size)
		events |= POLLIN;
	if (fake->out.used > 0)
		events |= POLLOUT;
	return events;
}

/* With the lock. fds[0] is the bell. */
static nfds_t collect(struct pollfd *fds, struct fake **who)
{
	struct fake *fake;
	nfds_t n = 1;

	fds[0].fd = bell;
	fds[0].events = POLLIN;
	for (fake = fakes; fake && n < FDS_MOST; fake = fake->next) {
		if (fake->state == FAKE_CONNECTING && fake->data < 0)
			pump_connect(fake);
		fds[n].fd = events_of(fake) ? fake->data : -1;
		fds[n].events = events_of(fake);
		fds[n].revents = 0;
		who[n++] = fake;
	}
	return n;
}

/*
 * With the lock: each that was collected and is there still. They are in the
 * order of the list, whose first ones may be newer.
 */
static void move(const struct pollfd *fds, struct fake *const *who, nfds_t n)
{
	struct fake *fake, *next = fakes;
	nfds_t i;

	for (i = 1; i < n; i++) {
		for (fake = next; fake && fake != who[i];)
			fake = fake->next;
		if (!fake)
			continue;	/* closed meanwhile */
		next = fake->next;
		pump_one(fake, fds[i].revents);
	}
}

static void *pump_run(void *arg)
{
	static struct pollfd fds[FDS_MOST];
	static struct fake *who[FDS_MOST];
	uint64_t rung;
	nfds_t n;

	for (;;) {
		pthread_mutex_lock(&fake_lock);
		if (!fakes)
			break;		/* as librdmacm's threads end */
		n = collect(fds, who);
		pthread_mutex_unlock(&fake_lock);
		poll(fds, n, -1);
		rule_apply("pump");
		if (fds[0].revents)
			(void)!read(bell, &rung, sizeof(rung));
		pthread_mutex_lock(&fake_lock);
		if (fds[0].revents & POLLNVAL)
			break;		/* the program has closed all */
		move(fds, who, n);
		pthread_mutex_unlock(&fake_lock);
	}
	running = false;
	pthread_mutex_unlock(&fake_lock);
	return arg;
}

/* pump_out() has 64 KiB on its stack, beside thread-local memory. */
static int start_thread(pthread_t *thread)
{
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 2048 * 1024);
	error = pthread_create(thread, &attributes, pump_run, NULL);
	pthread_attr_destroy(&attributes);
	return error;
}

int pump_start(void)
{
	pthread_t thread;

	if (running)
		return 0;
	if (bell < 0)
		bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bell < 0 || start_thread(&thread))
		return -1;
	pthread_detach(thread);
	running = true;
	return 0;
}
