/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before dlopen(3): the loader ends the process (SIGBUS) where a file is
 * shorter than its own headers say, as one is that was copied in part.
 */
#ifndef BASE_WHOLE_H
#define BASE_WHOLE_H

#include <stdbool.h>

/*
 * Has the file at least what its program headers (elf(5)) map? True of what is
 * no ELF file of this class, or cannot be read: the loader has words for these.
 * Preserves errno; any thread.
 */
bool whole_file(const char *path);

#endif
