/* SPDX-License-Identifier: BSD-2-Clause */
/* The user namespace of this process. */
#ifndef BASE_USERNS_H
#define BASE_USERNS_H

#include <stdbool.h>

/*
 * Is it the first one of the host? Users of others may be seen as somebody
 * else, and capabilities that are held there alone count for nothing where the
 * kernel asks the first one (capable(9)). False as well if /proc does not
 * tell. Preserves errno; reads a file each time, because unshare(2) and
 * setns(2) change it.
 */
bool userns_is_first(void);

#endif
