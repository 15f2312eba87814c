// SPDX-License-Identifier: BSD-2-Clause
/* Receiving: every twin becomes vectors and flags. */
#include "preload/message.h"
#include "preload/shim.h"
#include "preload/vectors.h"
#include "ready/ready.h"

static ssize_t receive_one(struct conn *conn, void *buf, size_t n, int flags)
{
	struct iovec iov = { buf, n };
	ssize_t ret = n && bad_pointer(buf) && !(flags & MSG_TRUNC)
			      ? -EFAULT
			      : ready_receive(conn, &iov, 1, flags);

	shim_done(conn);
	return ret;
}

/* read(2) of no bytes asks nothing of a socket; recv(2) of none may wait. */
static ssize_t receive_nothing(struct conn *conn)
{
	shim_done(conn);
	return 0;
}

SHIM_REST ssize_t read_known(int fd, void *buf, size_t n)
{
	struct conn *conn = shim_find_point(fd);
	int saved = errno;
	ssize_t ret;

	if (!conn)
		return real.read(fd, buf, n);
	ret = n ? receive_one(conn, buf, n, 0) : receive_nothing(conn);
	errno = saved;
	return shim_result(ret);
}

SHIM_OFTEN ssize_t read(int fd, void *buf, size_t n)
{
	if (!fdtab_maybe(fd))
		return real.read(fd, buf, n);
	return read_known(fd, buf, n);
}

SHIM_REST ssize_t recv_known(int fd, void *buf, size_t n, int flags)
{
	struct conn *conn = shim_find_point(fd);
	int saved = errno;
	ssize_t ret;

	if (!conn)
		return real.recv(fd, buf, n, flags);
	ret = receive_one(conn, buf, n, flags);
	errno = saved;
	return shim_result(ret);
}

SHIM_OFTEN ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	if (!fdtab_maybe(fd))
		return real.recv(fd, buf, n, flags);
	return recv_known(fd, buf, n, flags);
}

/* A connected TCP socket reports no address (tcp(7)). */
SHIM_OFTEN ssize_t recvfrom(int fd, void *buf, size_t n, int flags,
		      struct sockaddr *addr, socklen_t *len)
{
	struct conn *conn = shim_point(fd);
	int saved = errno;
	ssize_t ret;

	if (!conn)
		return real.recvfrom(fd, buf, n, flags, addr, len);
	ret = receive_one(conn, buf, n, flags);
	if (ret >= 0 && addr && len)
		*len = 0;
	errno = saved;
	return shim_result(ret);
}

SHIM_OFTEN ssize_t readv(int fd, const struct iovec *iov, int count)
{
	struct conn *conn = shim_point(fd);
	struct vectors vectors;
	int saved = errno;
	ssize_t ret;

	if (!conn)
		return real.readv(fd, iov, count);
	ret = vectors_copy(&vectors, iov, count, EINVAL);
	if (ret == 0 && vectors_size(iov, count) > 0)
		ret = ready_receive(conn, vectors.iov, count, 0);
	vectors_free(&vectors);
	shim_done(conn);
	errno = saved;
	return shim_result(ret);
}

#define MSG_SOCK_DEVMEM 0x2000000	/* asm-generic/socket.h's SO_DEVMEM_* */

SHIM_OFTEN ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct conn *conn;
	struct vectors vectors;
	int saved = errno;
	size_t count;
	ssize_t ret;

	if (flags & MSG_SOCK_DEVMEM)
		(void)shim_send_back(fd, REASON_kernel_feature);
	conn = shim_point(fd);
	/* The error queue is the kernel's, with all that an entry tells. */
	if (!conn || bad_pointer(msg) || (flags & MSG_ERRQUEUE)) {
		if (conn)
			shim_done(conn);
		return shim_received(real.recvmsg(fd, msg, flags), msg);
	}
	count = message_count(msg);
	ret = vectors_copy(&vectors, msg->msg_iov, count, EMSGSIZE);
	if (ret == 0)
		ret = ready_receive(conn, vectors.iov, (int)count, flags);
	vectors_free(&vectors);
	shim_done(conn);
	if (ret >= 0) {
		msg->msg_namelen = 0;
		msg->msg_controllen = 0;
		msg->msg_flags = flags & MSG_CMSG_CLOEXEC;
	}
	errno = saved;
	return shim_result(ret);
}

SHIM ssize_t __read_chk(int fd, void *buf, size_t n, size_t size)
{
	if (n > size)
		shim_overrun();
	return read(fd, buf, n);
}

SHIM ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags)
{
	if (n > size)
		shim_overrun();
	return recv(fd, buf, n, flags);
}

SHIM ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size,
			    int flags, struct sockaddr *addr, socklen_t *len)
{
	if (n > size)
		shim_overrun();
	return recvfrom(fd, buf, n, flags, addr, len);
}

SHIM_ALIAS(read)
