/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for what a signal handler may take and give back. Outside of one it is
 * malloc(3)'s. In a handler (base/critical.h), which may have interrupted
 * malloc() itself, it comes from mmap(2), and what was malloc()'s is kept until
 * somebody outside asks for or gives back some.
 *
 * Aligned as malloc(3)'s. Any thread. memory_free() gives back what these
 * functions have returned, and nothing else; NULL is nothing to it.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Zeroed; NULL: there is none. */
void *memory_new(size_t size);
void *memory_array(size_t count, size_t size);

/* As realloc(3): what is new in it has any content. */
void *memory_resize(void *old, size_t size);

void memory_free(void *old);

#endif
