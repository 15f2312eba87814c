// SPDX-License-Identifier: BSD-2-Clause
/*
 * What contrib/rdma-core/kept.c has: the pump takes bytes out of the ring later
 * than they are sent, as a device does, and the ring has what the peer has not
 * read yet: there are no credits here, so it is larger than what is sent at a
 * time by all that may be between (PEER_MOST).
 */
#include <errno.h>
#include <rdma/rsocket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "fake.h"

#define TOGETHER_MOST (1 << 20)

FAKE_API int shunt_rkept(int rs, void **bytes, size_t *size, size_t *at);
FAKE_API int shunt_rkept(int rs, void **bytes, size_t *size, size_t *at)
{
	struct fake_order order = rule_apply("shunt_rkept");
	struct fake *fake;

	if (order.deed == DEED_FAIL) {
		errno = (int)order.value;
		return -1;
	}
	pthread_mutex_lock(&fake_lock);
	fake = fake_find(rs);
	if (fake) {
		*bytes = fake->out.bytes;
		*size = fake->out.size;
		*at = (fake->out.head + fake->out.used) % fake->out.size;
	}
	pthread_mutex_unlock(&fake_lock);
	return fake ? 0 : -1;
}

FAKE_API void shunt_rhooks(int (*lift)(int fd), void (*begin)(void));
FAKE_API void shunt_rhooks(int (*lift)(int fd), void (*begin)(void))
{
	(void)lift;	/* the kernel makes nothing here unseen */
	fake_begin = begin;
}

FAKE_API ssize_t shunt_rqueued(int rs);
FAKE_API ssize_t shunt_rqueued(int rs)
{
	struct fake *fake;
	ssize_t queued;

	pthread_mutex_lock(&fake_lock);
	fake = fake_find(rs);
	queued = fake ? (ssize_t)fake->in.used : -1;
	pthread_mutex_unlock(&fake_lock);
	return queued;
}

/* By rsend(), whose rules are for this one, too. */
FAKE_API ssize_t shunt_rsendv(int rs, const struct iovec *iov, int count);
FAKE_API ssize_t shunt_rsendv(int rs, const struct iovec *iov, int count)
{
	size_t part, all = 0;
	char *together;
	ssize_t put;
	int i;

	if (count == 1)
		return rsend(rs, iov->iov_base, iov->iov_len, MSG_DONTWAIT);
	together = malloc(TOGETHER_MOST);
	if (!together)
		abort();
	for (i = 0; i < count && all < TOGETHER_MOST; i++) {
		part = iov[i].iov_len < TOGETHER_MOST - all
			       ? iov[i].iov_len
			       : TOGETHER_MOST - all;
		if (part > 0)
			memcpy(together + all, iov[i].iov_base, part);
		all += part;
	}
	put = rsend(rs, together, all, MSG_DONTWAIT);
	free(together);
	return put;
}
