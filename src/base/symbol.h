/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The function of this name in the libraries behind us. dlsym(RTLD_NEXT), or
 * where the process has none (a libc before 2.34, and neither libdl nor
 * libpthread loaded), a walk over the loaded objects' symbol tables. NULL:
 * there is none. Allocates nothing by itself.
 */
#ifndef BASE_SYMBOL_H
#define BASE_SYMBOL_H

void *symbol_next(const char *name);

/* The walk alone; for its test. */
void *symbol_walk(const char *name);

#endif
