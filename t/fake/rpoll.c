// SPDX-License-Identifier: BSD-2-Clause
/* rpoll(3), in the steps of rsocket.c: check, arm, poll(), take, check. */
#include <errno.h>
#include <poll.h>
#include <rdma/rsocket.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake.h"

#define FDS_MOST 8
#define SLEEP_MS 500

/* The bits of a made connection. With the lock. */
static short stream_bits(const struct fake *fake, short events)
{
	bool connected = fake->state == FAKE_CONNECTED;
	short bits = 0;

	if ((events & POLLIN) && (fake->in.used > 0 || !connected))
		bits |= POLLIN;
	if ((events & POLLOUT) &&
	    ring_room(&fake->out) >=
	    (fake->out.most < FAKE_LOWAT ? 1 : FAKE_LOWAT))
		bits |= POLLOUT;
	if (fake->state == FAKE_DISCONNECTED)
		bits |= POLLHUP;
	if (fake->state == FAKE_ERROR)
		bits |= POLLERR;
	return bits;
}

static short check_one(struct pollfd *fd, bool arm)
{
	struct pollfd queue = { .events = fd->events };
	struct fake *fake;
	short bits = 0;

	pthread_mutex_lock(&fake_lock);
	fake = fake_find(fd->fd);
	if (fake && fake->state >= FAKE_CONNECTED) {
		if (arm && !fake->armed)
			fake->armed = fake->notify = true;
		bits = stream_bits(fake, fd->events);
	} else if (fake && fake->state == FAKE_CONNECT_ERROR) {
		bits = (fd->events & (POLLIN | POLLOUT)) | POLLERR;
	}
	queue.fd = fake && fake->state == FAKE_LISTENING ? fake->queue[0] : -1;
	pthread_mutex_unlock(&fake_lock);

	if (queue.fd >= 0) {
		poll(&queue, 1, 0);
		bits = queue.revents;
	}
	return bits;
}

static int check(struct pollfd *fds, nfds_t n, bool arm)
{
	int count = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		fds[i].revents = check_one(&fds[i], arm);
		count += fds[i].revents != 0;
	}
	return count;
}

/* What to sleep on. */
static void fill(struct pollfd *sleep, const struct pollfd *fds, nfds_t n)
{
	static int signal = -1;
	struct fake *fake;
	nfds_t i;

	pthread_mutex_lock(&fake_lock);
	for (i = 0; i < n; i++) {
		fake = fake_find(fds[i].fd);
		sleep[i].fd = -1;
		if (fake)
			sleep[i].fd = fake->state >= FAKE_CONNECTED
				? fake->comp : fake->number;
		sleep[i].events = POLLIN;
		sleep[i].revents = 0;
	}
	if (signal < 0)
		signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sleep[n].fd = signal;
	sleep[n].events = POLLIN;
	sleep[n].revents = 0;
	pthread_mutex_unlock(&fake_lock);
}

/* Take the completion channel's event, if the queue is armed. */
static void take(const struct pollfd *sleep, const struct pollfd *fds, nfds_t n)
{
	struct fake *fake;
	uint64_t events;
	nfds_t i;

	pthread_mutex_lock(&fake_lock);
	for (i = 0; i < n; i++) {
		fake = fake_find(fds[i].fd);
		if (fake && sleep[i].revents && fake->armed &&
		    read(fake->comp, &events, sizeof(events)) > 0)
			fake->armed = false;
	}
	pthread_mutex_unlock(&fake_lock);
}

FAKE_API int rpoll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct pollfd sleep[FDS_MOST + 1];
	int ret;

	rule_apply("rpoll");
	if (n > FDS_MOST) {
		errno = EINVAL;
		return -1;
	}
	ret = check(fds, n, false);
	if (ret || timeout == 0)
		return ret;
	do {
		ret = check(fds, n, true);
		if (ret)
			break;
		fill(sleep, fds, n);
		ret = poll(sleep, n + 1, SLEEP_MS);
		if (ret < 0)
			break;
		take(sleep, fds, n);
		if (ret == 0 && timeout >= 0 && (timeout -= SLEEP_MS) <= 0)
			return check(fds, n, false);
		ret = check(fds, n, false);
	} while (ret == 0);
	return ret;
}
