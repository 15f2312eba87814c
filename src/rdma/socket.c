// SPDX-License-Identifier: BSD-2-Clause
/* rsockets with the manners of rdma.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/iov.h"
#include "base/memory.h"
#include "base/real.h"
#include "rdma/device.h"
#include "rdma/ledger.h"
#include "rdma/runtime.h"
#include "rdma/turns.h"

/*
 * Queue entries per buffer: rsocket.c's own default is 384 for 128 KiB, and
 * it cuts a send into messages of 2 KiB and more. A connection of small
 * messages wants more, a small buffer cannot use more.
 */
#define QUEUE_PER_KIB 3
#define QUEUE_LEAST 64
#define QUEUE_MOST 4096

static atomic_uint live;	/* rsockets, and other uses of the device */
static atomic_bool refused;	/* no new ones */

/* Vectors that fit are sent as one message instead of one each. */
#define GATHER_MOST 4096
#define PEEK_MOST (1024 * 1024)
#define RECEIVE_LEAST 4096	/* of lane.receive_buffer */

static uint32_t queue_size(uint32_t buffer)
{
	uint32_t size = buffer / 1024 * QUEUE_PER_KIB;

	if (size < QUEUE_LEAST)
		return QUEUE_LEAST;
	return size < QUEUE_MOST ? size : QUEUE_MOST;
}

static long set_option(int rs, int level, int name, uint32_t value)
{
	return INSIDE(runtime.rsetsockopt(rs, level, name, &value,
					  sizeof(value)));
}

/* rsocket.c doubles the buffer sizes it is given. */
static long set_sizes(int rs, const struct rdma_sizes *sizes)
{
	const uint32_t out = sizes->send_buffer, in = sizes->receive_buffer;
	long ret;

	ret = set_option(rs, SOL_SOCKET, SO_SNDBUF, out / 2);
	if (ret == 0)
		ret = set_option(rs, SOL_SOCKET, SO_RCVBUF, in / 2);
	if (ret == 0)
		ret = set_option(rs, SOL_RDMA, RDMA_SQSIZE, queue_size(out));
	if (ret == 0)
		ret = set_option(rs, SOL_RDMA, RDMA_RQSIZE, queue_size(in));
	return ret;
}

/*
 * SOCK_NONBLOCK would not do: rsocket() only remembers it, and rconnect()
 * would wait for the address on a blocking channel. Its fds are
 * close-on-exec always.
 */
int rdma_socket(int family, const struct rdma_sizes *sizes)
{
	long rs, ret;

	if (!runtime_loaded())
		return -ENOSYS;
	device_note_sizes(sizes);
	if (!socket_begin())
		return -ESTALE;
	rs = INSIDE(runtime.rsocket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (rs < 0) {
		socket_end();
		return (int)rs;
	}
	ret = INSIDE(runtime.rfcntl((int)rs, F_SETFL, O_NONBLOCK));
	if (ret >= 0)
		ret = set_sizes((int)rs, sizes);
	if (ret >= 0)
		return (int)rs;
	rdma_close((int)rs);
	return (int)ret;
}

int rdma_bind(int rs, const struct sockaddr *address, socklen_t length)
{
	return (int)INSIDE(runtime.rbind(rs, address, length));
}

int rdma_listen(int rs, int backlog)
{
	return (int)INSIDE_QUIET(runtime.rlisten(rs, backlog));
}

int rdma_accept(int rs, int bell, int ms)
{
	struct pollfd wait[2] = { [1] = { .fd = bell, .events = POLLIN } };
	int saved, ret;

	ret = rdma_arm(rs, POLLIN, &wait[0]);
	if (ret == 0) {
		saved = errno;
		ret = real.poll(wait, 2, ms);
		if (ret < 0)
			ret = -errno;
		errno = saved;
		if (ret == 0 || (ret > 0 && wait[0].revents == 0))
			ret = -EAGAIN;
	}
	if (ret < 0)
		return ret;
	ret = (int)INSIDE_QUIET(runtime.raccept(rs, NULL, NULL));
	if (ret >= 0)
		atomic_fetch_add(&live, 1);
	return ret;
}

int rdma_connect(int rs, const struct sockaddr *address, socklen_t length)
{
	return (int)INSIDE_QUIET(runtime.rconnect(rs, address, length));
}

int rdma_error(int rs)
{
	int error = 0;
	socklen_t length = sizeof(error);
	long ret;

	ret = INSIDE(runtime.rgetsockopt(rs, SOL_SOCKET, SO_ERROR, &error,
					 &length));
	return ret < 0 ? (int)-ret : error;
}

int rdma_local_address(int rs, struct sockaddr_storage *address)
{
	socklen_t length = sizeof(*address);

	memset(address, 0, sizeof(*address));
	return (int)INSIDE(runtime.rgetsockname(rs, (struct sockaddr *)address,
						&length));
}

int rdma_peer_address(int rs, struct sockaddr_storage *address)
{
	socklen_t length = sizeof(*address);

	memset(address, 0, sizeof(*address));
	return (int)INSIDE(runtime.rgetpeername(rs, (struct sockaddr *)address,
						&length));
}

/* Spread `size` bytes over the vectors. */
static void scatter(const struct iovec *iov, const char *from, size_t size)
{
	size_t part;

	for (; size > 0; iov++) {
		part = iov->iov_len < size ? iov->iov_len : size;
		if (part == 0)
			continue;
		memcpy(iov->iov_base, from, part);
		from += part;
		size -= part;
	}
}

static void gather(char *to, const struct iovec *iov, int count)
{
	for (; count > 0; count--, iov++)
		if (iov->iov_len > 0)
			to = mempcpy(to, iov->iov_base, iov->iov_len);
}

/*
 * rsocket.c believes the peer's word for how long a message is. Who asks for
 * more than its receive buffer holds could be given what lies behind it.
 */
static size_t receive_most(int rs, size_t n)
{
	uint32_t size = 0;
	socklen_t length = sizeof(size);

	if (n <= RECEIVE_LEAST ||
	    INSIDE(runtime.rgetsockopt(rs, SOL_SOCKET, SO_RCVBUF, &size,
				       &length)) != 0)
		return n < RECEIVE_LEAST ? n : RECEIVE_LEAST;
	if (size < RECEIVE_LEAST)
		size = RECEIVE_LEAST;
	return n < size ? n : size;
}

static ssize_t receive_some(int rs, void *buf, size_t n, int flags)
{
	ssize_t got;

	turn_begin(rs);
	got = INSIDE(runtime.rrecv(rs, buf, n, flags | MSG_DONTWAIT));
	turn_end(rs);
	if (!flags)
		ledger_received(rs, buf, got);
	return got;
}

static ssize_t receive(int rs, void *buf, size_t n, int flags)
{
	size_t most = receive_most(rs, n), part;
	ssize_t done = 0, got;

	do {
		part = n - done < most ? n - done : most;
		got = receive_some(rs, (char *)buf + done, part, flags);
		if (got > 0)
			done += got;
	} while (!flags && got == (ssize_t)part && (size_t)done < n);
	return done > 0 ? done : got;
}

/* A peek starts at the first byte every time: it needs one buffer. */
static ssize_t peek(int rs, const struct iovec *iov, int count)
{
	size_t size = iov_size(iov, count);
	ssize_t got;
	char *buf;

	if (size > PEEK_MOST)
		size = PEEK_MOST;
	buf = memory_resize(NULL, size);
	if (!buf)
		return -ENOMEM;
	got = receive(rs, buf, size, MSG_PEEK);
	if (got > 0)
		scatter(iov, buf, (size_t)got);
	memory_free(buf);
	return got;
}

ssize_t rdma_recv(int rs, const struct iovec *iov, int count, int flags)
{
	ssize_t done = 0, got = 0;
	int i;

	flags &= MSG_PEEK;
	if (flags && count > 1)
		return peek(rs, iov, count);
	for (i = 0; i < count; i++) {
		if (iov[i].iov_len == 0)
			continue;
		got = receive(rs, iov[i].iov_base, iov[i].iov_len, flags);
		if (got > 0)
			done += got;
		if (got < (ssize_t)iov[i].iov_len)
			break;
	}
	return done > 0 ? done : got;
}

static ssize_t send_one(int rs, const void *buf, size_t n)
{
	ssize_t put;

	turn_begin(rs);
	put = INSIDE(runtime.rsend(rs, buf, n, MSG_DONTWAIT));
	turn_end(rs);
	ledger_sent(rs, buf, put);
	return put;
}

/* All at once, by what the runtime has for it. */
static ssize_t send_all(int rs, const struct iovec *iov, int count)
{
	ssize_t put = INSIDE(runtime.shunt_rsendv(rs, iov, count)), left = put;
	size_t part;

	for (; left > 0; iov++, left -= (ssize_t)part) {
		part = iov->iov_len < (size_t)left ? iov->iov_len
						   : (size_t)left;
		ledger_sent(rs, iov->iov_base, (ssize_t)part);
	}
	return put;
}

int rdma_kept(int rs, struct rdma_kept *kept)
{
	void *bytes = NULL;
	long ret;

	if (!runtime.shunt_rkept || !runtime.shunt_rsendv)
		return -EOPNOTSUPP;
	ret = INSIDE(runtime.shunt_rkept(rs, &bytes, &kept->size, &kept->at));
	kept->bytes = bytes;
	return (int)ret;
}

ssize_t rdma_queued(int rs)
{
	if (!runtime.shunt_rqueued)
		return -EOPNOTSUPP;
	(void)rdma_ready(rs, POLLIN);
	return INSIDE(runtime.shunt_rqueued(rs));
}

ssize_t rdma_send(int rs, const struct iovec *iov, int count)
{
	char together[GATHER_MOST];
	ssize_t done = 0, put = 0;
	size_t total;
	int i;

	if (runtime.shunt_rsendv)
		return send_all(rs, iov, count);
	if (count > 1) {
		total = iov_size(iov, count);
		if (total <= sizeof(together)) {
			gather(together, iov, count);
			return send_one(rs, together, total);
		}
	}
	for (i = 0; i < count; i++) {
		if (iov[i].iov_len == 0)
			continue;
		put = send_one(rs, iov[i].iov_base, iov[i].iov_len);
		if (put > 0)
			done += put;
		if (put < (ssize_t)iov[i].iov_len)
			break;
	}
	return done > 0 ? done : put;
}

void rdma_close(int rs)
{
	ledger_end(rs);
	INSIDE_QUIET(runtime.rclose(rs));
	socket_end();
}

unsigned rdma_live(void)
{
	return atomic_load(&live);
}

bool socket_begin(void)
{
	atomic_fetch_add(&live, 1);
	if (!refused)
		return true;
	socket_end();
	return false;
}

void socket_end(void)
{
	atomic_fetch_sub(&live, 1);
}

void socket_allow(bool allowed)
{
	atomic_store(&refused, !allowed);
}

void socket_after_fork(void)
{
	live = 0;
	refused = false;
	ledger_after_fork();
	turns_after_fork();
}
