// SPDX-License-Identifier: BSD-2-Clause
#include "ready/bell.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/real.h"

static pthread_key_t key;	/* the bell's number + 1, for its end */
static __thread int own;	/* the same, quickly */
static __thread bool rung;	/* by the thread itself */

static void thread_ends(void *value)
{
	fd_close((int)(intptr_t)value - 1);
	own = 0;	/* a destructor that comes later gets another */
	rung = false;
}

void bell_prepare(void)
{
	pthread_key_create(&key, thread_ends);
}

int bell_fd(void)
{
	int fd;

	if (own)
		return own - 1;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	fd = fd_lift(fd);
	own = fd + 1;
	pthread_setspecific(key, (void *)(intptr_t)own);
	return fd;
}

void bell_clear(int fd)
{
	uint64_t rings;

	while (real.read(fd, &rings, sizeof(rings)) > 0)
		;
}

static void ring(struct conn_waiter *waiter)
{
	struct bell_waiter *bell = (struct bell_waiter *)waiter;
	uint64_t one = 1;
	int saved = errno;

	if (bell->fd < 0)
		return;		/* it looks now and then */
	if (bell->fd == own - 1) {
		rung = true;
		return;
	}
	if (real.write(bell->fd, &one, sizeof(one)) < 0)
		errno = saved;	/* full: it rings already */
}

bool bell_rung(void)
{
	bool was = rung;

	rung = false;
	return was;
}

void bell_hang(struct bell_waiter *waiter, int fd, struct conn *conn)
{
	*waiter = (struct bell_waiter){ .waiter.ring = ring, .fd = fd };
	conn_waiter_add(conn, &waiter->waiter);
}

void bell_unhang(struct bell_waiter *waiter, struct conn *conn)
{
	conn_waiter_remove(conn, &waiter->waiter);
}

void bell_after_fork(void)
{
	if (!own)
		return;
	fd_close(own - 1);
	own = 0;
	pthread_setspecific(key, NULL);
}
