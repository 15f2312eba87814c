// SPDX-License-Identifier: BSD-2-Clause
/*
 * preadv2(2), pwritev2(2). At offset -1 they are readv and writev with flags;
 * at any other a socket has no place to seek to, and the kernel says ESPIPE.
 */
#include "preload/shim.h"
#include "preload/vectors.h"
#include "ready/ready.h"

/* RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_APPEND mean nothing to a socket. */
#define RWF_IDLE (1 | 2 | 4 | 16)
#define RWF_WITHOUT_WAITING 8

static int message_flags(int flags)
{
	if (flags & ~(RWF_IDLE | RWF_WITHOUT_WAITING))
		return -EOPNOTSUPP;
	return flags & RWF_WITHOUT_WAITING ? MSG_DONTWAIT : 0;
}

typedef ssize_t mover(struct conn *conn, struct iovec *iov, int count,
		      int flags);

static ssize_t move(struct conn *conn, const struct iovec *iov, int count,
		    int flags, mover *way)
{
	struct vectors vectors;
	int how = message_flags(flags), saved = errno;
	ssize_t ret = vectors_copy(&vectors, iov, (size_t)count, EINVAL);

	if (ret == 0 && how < 0)
		ret = how;
	if (ret == 0)
		ret = way(conn, vectors.iov, count, how);
	vectors_free(&vectors);
	shim_done(conn);
	errno = saved;
	return shim_result(ret);
}

SHIM ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t at,
		     int flags)
{
	struct conn *conn = at == -1 ? shim_point(fd) : NULL;

	if (!conn)
		return real.preadv2(fd, iov, count, at, flags);
	return move(conn, iov, count, flags, ready_receive);
}

SHIM ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t at,
		      int flags)
{
	struct conn *conn = at == -1 ? shim_point(fd) : NULL;

	if (!conn)
		return real.pwritev2(fd, iov, count, at, flags);
	return move(conn, iov, count, flags, ready_send);
}

SHIM ssize_t preadv64v2(int fd, const struct iovec *iov, int count,
			off64_t at, int flags)
{
	return preadv2(fd, iov, count, at, flags);
}

SHIM ssize_t pwritev64v2(int fd, const struct iovec *iov, int count,
			 off64_t at, int flags)
{
	return pwritev2(fd, iov, count, at, flags);
}
