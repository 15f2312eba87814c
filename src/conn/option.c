// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket options and ioctls where the kernel socket does not know the answer.
 * Everything else is the kernel's: the socket is real, and stays.
 */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/real.h"
#include "conn/conduct.h"
#include "conn/dial.h"
#include "conn/info.h"
#include "conn/parts.h"

/* SO_ERROR: the kernel's, unless connect() or a lane has one of its own. */
static int socket_error(struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	if (conn->role == CONN_ACTIVE && state != STATE_plain) {
		dial_look(conn);
		conduct(conn);
	}
	state = conn_state(conn);
	if (state == STATE_dead)
		return atomic_exchange(&conn->failure.told, true)
			       ? 0
			       : -conn->failure.error;
	if (state == STATE_on_rdma)
		return atomic_exchange(&conn->failure.pending, 0);
	if (state == STATE_greeting ||
	    (state == STATE_connecting &&
	     conn->mode == POLICY_REQUIRE))
		return 0;
	return CONN_PLAIN;
}

int conn_getsockopt(struct conn *conn, int level, int name, void *value,
		    socklen_t *length)
{
	int error, saved = errno;

	if (level == IPPROTO_TCP && name == TCP_INFO && value && length)
		return conn_tcp_info(conn, value, length);
	if (level != SOL_SOCKET || name != SO_ERROR || !value || !length)
		return CONN_PLAIN;
	error = socket_error(conn);
	errno = saved;		/* which may be what is filled next */
	if (error < 0)
		return error;
	if (*length > sizeof(error))
		*length = sizeof(error);
	memcpy(value, &error, *length);
	return 0;
}
