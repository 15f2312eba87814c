// SPDX-License-Identifier: BSD-2-Clause
/* sendfile(2) to a connection: read a piece, send it, keep the count. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>

#include "base/cancel.h"
#include "base/memory.h"
#include "preload/shim.h"
#include "ready/ready.h"

#define PIECE_MOST (128 * 1024)
#define COUNT_MOST 0x7ffff000	/* the kernel moves no more in one call */

/* Send [at, at + count) of the file. What was sent, or the first error. */
static ssize_t send_file(struct conn *conn, int in, off64_t at, size_t count,
			 char *piece)
{
	size_t total = 0, size;
	ssize_t got, put = 0;

	while (total < count) {
		size = count - total < PIECE_MOST ? count - total : PIECE_MOST;
		got = pread(in, piece, size, at + (off64_t)total);
		if (got < 0)
			put = -errno;
		if (got <= 0)
			break;
		put = ready_send(conn, &(struct iovec){ piece, (size_t)got }, 1,
				 0);
		if (put > 0)
			total += (size_t)put;
		if (put < got)
			break;
	}
	return total ? (ssize_t)total : put;
}

/*
 * A call for no bytes lets the kernel judge the arguments: files that cannot
 * be sent, offsets where there may be none, fds that are not open so.
 */
static ssize_t move_file(struct conn *conn, int fd, int in, off64_t *offset,
			 size_t count)
{
	size_t most = count < COUNT_MOST ? count : COUNT_MOST;
	off64_t at;
	char *piece;
	ssize_t ret;

	if (real.sendfile64(fd, in, offset, 0) < 0)
		return -errno;
	at = offset ? *offset : lseek(in, 0, SEEK_CUR);
	if (at < 0)
		return -errno;
	piece = memory_resize(NULL, most < PIECE_MOST ? most + 1 : PIECE_MOST);
	if (!piece)
		return -ENOMEM;
	ret = send_file(conn, in, at, most, piece);
	memory_free(piece);
	if (ret > 0 && offset)
		*offset = at + ret;
	else if (ret > 0)
		lseek(in, at + ret, SEEK_SET);
	return ret;
}

/* Out of a connection, which the kernel does into pipes: that is splice(2). */
static bool out_of_conn(int in)
{
	struct conn *conn = shim_conn(in);

	if (conn)
		shim_done(conn);
	return conn != NULL;
}

SHIM ssize_t sendfile64(int out, int in, off64_t *offset, size_t count)
{
	struct conn *conn = shim_conn(out);
	int saved = errno;
	ssize_t ret;

	if (!conn && !offset && out_of_conn(in))
		return splice(in, NULL, out, NULL, count, 0);
	if (!conn)
		return real.sendfile64(out, in, offset, count);
	cancel_hold();
	ret = move_file(conn, out, in, offset, count);
	cancel_release();
	shim_done(conn);
	errno = saved;
	return shim_result(ret);
}

/* off_t is off64_t on every architecture that the library is made for. */
SHIM ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
	return sendfile64(out, in, offset, count);
}
