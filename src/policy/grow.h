/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays that grow, for the loader. The capacity is a power of two. */
#ifndef POLICY_GROW_H
#define POLICY_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* The array with room for one more item after `count`, or NULL (no memory). */
static inline void *grow(void *items, size_t count, size_t size)
{
	size_t room;

	if (count & (count - 1))
		return items;
	if (__builtin_mul_overflow(count ? 2 * count : 1, size, &room))
		return NULL;
	return realloc(items, room);
}

/* Append *item to *items; false when there is no memory. */
#define append(items, count, item) \
	({ \
		void *grown_ = grow(*(items), *(count), sizeof(**(items))); \
		if (grown_) { \
			*(items) = grown_; \
			(*(items))[(*(count))++] = *(item); \
		} \
		grown_ != NULL; \
	})

#endif
