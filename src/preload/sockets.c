// SPDX-License-Identifier: BSD-2-Clause
/* Making, connecting, accepting, shutting and naming sockets. */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>

#include "base/addr.h"
#include "base/critical.h"
#include "base/fd.h"
#include "preload/kernel.h"
#include "preload/listen.h"
#include "preload/shim.h"
#include "preload/vectors.h"
#include "preload/verdict.h"
#include "ready/asleep.h"
#include "ready/ready.h"

#define SOCK_TYPE 0xf	/* without SOCK_CLOEXEC and SOCK_NONBLOCK */

SHIM int socket(int domain, int type, int protocol)
{
	int made = shim_fresh(real.socket(domain, type, protocol));

	if (made >= 0 && (domain == AF_INET || domain == AF_INET6) &&
	    (type & SOCK_TYPE) == SOCK_STREAM &&
	    (protocol == 0 || protocol == IPPROTO_TCP))
		fd_set_note(made, FD_NOTE_FRESH, true);
	return made;
}

SHIM int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return real.bind(fd, addr, len);
}

SHIM int listen(int fd, int backlog)
{
	int ret = real.listen(fd, backlog);

	if (ret == 0)
		listen_made(fd);
	return ret;
}

/* accept(2) without flags: who may call one need not be allowed the other. */
static int take(int fd, struct sockaddr *addr, socklen_t *len, const int *flags)
{
	return shim_fresh(flags ? real.accept4(fd, addr, len, *flags)
				: real.accept(fd, addr, len));
}

/*
 * The same, and what the policy says of what was accepted. A connection that
 * its client has taken back, and will make again, is none.
 */
static int accept_one(int fd, struct sockaddr *peer, socklen_t *size,
		      const int *flags)
{
	socklen_t room = *size;
	int made;

	do {
		*size = room;
		made = take(fd, peer, size, flags);
	} while (made >= 0 && !verdict_accepted(fd, made, peer, *size));
	return made;
}

static int do_accept(int fd, struct sockaddr *addr, socklen_t *len,
		     const int *flags)
{
	struct sockaddr_storage own;
	socklen_t own_len = sizeof(own), *size = len;
	struct sockaddr *peer = addr;
	socklen_t room = len ? *len : 0;
	int made;

	if (!verdict_possible(POLICY_LISTEN) && !listen_is_greeted(fd))
		return take(fd, addr, len, flags);
	listen_look(fd);
	if (!addr || !len || room < sizeof(own)) {
		peer = (struct sockaddr *)&own;
		size = &own_len;
	}
	made = accept_one(fd, peer, size, flags);
	if (made >= 0)
		listen_accepted(fd);
	if (made >= 0 && peer != addr && addr && len)
		verdict_copy_name(addr, len, room, peer, own_len);
	return made;
}

SHIM int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return do_accept(fd, addr, len, &flags);
}

SHIM int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return do_accept(fd, addr, len, NULL);
}

/* It may wait for the server, as connect() that was interrupted does. */
static int connect_asleep(int fd, struct conn *conn,
			  const struct sockaddr *addr, socklen_t len)
{
	struct asleep_seal seal = { .forsake = ready_forsaken, .arg = conn };
	int ret;

	pthread_cleanup_push(asleep_cancelled, &seal);
	asleep_begin(&seal);
	ret = real.connect(fd, addr, len) == 0 ? 0 : -errno;
	asleep_end(&seal);
	pthread_cleanup_pop(0);
	return ret;
}

/* connect() on a socket that is a connection already. */
static int connect_again(int fd, struct conn *conn,
			 const struct sockaddr *addr, socklen_t len)
{
	int ret = conn_dialled(conn);

	if (bad_pointer(addr))
		return -EFAULT;
	if (len >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC)
		conn_dissolve(conn);
	else if (ret < 0 && ret != CONN_PLAIN)
		return ret;
	return connect_asleep(fd, conn, addr, len);
}

/* O_ASYNC was set before: see do_fcntl(). */
static bool wants_sigio(int fd)
{
	int flags;

	if (fd_is_fresh(fd))
		return false;
	flags = real.fcntl(fd, F_GETFL, NULL);
	if (flags < 0 || !(flags & O_ASYNC))
		return false;
	reason_count(REASON_sigio);
	return true;
}

/*
 * It was connected by TCP, or tried to be, and the epoll sets have not noted
 * what has become of it since.
 */
static bool was_connected(int fd)
{
	if (!fd_is_judged(fd))
		return false;
	reason_count(REASON_reconnected);
	return true;
}

/* A socket may come from elsewhere with options that we have not seen. */
static enum reason barred(int fd, const struct policy_decision *decision)
{
	if (critical_in_handler())
		return REASON_in_handler;
	if (!fd_is_fresh(fd))
		kernel_look(fd);
	return kernel_wants(fd, decision->any_path);
}

/* The kernel's alone, which no policy will be asked about again. */
static int connect_plain(int fd, const struct sockaddr *addr, socklen_t len)
{
	int ret = real.connect(fd, addr, len), saved = errno;

	if ((ret == 0 || saved == EINPROGRESS) &&
	    addr->sa_family != AF_UNSPEC && verdict_possible(POLICY_CONNECT))
		fd_set_note(fd, FD_NOTE_JUDGED, true);
	errno = saved;
	return ret;
}

SHIM int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct policy_decision decision;
	struct sockaddr_storage remote;
	struct conn *conn = shim_conn(fd);
	int ret, saved = errno;

	if (conn) {
		ret = connect_again(fd, conn, addr, len);
		shim_done(conn);
		if (ret == 0)
			errno = saved;
		return (int)shim_result(ret);
	}
	if (!verdict_connect(addr, len, &remote, &decision) ||
	    wants_sigio(fd) || was_connected(fd))
		return connect_plain(fd, addr, len);
	ret = ready_connect(fd, addr, len, &remote, &decision,
			    barred(fd, &decision));
	errno = saved;
	if (ret == CONN_PLAIN)
		return connect_plain(fd, addr, len);
	return (int)shim_result(ret);
}

SHIM int shutdown(int fd, int how)
{
	struct conn *conn = shim_conn(fd);
	int ret;

	if (!conn)
		return real.shutdown(fd, how);
	if (conn_is_away(conn))	/* it must not be lost by a close() */
		ready_make_plain(conn, REASON_forked);
	ret = conn_shutdown(conn, how);
	if (ret == CONN_PLAIN)
		ret = real.shutdown(fd, how) == 0 ? 0 : -errno;
	shim_done(conn);
	return (int)shim_result(ret);
}

SHIM int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return real.getsockname(fd, addr, len);
}

SHIM int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct conn *conn = shim_conn(fd);
	struct sockaddr_storage name;
	socklen_t length = 0;
	int ret = CONN_PLAIN;

	if (conn) {
		ret = conn_peername(conn, &name, &length);
		shim_done(conn);
	}
	if (ret == CONN_PLAIN || bad_pointer(addr) || bad_pointer(len))
		return real.getpeername(fd, addr, len);
	if (ret == 0)
		verdict_copy_name(addr, len, *len, (struct sockaddr *)&name,
				  length);
	return (int)shim_result(ret);
}

SHIM_ALIAS(connect)
