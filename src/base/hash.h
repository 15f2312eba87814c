/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uthash, for a library in somebody else's process. It does not exit() when
 * memory runs out: what could not be added has a handle (`hh` or another)
 * whose tbl is NULL, and is not in the table. And its hash is for bytes; our
 * keys are small numbers that the kernel or we have given out, for which
 * hash_number() is enough.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/memory.h"

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((void)(entry))
#define uthash_malloc(size) memory_resize(NULL, size)
#define uthash_free(piece, size) ((void)(size), memory_free(piece))
#include <uthash.h>

/*
 * Of numbers one after the other and of every fourth alike. A table takes the
 * low bits; uthash grows it no more when most buckets stay empty, and then its
 * chains do, as when a connection takes four fds and the number is the hash.
 */
static inline unsigned hash_number(unsigned number)
{
	number *= 2654435769u;	/* 2^32 by the golden ratio */
	number ^= number >> 16;
	number *= 2654435769u;
	return number ^ number >> 16;
}

/* By the integer member `key`. */
#define HASH_FIND_NUMBER(head, key, out) \
	HASH_FIND_BYHASHVALUE(hh, head, &(key), sizeof(key), \
			      hash_number((unsigned)(key)), out)
#define HASH_ADD_NUMBER(head, key, entry) \
	HASH_ADD_BYHASHVALUE(hh, head, key, sizeof((entry)->key), \
			     hash_number((unsigned)(entry)->key), entry)

#endif
