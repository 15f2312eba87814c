// SPDX-License-Identifier: BSD-2-Clause
/*
 * The thread that is network, device and librdmacm's service threads at once:
 * it moves bytes between rings and sockets, signals armed completion
 * channels, makes and accepts connections. A wake-up looks at those that
 * somebody has touched and at those that epoll(7) says are ready; the others
 * cost nothing.
 *
 * Connections are edge-triggered: news that is not taken, of one that is
 * stalled or whose ring is full, is told once. So is what the kernel still
 * tells of a file whose number the program has closed, and a child has kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#include "fake.h"

#define EVENTS 32	/* unlike the service thread's: t/bench tells them apart */

static int bell = -1, epoll = -1;
static pid_t owner;		/* a forked child has the same epoll set */
static struct fake *touched;
static bool running;
void (*fake_begin)(void);

static void signal_fd(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

/* With the lock. */
static void list(struct fake *fake)
{
	if (!fake->touched)
		DL_APPEND(touched, fake);
	fake->touched = true;
}

static void unlist(struct fake *fake)
{
	if (fake->touched)
		DL_DELETE(touched, fake);
	fake->touched = false;
}

void pump_touch(struct fake *fake)
{
	list(fake);
	if (bell >= 0)
		signal_fd(bell);
}

void pump_forget(struct fake *fake)
{
	unlist(fake);
	if (fake->interest && owner == getpid())
		epoll_ctl(epoll, EPOLL_CTL_DEL, fake->data, NULL);
}

void pump_end_perhaps(void)
{
	if (!fakes && bell >= 0)
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

/* True: there may be more. */
static bool pump_in(struct fake *fake)
{
	char bytes[65536];
	size_t room = fake->in.size - fake->in.used;
	ssize_t got;

	if (room == 0)
		return false;
	got = read(fake->data, bytes, room < sizeof(bytes) ? room
							   : sizeof(bytes));
	if (would_block(got))
		return false;
	if (got <= 0) {
		fake_hang_up(fake, FAKE_DISCONNECTED);
		return false;
	}
	ring_put(&fake->in, bytes, (size_t)got);
	fake_complete(fake);
	return true;
}

/* True: there may be room for more. */
static bool pump_out(struct fake *fake)
{
	char bytes[65536];
	size_t n = ring_get(&fake->out, bytes, sizeof(bytes), true);
	ssize_t put;

	if (n == 0)
		return false;
	put = send(fake->data, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (would_block(put))
		return false;
	if (put < 0) {
		fake_hang_up(fake, FAKE_ERROR);
		return false;
	}
	ring_get(&fake->out, bytes, (size_t)put, false);
	fake_complete(fake);
	return true;
}

static uint32_t interest_of(const struct fake *fake)
{
	if (fake->state == FAKE_LISTENING)
		return EPOLLIN;
	if (fake->state != FAKE_CONNECTED)
		return fake->interest;
	return EPOLLIN | EPOLLET | (fake->out.used > 0 ? EPOLLOUT : 0);
}

/* The kernel looks at once whether that is so already. */
static void watch(struct fake *fake)
{
	struct epoll_event event = { .events = interest_of(fake),
				     .data.fd = fake->number };
	int op = fake->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (event.events == fake->interest)
		return;
	if (epoll_ctl(epoll, op, fake->data, &event))
		fake_hang_up(fake, FAKE_ERROR);
	else
		fake->interest = event.events;
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
	watch(fake);
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

static void pump_one(struct fake *fake)
{
	if (fake->state == FAKE_LISTENING)
		pump_accept(fake);
	if (fake->state == FAKE_CONNECTING)
		pump_connect(fake);
	if (fake->state == FAKE_CONNECTED && !fake->stalled) {
		while (pump_out(fake))
			;
		while (pump_in(fake))
			;
	}
	watch(fake);
}

/* With the lock. A connection that is not to be made is tried again. */
static void work(void)
{
	struct fake *fake, *next;

	DL_FOREACH_SAFE(touched, fake, next) {
		pump_one(fake);
		if (fake->state != FAKE_CONNECTING)
			unlist(fake);
	}
}

/* With the lock. The bell, which is no rsocket, has no more to say. */
static void list_ready(const struct epoll_event *events, int count)
{
	struct fake *fake;
	int i;

	for (i = 0; i < count; i++) {
		fake = fake_find(events[i].data.fd);
		if (fake)
			list(fake);	/* it is not closed meanwhile */
	}
}

/* How many there are; -1: the program has closed all, and we were awake. */
static int sleep_for(struct epoll_event *events)
{
	int count = epoll_pwait(epoll, events, EVENTS, -1, NULL);

	if (count < 0 && errno != EINTR)
		return -1;
	rule_apply("pump");
	return count < 0 ? 0 : count;
}

static void *pump_run(void *arg)
{
	struct epoll_event events[EVENTS];
	int count = 0;

	if (fake_begin)
		fake_begin();
	pthread_mutex_lock(&fake_lock);
	while (fakes && count >= 0) {	/* librdmacm's threads end, too */
		list_ready(events, count);
		work();
		pthread_mutex_unlock(&fake_lock);
		count = sleep_for(events);
		pthread_mutex_lock(&fake_lock);
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

static void close_both(void)
{
	if (bell >= 0)
		close(bell);
	if (epoll >= 0)
		close(epoll);
	bell = epoll = -1;
}

/* Edge-triggered, the bell need not be emptied. */
static int open_both(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	if (bell >= 0)
		return 0;
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = bell;
	owner = getpid();
	if (bell >= 0 && epoll >= 0 &&
	    !epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &event))
		return 0;
	close_both();
	return -1;
}

int pump_start(void)
{
	pthread_t thread;

	if (running)
		return 0;
	if (open_both() || start_thread(&thread))
		return -1;
	pthread_detach(thread);
	running = true;
	return 0;
}
