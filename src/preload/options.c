// SPDX-License-Identifier: BSD-2-Clause
/* Socket options: the kernel's, but for what only a lane can answer. */
#include "preload/shim.h"

SHIM int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct conn *conn = shim_conn(fd);
	int ret = CONN_PLAIN, saved = errno;

	if (conn) {
		ret = conn_getsockopt(conn, level, name, value, len);
		shim_done(conn);
		errno = saved;
	}
	if (ret == CONN_PLAIN)
		return real.getsockopt(fd, level, name, value, len);
	return (int)shim_result(ret);
}

SHIM int setsockopt(int fd, int level, int name, const void *value,
		    socklen_t len)
{
	return real.setsockopt(fd, level, name, value, len);
}
