// SPDX-License-Identifier: BSD-2-Clause
/*
 * The mark of a thread that is inside librdmacm.
 *
 * Its libc calls are our shims. Shims that act on a known fd do no harm: the
 * fds of librdmacm are in no table. Only connect() and accept() make entries,
 * for TCP sockets, and the only TCP socket of librdmacm is the one to ibacm
 * (acm.c), connected once, by the rsocket() or rdma_create_id() that first
 * initialises it, on the calling thread: which is marked. librdmacm's own
 * threads (rsocket.c's cm_svc_run, tcp_svc_run) are marked if the runtime tells
 * of them (shunt_rhooks()). Else they are not, and it does no harm: they poll,
 * read, write and close, and drive connections through the rdma_cm device.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/critical.h"
#include "rdma/runtime.h"

static __thread unsigned depth;

bool rdma_inside(void)
{
	return depth > 0;
}

bool rdma_knows_inside(void)
{
	return runtime.shunt_rhooks != NULL;
}

void inside_begin_thread(void)
{
	depth = 1;
}

int inside_enter(void)
{
	depth++;
	return errno;
}

long inside_leave(long result, int saved)
{
	if (result < 0)
		result = errno ? -errno : -EIO;
	errno = saved;
	depth--;
	return result;
}

/* fmemopen(3) has a younger version than the oldest libc that we run on. */
static ssize_t read_zero(void *cookie, char *buf, size_t size)
{
	(void)cookie;
	memset(buf, '\n', size);
	buf[0] = '0';
	return (ssize_t)size;
}

FILE *rdma_setting(const char *path)
{
	const cookie_io_functions_t zero = { .read = read_zero };
	const char *name = "/rsocket/polling_time";	/* rs_configure() */
	size_t size = strlen(path), end = strlen(name);

	if (size < end || strcmp(path + size - end, name) != 0)
		return NULL;
	return fopencookie(NULL, "r", zero);
}

void inside_block(sigset_t *mask)
{
	critical_block(mask);
}

void inside_restore(const sigset_t *mask)
{
	critical_unblock(mask);
}

void inside_after_fork(void)
{
	depth = 0;
}
