// SPDX-License-Identifier: BSD-2-Clause
/* Sending: every twin becomes vectors and flags. */
#include "preload/listen.h"
#include "preload/message.h"
#include "preload/shim.h"
#include "preload/vectors.h"
#include "ready/ready.h"

static ssize_t send_one(struct conn *conn, const void *buf, size_t n,
			int flags)
{
	struct iovec iov = { (void *)buf, n };
	ssize_t ret;

	if (flags & MSG_FASTOPEN)
		ret = -EISCONN;
	else if (n && bad_pointer(buf))
		ret = -EFAULT;
	else
		ret = ready_send(conn, &iov, 1, flags);
	shim_done(conn);
	return ret;
}

SHIM_REST ssize_t write_known(int fd, const void *buf, size_t n)
{
	struct conn *conn = shim_find_point(fd);
	int saved = errno;
	ssize_t ret;

	if (!conn)
		return real.write(fd, buf, n);
	ret = send_one(conn, buf, n, 0);
	errno = saved;
	return shim_result(ret);
}

SHIM_OFTEN ssize_t write(int fd, const void *buf, size_t n)
{
	if (!fdtab_maybe(fd))
		return real.write(fd, buf, n);
	return write_known(fd, buf, n);
}

SHIM_REST ssize_t send_known(int fd, const void *buf, size_t n, int flags)
{
	struct conn *conn = shim_find_point(fd);
	int saved = errno;
	ssize_t ret;

	if (!conn)
		return real.send(fd, buf, n, flags);
	ret = send_one(conn, buf, n, flags);
	errno = saved;
	return shim_result(ret);
}

SHIM_OFTEN ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	if (!fdtab_maybe(fd))
		return real.send(fd, buf, n, flags);
	return send_known(fd, buf, n, flags);
}

/* A connected TCP socket ignores the address. */
SHIM_OFTEN ssize_t sendto(int fd, const void *buf, size_t n, int flags,
		    const struct sockaddr *addr, socklen_t len)
{
	struct conn *conn = shim_point(fd);
	int saved = errno;
	ssize_t ret;

	if (!conn)
		return real.sendto(fd, buf, n, flags, addr, len);
	ret = send_one(conn, buf, n, flags);
	errno = saved;
	return shim_result(ret);
}

SHIM_OFTEN ssize_t writev(int fd, const struct iovec *iov, int count)
{
	struct conn *conn = shim_point(fd);
	struct vectors vectors;
	int saved = errno;
	ssize_t ret;

	if (!conn)
		return real.writev(fd, iov, count);
	ret = vectors_copy(&vectors, iov, count, EINVAL);
	if (ret == 0)
		ret = ready_send(conn, vectors.iov, count, 0);
	vectors_free(&vectors);
	shim_done(conn);
	errno = saved;
	return shim_result(ret);
}

/*
 * Ancillary data of a TCP socket: a lane has no use for any, but refuses what
 * the kernel refuses (sock_cmsg_send). 0 or -EINVAL.
 */
static int check_control(const struct msghdr *msg)
{
	const struct cmsghdr *at;

	if (!message_room(msg))
		return 0;
	if (message_room(msg) < sizeof(*at))
		return -EINVAL;
	for (at = message_first(msg); at; at = message_next(msg, at)) {
		if (message_length(at) < sizeof(*at) ||
		    message_length(at) > message_room(msg))
			return -EINVAL;
		if (at->cmsg_level != SOL_SOCKET)
			continue;
		if (at->cmsg_type != SCM_RIGHTS &&
		    at->cmsg_type != SCM_CREDENTIALS &&
		    at->cmsg_type != SO_MARK &&
		    at->cmsg_type != SO_TIMESTAMPING &&
		    at->cmsg_type != SCM_TXTIME)
			return -EINVAL;
	}
	return 0;
}

int message_send_rights(const struct msghdr *msg)
{
	const struct cmsghdr *at;
	size_t i, count;
	int fd, ret = 0;

	if (bad_pointer(msg) || !message_room(msg))
		return 0;
	for (at = message_first(msg); at && ret == 0;
	     at = message_next(msg, at)) {
		if (at->cmsg_level != SOL_SOCKET ||
		    at->cmsg_type != SCM_RIGHTS ||
		    message_length(at) < CMSG_LEN(sizeof(fd)))
			continue;
		count = (message_length(at) - CMSG_LEN(0)) / sizeof(fd);
		for (i = 0; i < count && ret == 0; i++) {
			memcpy(&fd, CMSG_DATA(at) + i * sizeof(fd),
			       sizeof(fd));
			listen_give(fd);
			ret = shim_send_back(fd, REASON_inherited);
		}
	}
	return ret;
}

SHIM_OFTEN ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct conn *conn = shim_point(fd);
	struct vectors vectors;
	int saved = errno;
	size_t count;
	ssize_t ret;

	if (!conn || bad_pointer(msg)) {
		if (conn)
			shim_done(conn);
		ret = message_send_rights(msg);
		return ret ? shim_result(ret) : real.sendmsg(fd, msg, flags);
	}
	count = message_count(msg);
	ret = vectors_copy(&vectors, msg->msg_iov, count, EMSGSIZE);
	if (ret == 0)
		ret = check_control(msg);
	if (ret == 0 && (flags & MSG_FASTOPEN))
		ret = -EISCONN;
	if (ret == 0)
		ret = ready_send(conn, vectors.iov, (int)count, flags);
	vectors_free(&vectors);
	shim_done(conn);
	errno = saved;
	return shim_result(ret);
}

SHIM_ALIAS(write)
SHIM_ALIAS(send)
