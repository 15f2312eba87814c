// SPDX-License-Identifier: BSD-2-Clause
/* close(2), dup(2), fcntl(2), ioctl(2). */
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/fd.h"
#include "preload/shim.h"
#include "preload/vectors.h"
#include "ready/asleep.h"

/*
 * The entry goes before the number does: another thread may get the number
 * from the kernel as soon as it is closed. The connection ends in shim_done()
 * if no other number or call holds it.
 */
static int close_held(int fd)
{
	uint64_t generation;
	struct fdtab_object *object = fdtab_hold(fd, &generation);
	int ret, saved;

	if (shim_is_hidden(fd))
		return (int)shim_result(-EBADF);
	if (!object) {
		if (fd_is(fd, FD_RUNTIME) && shim_owns_process())
			fd_disclaim(fd);
		return real.close(fd);
	}
	if (!shim_owns_process()) {
		fdtab_release(object);
		return real.close(fd);
	}
	fdtab_remove(fd, generation);
	ret = real.close(fd);
	saved = errno;
	fdtab_release(object);
	errno = saved;
	return ret;
}

SHIM_REST int close_known(int fd)
{
	int ret;

	pthread_testcancel();
	asleep_sweep();
	cancel_hold();
	ret = close_held(fd);
	cancel_release();
	return ret;
}

SHIM_OFTEN int close(int fd)
{
	if (!fdtab_maybe(fd) && !fd_is_any(fd))
		return real.close(fd);
	return close_known(fd);
}

/*
 * On 0, 1 and 2 libc has FILEs of its own, which read and write without asking
 * us: bash's echo on a /dev/tcp does. 0 or -EBUSY.
 */
static int leave_for_stdio(int fd, int to)
{
	int ret, saved = errno;

	if (to < STDIN_FILENO || to > STDERR_FILENO || to == fd ||
	    !fdtab_maybe(fd) || !shim_owns_process())
		return 0;
	ret = shim_send_back(fd, REASON_passed_by);
	errno = saved;
	return ret < 0 ? -EBUSY : 0;
}

static int duplicated(int fd, int made)
{
	int ret = leave_for_stdio(fd, made);

	if (ret == 0)
		return shim_duplicate(fd, made);
	real.close(made);
	return (int)shim_result(ret);
}

SHIM int dup(int fd)
{
	return duplicated(fd, real.dup(fd));
}

/* What `to` stood for is over when the call has succeeded. */
SHIM int dup2(int fd, int to)
{
	int ret = shim_is_hidden(to) ? -EBADF : leave_for_stdio(fd, to);

	if (ret < 0)
		return (int)shim_result(ret);
	return shim_duplicate(fd, real.dup2(fd, to));
}

SHIM int dup3(int fd, int to, int flags)
{
	int ret = shim_is_hidden(to) ? -EBADF : leave_for_stdio(fd, to);

	if (ret < 0)
		return (int)shim_result(ret);
	return shim_duplicate(fd, real.dup3(fd, to, flags));
}

/* SIGIO comes of the kernel socket, which says nothing while on a lane. */
static int do_fcntl(int fd, int cmd, void *arg)
{
	int ret = 0;

	if (cmd == F_SETFL && ((long)arg & O_ASYNC)) {
		fd_set_note(fd, FD_NOTE_ASK, true);
		ret = shim_send_back(fd, REASON_sigio);
	}
	if (ret < 0)
		return (int)shim_result(ret);
	ret = real.fcntl(fd, cmd, arg);
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return duplicated(fd, ret);
	return ret;
}

SHIM int fcntl(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return do_fcntl(fd, cmd, arg);
}

SHIM int fcntl64(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return do_fcntl(fd, cmd, arg);
}

static int lane_ioctl(int fd, unsigned long request, int *value)
{
	struct conn *conn = shim_conn(fd);
	int ret = CONN_PLAIN;

	if (!conn)
		return CONN_PLAIN;
	if (request == FIONREAD)
		ret = conn_pending(conn, value);
	else if (request == SIOCOUTQ)
		ret = conn_unsent(conn, value);
	shim_done(conn);
	return ret;
}

#ifndef SIOCKCMATTACH
#define SIOCKCMATTACH (SIOCPROTOPRIVATE + 0)	/* linux/kcm.h */
#endif

/* A KCM socket, which shares the number with others, is to read a TCP one. */
static int attach(int fd, const int *attached)
{
	int domain = 0;
	socklen_t length = sizeof(domain);

	if (real.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 ||
	    domain != AF_KCM)
		return CONN_PLAIN;
	return shim_send_back(*attached, REASON_kernel_feature) ?: CONN_PLAIN;
}

SHIM int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int ret = CONN_PLAIN, saved = errno;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == FIOASYNC && !bad_pointer(arg) && *(int *)arg)
		ret = shim_send_back(fd, REASON_sigio) ?: CONN_PLAIN;
	else if ((request == FIONREAD || request == SIOCOUTQ) &&
		 !bad_pointer(arg))
		ret = lane_ioctl(fd, request, arg);
	else if (request == SIOCKCMATTACH && !bad_pointer(arg))
		ret = attach(fd, arg);
	errno = saved;
	if (request == FIOASYNC)
		fd_set_note(fd, FD_NOTE_ASK, true);
	if (ret == CONN_PLAIN)
		return real.ioctl(fd, request, arg);
	return (int)shim_result(ret);
}

SHIM_ALIAS(close)
SHIM_ALIAS(dup2)
SHIM_ALIAS(fcntl)
