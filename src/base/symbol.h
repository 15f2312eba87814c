/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The function of this name in the libraries behind us. dlsym(RTLD_NEXT), or
 * where the process has none (a libc before 2.34, and neither libdl nor
 * libpthread loaded), a walk over the loaded objects' symbol tables. Where
 * there is no fopen64() it is fopen(), and so on: every off_t has 64 bits on
 * the architectures that the library is made for. NULL: there is none.
 * Allocates nothing by itself.
 */
#ifndef BASE_SYMBOL_H
#define BASE_SYMBOL_H

#include <link.h>
#include <stdbool.h>

void *symbol_next(const char *name);

/*
 * The same of one version, for what symbol_next() itself is made of, and the
 * library defines. A libc without dlvsym(3) has one version.
 */
void *symbol_next_version(const char *name, const char *version);

/* A handle of dlsym(3)'s that names no library: RTLD_NEXT, RTLD_DEFAULT. */
bool symbol_is_search(const void *handle);

/* The walk alone; for its test. */
void *symbol_walk(const char *name);

/*
 * An address out of a loaded object's dynamic section. glibc's loader has
 * relocated it there, but for the vDSO's; musl's leaves it as in the file.
 */
const void *symbol_address(const struct dl_phdr_info *object, ElfW(Addr) at);

#endif
