/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For t/unit/rdma: poll(), fopen() and open() are what the library's shims are
 * to the runtime. Included once.
 */
#ifndef RDMA_HELP_H
#define RDMA_HELP_H

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/real.h"
#include "rdma/rdma.h"

static bool hook_off;

__attribute__((visibility("default")))
int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (!hook_off && rdma_poll_hooked())
		return rdma_poll_hook(fds, count, timeout);
	return real.poll(fds, count, timeout);
}

static bool asked_to_spin;

__attribute__((visibility("default")))
FILE *fopen(const char *path, const char *mode)
{
	FILE *setting = rdma_inside() ? rdma_setting(path) : NULL;

	asked_to_spin |= setting != NULL;
	return setting ? setting : real.fopen(path, mode);
}

/* What the runtime opens is not for a forked child. */
__attribute__((visibility("default")))
int open(const char *path, int flags, ...)
{
	int fd;
	va_list args;

	va_start(args, flags);
	fd = real.open(path, flags, va_arg(args, mode_t));
	va_end(args);
	if (fd >= 0 && rdma_inside())
		fd_claim(fd, FD_RUNTIME);
	return fd;
}

__attribute__((visibility("default"), alias("open")))
int open64(const char *path, int flags, ...);

#endif
