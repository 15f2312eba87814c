// SPDX-License-Identifier: BSD-2-Clause
/*
 * The child of fork(2). Lanes are the parent's: the child never touches what
 * it inherited of librdmacm. Connections that are still raw TCP on both
 * sides' word stay usable, as ordinary kernel sockets.
 */
#include "base/real.h"
#include "conn/internal.h"
#include "diag/log.h"
#include "rdma/rdma.h"

static atomic_uint forks;

unsigned conn_forks(void)
{
	return atomic_load(&forks);
}

bool conn_shared(const struct conn *conn)
{
	return conn->forks != atomic_load(&forks);
}

void conn_before_fork(void)
{
	atomic_fetch_add(&forks, 1);
}

static void inherit(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	if (!conn)
		return;
	lock_init(&conn->lock, LOCK_conn);
	lock_init(&conn->receive, LOCK_receive);
	lock_init(&conn->send, LOCK_send);
	lock_init(&conn->waiters_lock, LOCK_waiters);
	conn->waiters = NULL;
	conn->watched = conn->listed = conn->expected = false;
	conn->inherited = true;
	conn->rs = -1;
	if (conn->state == STATE_greeted) {
		conn->state = STATE_plain;
		conn->reason = REASON_forked;
	} else if (conn->state > STATE_greeted && conn->state < STATE_plain) {
		conn->state = STATE_dead;
		conn->failure = -EIO;
		++*(int *)arg;
		conn->reason = REASON_forked;
	}
	(void)fd;
}

void conn_after_fork(void)
{
	int lanes = 0;

	rdma_after_fork();
	work_after_fork();
	listener_after_fork();
	service_after_fork();
	fdtab_each(inherit, &lanes);
	if (lanes)
		log_info("%d connections are the parent's: EIO here (%s)",
			 lanes, reason_name(REASON_forked));
}
