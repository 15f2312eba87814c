// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory that a parent shares with the children of one fork.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/share.h"

struct pages *pages_make(unsigned count)
{
	struct pages *made = memory_new(sizeof(*made));
	void *memory;

	if (!made)
		return NULL;
	made->size = count * sizeof(struct share);
	made->end = made->size;
	made->fd = real.memfd_create("shunt", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (made->fd < 0)
		goto failed;
	made->fd = fd_lift(made->fd);
	/* A child that makes it smaller would have its parent die of it. */
	if (ftruncate(made->fd, (off_t)made->size) != 0 ||
	    real.fcntl(made->fd, F_ADD_SEALS,
		       (void *)(F_SEAL_SHRINK | F_SEAL_SEAL)) != 0)
		goto failed;
	memory = mmap(NULL, made->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      made->fd, 0);
	if (memory == MAP_FAILED)
		goto failed;
	made->shares = memory;
	return made;
failed:
	if (made->fd >= 0)
		fd_close(made->fd);
	memory_free(made);
	return NULL;
}

void pages_free(struct pages *gone)
{
	munmap(gone->shares, gone->size);
	fd_close(gone->fd);
	memory_free(gone);
}
