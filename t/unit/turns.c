// SPDX-License-Identifier: BSD-2-Clause
/* One thread at a time is in an rsocket, unless the runtime counts right. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/real.h"
#include "rdma/runtime.h"

static atomic_int inside, most;

static void look(void)
{
	int now = atomic_fetch_add(&inside, 1) + 1;

	if (now > most)
		most = now;
	usleep(200);
	atomic_fetch_sub(&inside, 1);
}

static ssize_t slow_send(int rs, const void *buf, size_t n, int flags)
{
	(void)rs, (void)buf, (void)flags;
	look();
	return (ssize_t)n;
}

static ssize_t slow_receive(int rs, void *buf, size_t n, int flags)
{
	(void)rs, (void)buf, (void)flags;
	look();
	return (ssize_t)n;
}

static int slow_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	(void)fds, (void)count, (void)timeout;
	look();
	return 0;
}

static int kept(int rs, void **bytes, size_t *size, size_t *at)
{
	(void)rs, (void)bytes, (void)size, (void)at;
	errno = EOPNOTSUPP;
	return -1;
}

static void *sends(void *rs)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	int i;

	for (i = 0; i < 100; i++)
		cr_assert_eq(rdma_send(*(int *)rs, &iov, 1), 1);
	return NULL;
}

static void *receives(void *rs)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	int i;

	for (i = 0; i < 100; i++)
		cr_assert_eq(rdma_recv(*(int *)rs, &iov, 1, 0), 1);
	return NULL;
}

static void *looks(void *rs)
{
	int i;

	for (i = 0; i < 100; i++)
		cr_assert_eq(rdma_ready(*(int *)rs, POLLIN), 0);
	return NULL;
}

/* How many threads were inside at once, of three. */
static int at_once(int sender, int receiver, int looker)
{
	pthread_t threads[3];
	int i;

	real_init();
	runtime.rsend = slow_send;
	runtime.rrecv = slow_receive;
	runtime.rpoll = slow_poll;
	pthread_create(&threads[0], NULL, sends, &sender);
	pthread_create(&threads[1], NULL, receives, &receiver);
	pthread_create(&threads[2], NULL, looks, &looker);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return most;
}

Test(turns, one_at_a_time_where_counts_are_lost)
{
	cr_assert_eq(at_once(7, 7, 7), 1);
}

Test(turns, each_rsocket_has_its_own)
{
	cr_assert_gt(at_once(7, 8, 9), 1);
}

Test(turns, nobody_waits_where_they_are_not)
{
	runtime.shunt_rkept = kept;
	cr_assert_gt(at_once(7, 7, 7), 1);
}
