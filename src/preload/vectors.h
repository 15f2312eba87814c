/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A caller's I/O vectors, copied, because ready/ consumes them as it goes.
 * Few fit on the stack. preload/ only.
 */
#ifndef PRELOAD_VECTORS_H
#define PRELOAD_VECTORS_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/memory.h"

#define VECTORS_FEW 16

struct vectors {
	struct iovec few[VECTORS_FEW];
	struct iovec *iov;
};

/*
 * A pointer that cannot be good: NULL, or beside it. On a lane user memory is
 * copied by user code, so this is the EFAULT that can be told for nothing;
 * other bad pointers fault in the program (docs/ARCHITECTURE.md).
 */
#define bad_pointer(pointer) ((uintptr_t)(pointer) < 4096)

/*
 * 0; -EFAULT; -EINVAL for lengths that overflow ssize_t; -too_many (EINVAL or
 * EMSGSIZE) for a count over IOV_MAX or below 0; -ENOMEM. Always followed by
 * vectors_free().
 */
static inline int vectors_copy(struct vectors *vectors,
			       const struct iovec *iov, size_t count,
			       int too_many)
{
	size_t i, total = 0;

	vectors->iov = vectors->few;
	if (count > IOV_MAX)
		return -too_many;
	if (count && bad_pointer(iov))
		return -EFAULT;
	for (i = 0; i < count; i++) {
		if (iov[i].iov_len && bad_pointer(iov[i].iov_base))
			return -EFAULT;
		if (iov[i].iov_len > (size_t)SSIZE_MAX - total)
			return -EINVAL;
		total += iov[i].iov_len;
	}
	if (count > VECTORS_FEW)
		vectors->iov = memory_resize(NULL, count * sizeof(*iov));
	if (!vectors->iov)
		return -ENOMEM;
	if (count)
		memcpy(vectors->iov, iov, count * sizeof(*iov));
	return 0;
}

static inline size_t vectors_size(const struct iovec *iov, int count)
{
	size_t size = 0;

	while (count-- > 0)
		size += (iov++)->iov_len;
	return size;
}

static inline void vectors_free(struct vectors *vectors)
{
	if (vectors->iov != vectors->few)
		memory_free(vectors->iov);
}

#endif
