// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec: the new program, preloaded or not, just has its TCP socket. So what it
 * inherits goes back to TCP first; if that cannot be done in time, the call
 * fails with EBUSY rather than hand on a socket with control records in it.
 *
 * What it does not inherit ends with us, if exec succeeds. Its bytes are the
 * kernel's to deliver by then: it goes back to TCP, too, where it can, and what
 * was closed before has its time.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "diag/log.h"
#include "preload/listen.h"
#include "preload/shim.h"
#include "ready/ready.h"

/* Is the number to live on in the new program? */
static bool stays_open(int fd)
{
	int flags = real.fcntl(fd, F_GETFD, NULL);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

struct handing_on {
	struct ready_back back;
	int result;
	bool image_ends;	/* ours, with what is close-on-exec */
};

static void hand_on(int fd, struct fdtab_object *object, void *arg)
{
	struct handing_on *handing = arg;
	struct conn *conn = conn_from(object);
	int ret;

	if (!conn || conn_state(conn) == STATE_dead || handing->result != 0)
		return;
	if (!stays_open(fd)) {	/* it is to work on if exec fails */
		if (handing->image_ends && !conn_is_away(conn))
			ready_try_back(&handing->back, conn);
		return;
	}
	ret = ready_back(&handing->back, conn);
	if (ret != 0 && ret != -EAGAIN && conn_state(conn) != STATE_dead) {
		handing->result = ret;
		log_warn("no exec: fd %d is on RDMA and did not come back",
			 fd);
	}
}

static void take_back(struct conn *conn, void *arg)
{
	struct handing_on *handing = arg;

	ready_try_back(&handing->back, conn);
}

/*
 * A vfork child asks about numbers of its own, of which it may have closed
 * some, in a table that is its parent's.
 */
static int hand_on_all(bool image_ends)
{
	struct handing_on handing = { .image_ends = image_ends };
	int saved = errno;

	if (fdtab_count() == 0 && !image_ends)
		return 0;
	ready_back_begin(&handing.back, REASON_inherited);
	do {
		fdtab_each(hand_on, &handing);
		if (image_ends)
			conn_each_watched(take_back, &handing);
	} while (handing.result == 0 && ready_back_again(&handing.back));
	errno = saved;
	return handing.result == 0 ? 0 : -EBUSY;
}

int shim_hand_on(void)
{
	return hand_on_all(false);
}

static int before_exec(void)
{
	bool own = shim_owns_process();
	int ret;

	listen_hand_on(own);
	ret = hand_on_all(own);
	if (ret == 0 && own) {
		conn_await_closed();
		conn_image_goes();
	}
	return (int)shim_result(ret);
}

/* exec has returned: it has failed. */
static int after_exec(int ret)
{
	if (shim_owns_process())
		conn_image_stays();
	return ret;
}

SHIM int execve(const char *path, char *const argv[], char *const envp[])
{
	return before_exec() ? -1 : after_exec(real.execve(path, argv, envp));
}

SHIM int execv(const char *path, char *const argv[])
{
	return before_exec() ? -1 : after_exec(real.execv(path, argv));
}

SHIM int execvp(const char *file, char *const argv[])
{
	return before_exec() ? -1 : after_exec(real.execvp(file, argv));
}

SHIM int execvpe(const char *file, char *const argv[], char *const envp[])
{
	return before_exec() ? -1 : after_exec(real.execvpe(file, argv, envp));
}

SHIM int fexecve(int fd, char *const argv[], char *const envp[])
{
	return before_exec() ? -1 : after_exec(real.fexecve(fd, argv, envp));
}

SHIM int execveat(int folder, const char *path, char *const argv[],
		  char *const envp[], int flags)
{
	return before_exec() ? -1
			     : after_exec(real.execveat(folder, path, argv,
							envp, flags));
}

/* The arguments of execl() and its like, with their NULL, counted. */
static int count_arguments(va_list args)
{
	int count = 2;

	while (va_arg(args, char *))
		count++;
	return count;
}

/* What execl() and its like are given, as an array on the caller's stack. */
#define COLLECT(argv, first, args) \
	int count_; \
	va_start(args, first); \
	count_ = count_arguments(args); \
	va_end(args); \
	char **argv = alloca((size_t)count_ * sizeof(*argv)); \
	argv[0] = (char *)first; \
	va_start(args, first); \
	for (int i_ = 1; i_ < count_; i_++) \
		argv[i_] = va_arg(args, char *);

SHIM int execl(const char *path, const char *first, ...)
{
	va_list args;

	COLLECT(argv, first, args)
	va_end(args);
	return execv(path, argv);
}

SHIM int execlp(const char *file, const char *first, ...)
{
	va_list args;

	COLLECT(argv, first, args)
	va_end(args);
	return execvp(file, argv);
}

SHIM int execle(const char *path, const char *first, ...)
{
	va_list args;
	char *const *envp;

	COLLECT(argv, first, args)
	envp = va_arg(args, char *const *);
	va_end(args);
	return execve(path, argv, envp);
}
