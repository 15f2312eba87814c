// SPDX-License-Identifier: BSD-2-Clause
/*
 * Makers of fds that call the kernel from inside libc, where open() does not
 * reach us: what they return is new, as in producers.c.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "preload/shim.h"
#include "rdma/rdma.h"

#define PRODUCER(name, params, args) \
	SHIM int name params \
	{ \
		return shim_fresh(real.name args); \
	}

PRODUCER(shm_open, (const char *name, int flags, mode_t mode), (name, flags, mode))
PRODUCER(mkstemp, (char *path), (path))
PRODUCER(mkstemp64, (char *path), (path))
PRODUCER(mkostemp, (char *path, int flags), (path, flags))
PRODUCER(mkostemp64, (char *path, int flags), (path, flags))
PRODUCER(mkstemps, (char *path, int tail), (path, tail))
PRODUCER(mkstemps64, (char *path, int tail), (path, tail))
PRODUCER(mkostemps, (char *path, int tail, int flags), (path, tail, flags))
PRODUCER(mkostemps64, (char *path, int tail, int flags), (path, tail, flags))

SHIM int mq_open(const char *name, int flags, ...)
{
	struct mq_attr *attr = NULL;
	mode_t mode = 0;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		attr = va_arg(args, struct mq_attr *);
		va_end(args);
	}
	return shim_fresh(real.mq_open(name, flags, mode, attr));
}

#define FILE_PRODUCER(name, params, args) \
	SHIM FILE *name params \
	{ \
		return fresh_file(real.name args); \
	}

static FILE *fresh_file(FILE *file)
{
	int saved = errno;

	if (file)
		shim_forget(fileno(file));
	errno = saved;
	return file;
}

SHIM FILE *fopen(const char *path, const char *mode)
{
	FILE *setting = rdma_inside() ? rdma_setting(path) : NULL;

	return setting ? setting : fresh_file(real.fopen(path, mode));
}

FILE_PRODUCER(fopen64, (const char *path, const char *mode), (path, mode))
FILE_PRODUCER(freopen, (const char *path, const char *mode, FILE *file), (path, mode, file))
FILE_PRODUCER(freopen64, (const char *path, const char *mode, FILE *file), (path, mode, file))
FILE_PRODUCER(tmpfile, (void), ())
FILE_PRODUCER(tmpfile64, (void), ())

SHIM DIR *opendir(const char *path)
{
	DIR *directory = real.opendir(path);

	if (directory)
		shim_forget(dirfd(directory));
	return directory;
}
