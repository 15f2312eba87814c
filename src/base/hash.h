/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uthash, for a library in somebody else's process. It does not exit() when
 * memory runs out: what could not be added has a handle (`hh` or another)
 * whose tbl is NULL, and is not in the table. And it need not hash: our keys
 * are small numbers the kernel or we have given out one after the other, so
 * the number itself spreads best, and costs nothing.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/memory.h"

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((void)(entry))
#define uthash_malloc(size) memory_resize(NULL, size)
#define uthash_free(piece, size) ((void)(size), memory_free(piece))
#include <uthash.h>

/* By the integer member `key`; `spread` is the hash: the key, or its part. */
#define HASH_FIND_NUMBER(head, key, spread, out) \
	HASH_FIND_BYHASHVALUE(hh, head, &(key), sizeof(key), \
			      (unsigned)(spread), out)
#define HASH_ADD_NUMBER(head, key, spread, entry) \
	HASH_ADD_BYHASHVALUE(hh, head, key, sizeof((entry)->key), \
			     (unsigned)(spread), entry)

#endif
