// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory that a parent shares with the children of one fork.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/share.h"

static bool make_file(struct pages *made)
{
	made->fd = real.memfd_create("shunt", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (made->fd < 0)
		return false;
	made->fd = fd_lift(made->fd);
	/* A child that makes it smaller would have its parent die of it. */
	if (ftruncate(made->fd, (off_t)made->size) != 0 ||
	    real.fcntl(made->fd, F_ADD_SEALS,
		       (void *)(F_SEAL_SHRINK | F_SEAL_SEAL)) != 0)
		return false;
	made->shares = mmap(NULL, made->size, PROT_READ | PROT_WRITE,
			    MAP_SHARED, made->fd, 0);
	return made->shares != MAP_FAILED;
}

/* RLIMIT_FSIZE lets no file grow: memory that has room from the beginning. */
static bool make_memory(struct pages *made)
{
	made->size += BOUND_early_bytes;
	made->shares = mmap(NULL, made->size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return made->shares != MAP_FAILED;
}

struct pages *pages_make(unsigned count)
{
	struct pages *made = memory_new(sizeof(*made));

	if (!made)
		return NULL;
	made->fd = -1;
	made->size = count * sizeof(struct share);
	made->end = made->size;
	if (fd_may_hold((off_t)made->size) ? make_file(made)
					   : make_memory(made))
		return made;
	if (made->fd >= 0)
		fd_close(made->fd);
	memory_free(made);
	return NULL;
}

static bool is_inside(const struct pages *pages, uint64_t at, size_t size)
{
	return at <= pages->size && size <= pages->size - at;
}

bool pages_put(struct pages *to, uint64_t at, const void *bytes, size_t size)
{
	if (to->fd >= 0)
		return fd_may_hold((off_t)(at + size)) &&
		       pwrite(to->fd, bytes, size, (off_t)at) == (ssize_t)size;
	if (!is_inside(to, at, size))
		return false;
	memcpy((uint8_t *)to->shares + at, bytes, size);
	return true;
}

bool pages_get(struct pages *from, uint64_t at, void *bytes, size_t size)
{
	if (from->fd >= 0)
		return pread(from->fd, bytes, size, (off_t)at) == (ssize_t)size;
	if (!is_inside(from, at, size))
		return false;
	memcpy(bytes, (uint8_t *)from->shares + at, size);
	return true;
}

void pages_free(struct pages *gone)
{
	munmap(gone->shares, gone->size);
	if (gone->fd >= 0)
		fd_close(gone->fd);
	memory_free(gone);
}
