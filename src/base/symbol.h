/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The function of this name in the libraries behind us. dlsym(RTLD_NEXT), or
 * where the process has none (a libc before 2.34, and neither libdl nor
 * libpthread loaded), a walk over the loaded objects' symbol tables. NULL:
 * there is none. Allocates nothing by itself.
 */
#ifndef BASE_SYMBOL_H
#define BASE_SYMBOL_H

#include <stdbool.h>

void *symbol_next(const char *name);

/*
 * The same of one version, for names that the library defines itself and has
 * to find without itself; NULL as well where there is no dlvsym(3).
 */
void *symbol_next_version(const char *name, const char *version);

/* A handle of dlsym(3)'s that names no library: RTLD_NEXT, RTLD_DEFAULT. */
bool symbol_is_search(const void *handle);

/* The walk alone; for its test. */
void *symbol_walk(const char *name);

#endif
