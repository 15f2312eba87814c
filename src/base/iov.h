/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic on the vectors of readv(2). The bytes are not touched. */
#ifndef BASE_IOV_H
#define BASE_IOV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define IOV_PART 64	/* vectors that a bounded call looks at */

static inline size_t iov_size(const struct iovec *iov, int count)
{
	size_t size = 0;
	int i;

	for (i = 0; i < count; i++)
		size += iov[i].iov_len;
	return size;
}

/*
 * At most `limit` bytes of iov, as part[IOV_PART], which has no empty ones: as
 * many as there is room for would look like the end. Returns the vectors used.
 */
static inline int iov_limit(struct iovec *part, const struct iovec *iov,
			    int count, uint64_t limit)
{
	int used = 0;

	for (; count > 0 && used < IOV_PART && limit > 0; iov++, count--) {
		if (iov->iov_len == 0)
			continue;
		part[used] = *iov;
		if (part[used].iov_len > limit)
			part[used].iov_len = limit;
		limit -= part[used++].iov_len;
	}
	return used;
}

/* iov without its first `skip` bytes, as rest[IOV_PART]. The vectors used. */
static inline int iov_rest(struct iovec *rest, const struct iovec *iov,
			   int count, size_t skip)
{
	int used = 0;

	for (; count > 0 && used < IOV_PART; iov++, count--) {
		size_t part = skip < iov->iov_len ? skip : iov->iov_len;

		skip -= part;
		if (part == iov->iov_len)
			continue;
		rest[used].iov_base = (char *)iov->iov_base + part;
		rest[used++].iov_len = iov->iov_len - part;
	}
	return used;
}

#endif
