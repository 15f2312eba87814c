// SPDX-License-Identifier: BSD-2-Clause
/* Socket options: the kernel's, but for what only a lane can answer. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/fd.h"
#include "preload/kernel.h"
#include "preload/listen.h"
#include "preload/shim.h"


/* What our mark has made of a listener's options, as if it were not there. */
static void hide_mark(int fd, int name, void *value, const socklen_t *len)
{
	int own = 0;

	if (*len != sizeof(own) || !listen_mark(fd))
		return;
	if (name == TCP_MAXSEG)
		own = TCP_MSS_DEFAULT;
	if ((name == TCP_MAXSEG && !fd_has_note(fd, FD_NOTE_MAXSEG)) ||
	    (name == TCP_SAVE_SYN && !fd_has_note(fd, FD_NOTE_SYN)))
		memcpy(value, &own, sizeof(own));
}

/* TCP_ZEROCOPY_RECEIVE takes bytes out of the kernel's socket. */
static int lane_getsockopt(int fd, int level, int name, void *value,
			   socklen_t *len)
{
	struct conn *conn;
	int ret;

	if (level == IPPROTO_TCP && name == TCP_ZEROCOPY_RECEIVE)
		return shim_send_back(fd, REASON_kernel_feature) ?: CONN_PLAIN;
	conn = shim_conn(fd);
	if (!conn)
		return CONN_PLAIN;
	ret = conn_getsockopt(conn, level, name, value, len);
	shim_done(conn);
	return ret;
}

SHIM int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int ret = lane_getsockopt(fd, level, name, value, len);

	if (ret != CONN_PLAIN)
		return (int)shim_result(ret);
	ret = real.getsockopt(fd, level, name, value, len);
	if (ret == 0 && level == IPPROTO_TCP &&
	    (name == TCP_MAXSEG || name == TCP_SAVE_SYN))
		hide_mark(fd, name, value, len);
	return ret;
}

/* Options that connect() asks about: it has to, from now on. */
static bool matters(int level, int name)
{
	return (level == IPPROTO_TCP && name == TCP_FASTOPEN_CONNECT) ||
	       (level == IPPROTO_IP && name == IP_TTL) ||
	       (level == IPPROTO_IPV6 && name == IPV6_UNICAST_HOPS);
}

SHIM int setsockopt(int fd, int level, int name, const void *value,
		    socklen_t len)
{
	enum reason reason = kernel_option(level, name, value, len);
	int ret = 0, saved = errno;

	if (reason != REASON_none)
		ret = kernel_option_comes(fd, reason);
	if (ret < 0)
		return (int)shim_result(ret);
	errno = saved;
	ret = real.setsockopt(fd, level, name, value, len);
	if (ret == 0 && reason != REASON_none)
		kernel_option_came(fd, reason);
	if (matters(level, name))
		fd_set_note(fd, FD_NOTE_ASK, true);
	if (ret == 0 && level == IPPROTO_TCP && name == TCP_MAXSEG)
		fd_set_note(fd, FD_NOTE_MAXSEG, true);
	else if (ret == 0 && level == IPPROTO_TCP && name == TCP_SAVE_SYN)
		fd_set_note(fd, FD_NOTE_SYN, true);
	return ret;
}
