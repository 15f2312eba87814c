// SPDX-License-Identifier: BSD-2-Clause
/*
 * connect(2) under a verdict that wants RDMA: the kernel's connect() first,
 * then the greeting, in one call as far as the application can see.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>

#include "base/addr.h"
#include "base/cancel.h"
#include "base/real.h"
#include "conn/unaware.h"
#include "diag/log.h"
#include "rdma/rdma.h"
#include "ready/epoll.h"
#include "ready/ready.h"

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return real.getsockopt(fd, level, name, &value, &length) == 0 ? value
								      : -1;
}

/*
 * A connect() that asks what became of an earlier one, of a connection that is
 * an ordinary socket by now. It may say 0, as the first does.
 */
static bool has_begun(int fd)
{
	uint8_t state = TCP_CLOSE;	/* of struct tcp_info the first byte */
	socklen_t length = sizeof(state);

	return real.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) ==
		       0 &&
	       state != TCP_CLOSE;
}

/* Why this connect() is the kernel's alone; REASON_none: it is not. */
static enum reason excluded(int fd, const struct sockaddr_storage *remote)
{
	if (option(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) == 1)
		return REASON_fast_open;
	if (unaware_known(remote))
		return REASON_remembered_unaware;
	return rdma_open();
}

static int stay(const struct sockaddr_storage *remote,
		const struct policy_decision *decision, enum reason reason)
{
	bool fails = decision->mode == POLICY_REQUIRE;
	char text[ADDR_TEXT_MAX];

	reason_count(reason);
	log_put(fails ? LOG_WARN : LOG_INFO,
		"-> %s %s: lane=tcp reason=%s (%s) rule=%s",
		addr_format(remote, text), fails ? "refused" : "stays on tcp",
		reason_name(reason), reason_sentence(reason), decision->rule);
	return fails ? -ENETUNREACH : CONN_PLAIN;
}

/* Wait until the greeting (and with require, the lane) is there. */
static int finish(struct conn *conn)
{
	int ret;

	while ((ret = conn_dialled(conn)) == -EALREADY)
		ready_wait(conn, POLLOUT, READY_FOREVER);
	return ret == CONN_PLAIN ? 0 : ret;
}

static int kernel_connect(int fd, struct conn *conn, const struct sockaddr *to,
			  socklen_t length)
{
	int ret;

	pthread_cleanup_push(ready_forsaken, conn);
	cancel_begin_sleep();
	ret = real.connect(fd, to, length) == 0 ? 0 : -errno;
	cancel_end_sleep();
	pthread_cleanup_pop(0);
	return ret;
}

static int dial(int fd, struct conn *conn, const struct sockaddr *to,
		socklen_t length)
{
	bool background =
		real.fcntl(fd, F_GETFL, NULL) & O_NONBLOCK;
	int ret = kernel_connect(fd, conn, to, length);

	if (ret != 0 && ret != -EINPROGRESS && ret != -EINTR)
		return ret;
	if (fdtab_insert(fd, conn_object(conn)) != 0)
		return ret;
	epollset_adopt(fd, conn);
	if (ret != 0 || background) {
		conn_dial(conn, to, length, true);
		return ret ? ret : -EINPROGRESS;
	}
	conn_dial(conn, to, length, false);
	return finish(conn);
}

int ready_connect(int fd, const struct sockaddr *to, socklen_t length,
		  const struct sockaddr_storage *remote,
		  const struct policy_decision *decision)
{
	enum reason reason;
	struct conn *conn;
	int ret;

	if (option(fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP ||
	    has_begun(fd))
		return CONN_PLAIN;
	reason = excluded(fd, remote);
	if (reason != REASON_none)
		return stay(remote, decision, reason);
	conn = conn_new(fd, CONN_ACTIVE, decision, remote, NULL);
	if (!conn)
		return stay(remote, decision, REASON_no_memory);
	cancel_hold();
	ret = dial(fd, conn, to, length);
	fdtab_release(conn_object(conn));
	cancel_release();
	return ret;
}
