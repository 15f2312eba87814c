// SPDX-License-Identifier: BSD-2-Clause
#include "preload/shim.h"

#include "ready/asleep.h"
#include "ready/ready.h"

#include "base/cancel.h"
#include "base/fd.h"
#include "conn/due.h"
#include "diag/log.h"
#include "preload/message.h"
#include "rdma/rdma.h"

struct conn *shim_find(int fd)
{
	uint64_t generation;
	struct fdtab_object *object;
	struct conn *conn;

	shim_look_for_fork();
	asleep_sweep();
	cancel_hold();
	object = fdtab_hold(fd, &generation);
	conn = conn_from(object);
	if (conn && !conn_is_plain(conn))
		return conn;
	if (conn) {
		conn_plain_waiters(conn);
		fdtab_remove(fd, generation);
	}
	if (object)
		fdtab_release(object);
	cancel_release();
	return NULL;
}

struct conn *shim_find_point(int fd)
{
	pthread_testcancel();
	return shim_find(fd);
}

void shim_done(struct conn *conn)
{
	int saved = errno;

	fdtab_release(conn_object(conn));
	due_check();
	cancel_release();
	errno = saved;
}

int shim_send_back(int fd, enum reason reason)
{
	struct conn *conn = shim_conn(fd);
	int ret;

	if (!conn)
		return 0;
	ret = ready_make_plain(conn, reason);
	shim_done(conn);
	if (ret == 0)
		return 0;
	log_warn("fd %d is on RDMA and did not come back (%s)", fd,
		 reason_name(reason));
	return -EOPNOTSUPP;
}

static void send_back(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	(void)fd;
	if (conn)
		(void)ready_back(arg, conn);
}

void shim_send_all_back(enum reason reason)
{
	struct ready_back back;
	int saved = errno;

	ready_back_begin(&back, reason);
	do
		fdtab_each(send_back, &back);
	while (ready_back_again(&back));
	errno = saved;
}

void shim_forget(int fd)
{
	int saved = errno;

	/* Of a vfork child's number the parent's notes are no word. */
	if (fd >= 0 && (!fd_has_notes(fd) || shim_owns_process()))
		fd_forget_notes(fd);
	if (fd >= 0 && (fdtab_maybe(fd) || fd_is_any(fd)) &&
	    shim_owns_process()) {
		fdtab_evict(fd);
		fd_disclaim(fd);
	}
	errno = saved;
}

int shim_fresh(int fd)
{
	bool runtime = fd >= 0 && rdma_inside() && shim_owns_process();

	shim_forget(fd);
	return runtime ? fd_lift_runtime(fd) : fd;
}

bool shim_is_hidden(int fd)
{
	return fd_is(fd, FD_OURS) ||
	       (fd_is(fd, FD_RUNTIME) && rdma_knows_inside() && !rdma_inside());
}

static void fresh_rights(const struct cmsghdr *cmsg)
{
	const int *fds = (const int *)CMSG_DATA(cmsg);
	size_t i, count = (message_length(cmsg) - CMSG_LEN(0)) / sizeof(*fds);

	for (i = 0; i < count; i++)
		shim_forget(fds[i]);
}

ssize_t shim_received(ssize_t ret, const struct msghdr *msg)
{
	const struct cmsghdr *cmsg;

	if (ret < 0)
		return ret;
	for (cmsg = message_first(msg); cmsg; cmsg = message_next(msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_RIGHTS)
			fresh_rights(cmsg);
	return ret;
}

int shim_received_all(int ret, const struct mmsghdr *vec)
{
	int i;

	for (i = 0; i < ret; i++)
		shim_received(0, &vec[i].msg_hdr);
	return ret;
}

int shim_duplicate(int fd, int made)
{
	struct conn *conn;
	int saved = errno;

	if (made < 0 || made == fd)
		return made;
	conn = shim_conn(fd);
	if (!shim_owns_process()) {
		/* For the program that a vfork child is about to become. */
		if (conn) {
			ready_make_plain(conn, REASON_inherited);
			shim_done(conn);
		}
		errno = saved;
		return made;
	}
	fd_disclaim(made);
	if (!conn)
		fdtab_evict(made);
	fd_copy_notes(fd, made);
	/* Who connects meanwhile finds the note, or is found here. */
	if (!conn)
		conn = shim_conn(fd);
	if (conn) {
		if (fdtab_insert(made, conn_object(conn)) != 0) {
			real.close(made);
			made = -1;
			saved = EMFILE;
		}
		shim_done(conn);
	}
	errno = saved;
	return made;
}
