// SPDX-License-Identifier: BSD-2-Clause
/*
 * splice(2) between a connection and a pipe. No byte may be lost or doubled,
 * and either end may take less than the other gave, so each direction looks
 * first and consumes afterwards exactly what the other end has taken:
 *
 *  connection -> pipe: peek into fresh pages, vmsplice() them into the pipe,
 *	receive as many bytes as it took;
 *  pipe -> connection: tee() into a pipe of our own, send from there, read
 *	as many bytes as went out from the application's pipe.
 *
 * That holds for one thread at a time per pipe and connection; two that splice
 * from the same one at once have no order to rely on with the kernel either.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/memory.h"
#include "preload/shim.h"
#include "ready/asleep.h"
#include "ready/ready.h"
#include "ready/restart.h"

#define PIECE_MOST (256 * 1024)
#define FLAGS_ALL (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | \
		   SPLICE_F_GIFT)

/* A pipe that may be used so? What is not, the kernel refuses untouched. */
static bool usable_pipe(int fd, int refused)
{
	struct stat status;
	int flags;

	if (fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode))
		return false;
	flags = real.fcntl(fd, F_GETFL, NULL);
	return flags >= 0 && (flags & O_ACCMODE) != refused;
}

static size_t pipe_size(int fd)
{
	int size = real.fcntl(fd, F_GETPIPE_SZ, NULL);

	if (size <= 0)
		return 65536;
	return size < PIECE_MOST ? (size_t)size : PIECE_MOST;
}

/*
 * Sleep until the pipe is ready. The call holds the connection alone, which is
 * given back when a handler jumps out of it. Bits, 0 or -errno.
 */
static int wait_for_pipe(struct conn *conn, int fd, short events, bool nonblock)
{
	struct asleep_seal seal = { .forsake = ready_forsaken, .arg = conn };
	struct pollfd pipe = { .fd = fd, .events = events };
	int ret;

	do {
		pthread_cleanup_push(asleep_cancelled, &seal);
		asleep_begin(&seal);
		ret = real.poll(&pipe, 1, nonblock ? 0 : -1) < 0 ? -errno : 0;
		asleep_end(&seal);
		pthread_cleanup_pop(0);
	} while (ret == -EINTR && restart_wanted());
	return ret < 0 ? ret : pipe.revents;
}

/* 0: there is room for something; -EAGAIN, -EPIPE, -EINTR. */
static int wait_for_room(struct conn *conn, int fd, bool nonblock)
{
	int ready = wait_for_pipe(conn, fd, POLLOUT, nonblock);

	if (ready < 0)
		return ready;
	if (ready & POLLERR) {
		raise(SIGPIPE);
		return -EPIPE;
	}
	return ready & POLLOUT ? 0 : -EAGAIN;
}

/*
 * Receive what was peeked and has been passed on. The lane may have been left
 * in between; then the same bytes come again by TCP, a moment later.
 */
static void consume(struct conn *conn, size_t n)
{
	char scratch[16384];
	struct iovec iov;
	ssize_t got;

	while (n > 0) {
		iov.iov_base = scratch;
		iov.iov_len = n < sizeof(scratch) ? n : sizeof(scratch);
		got = ready_receive(conn, &iov, 1, 0);
		if (got == -EAGAIN || got == -EINTR)
			ready_wait(conn, POLLIN, READY_FOREVER);
		else if (got <= 0)
			return;
		else
			n -= (size_t)got;
	}
}

/* With pages that nobody writes to again: they become the pipe's. */
static ssize_t give_pages(struct conn *conn, int out, struct iovec pages,
			  unsigned flags)
{
	struct iovec into = pages;
	ssize_t got = ready_receive(conn, &into, 1, MSG_PEEK);
	ssize_t given;

	if (got <= 0)
		return got;
	pages.iov_len = (size_t)got;
	given = vmsplice(out, &pages, 1, flags & SPLICE_F_NONBLOCK);
	if (given < 0)
		return -errno;
	consume(conn, (size_t)given);
	return given;
}

static ssize_t to_pipe(struct conn *conn, int out, size_t n, unsigned flags)
{
	struct iovec pages = { NULL, pipe_size(out) };
	ssize_t ret;

	if (real.fcntl(out, F_GETFL, NULL) & O_NONBLOCK)
		flags |= SPLICE_F_NONBLOCK;
	ret = wait_for_room(conn, out, flags & SPLICE_F_NONBLOCK);
	if (ret != 0)
		return ret;
	if (n < pages.iov_len)
		pages.iov_len = n;
	pages.iov_base = mmap(NULL, pages.iov_len, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages.iov_base == MAP_FAILED)
		return -ENOMEM;
	ret = give_pages(conn, out, pages, flags);
	munmap(pages.iov_base, pages.iov_len);
	return ret;
}

/* Look at up to n bytes of the pipe. */
static ssize_t look_into(int in, int copy, size_t n)
{
	ssize_t seen = tee(in, copy, n, SPLICE_F_NONBLOCK);

	return seen < 0 ? -errno : seen;
}

/* Take n bytes that have been sent out of the pipe. */
static void take_out(int in, char *scratch, size_t n)
{
	ssize_t got;

	while (n > 0) {
		got = real.read(in, scratch, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		n -= (size_t)got;
	}
}

static ssize_t send_copy(struct conn *conn, int in, int copy, size_t seen,
			 unsigned flags)
{
	char *piece = memory_resize(NULL, seen);
	size_t held = 0;
	ssize_t got = 1, put;

	if (!piece)
		return -ENOMEM;
	while (held < seen && got > 0) {
		got = real.read(copy, piece + held, seen - held);
		if (got > 0)
			held += (size_t)got;
	}
	put = ready_send(conn, &(struct iovec){ piece, held }, 1,
			 flags & SPLICE_F_MORE ? MSG_MORE : 0);
	if (put > 0)
		take_out(in, piece, (size_t)put);
	memory_free(piece);
	return put;
}

/* *empty: there is nothing yet, and somebody who may write to it. */
static ssize_t from_pipe_now(struct conn *conn, int in, size_t n,
			     unsigned flags, bool *empty)
{
	size_t size = pipe_size(in);
	ssize_t ret;
	int copy[2];

	if (real.pipe2(copy, O_CLOEXEC) != 0)
		return -ENOMEM;
	real.fcntl(copy[1], F_SETPIPE_SZ, (void *)size);
	ret = look_into(in, copy[1], n < size ? n : size);
	*empty = ret == -EAGAIN;
	if (ret > 0)
		ret = send_copy(conn, in, copy[0], (size_t)ret, flags);
	real.close(copy[0]);
	real.close(copy[1]);
	return ret;
}

/* O_NONBLOCK of the pipe is tee()'s business, not splice()'s. */
static ssize_t from_pipe(struct conn *conn, int in, size_t n, unsigned flags)
{
	bool empty;
	ssize_t ret;

	for (;;) {
		empty = false;
		ret = from_pipe_now(conn, in, n, flags, &empty);
		if (!empty || (flags & SPLICE_F_NONBLOCK))
			return ret;
		ret = wait_for_pipe(conn, in, POLLIN, false);
		if (ret < 0)
			return ret;
	}
}

SHIM ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t n,
		    unsigned flags)
{
	struct conn *source = shim_point(in);
	struct conn *sink = source ? NULL : shim_point(out);
	struct conn *conn = source ? source : sink;
	int saved = errno;
	ssize_t ret;

	if (conn && (n == 0 || (flags & ~FLAGS_ALL) || in_at || out_at ||
		     !usable_pipe(source ? out : in,
				  source ? O_RDONLY : O_WRONLY))) {
		shim_done(conn);	/* the kernel says why not */
		conn = NULL;
	}
	if (!conn)
		return real.splice(in, in_at, out, out_at, n, flags);
	cancel_hold();
	ret = source ? to_pipe(conn, out, n, flags)
		     : from_pipe(conn, in, n, flags);
	cancel_release();
	shim_done(conn);
	errno = saved;
	return shim_result(ret);
}
