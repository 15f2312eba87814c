/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root directory that the process began with. After chroot(2) a path may
 * lead to files of whoever owns the new root: nothing is loaded by path, and
 * no policy read, from then on.
 */
#ifndef BASE_ROOT_H
#define BASE_ROOT_H

#include <stdbool.h>

/* From the constructor, once. Preserves errno. */
void root_remember(void);

/*
 * Is the root directory still that one? True if nobody has remembered any, as
 * in the command. One stat(2); any thread; preserves errno.
 */
bool root_same(void);

#endif
