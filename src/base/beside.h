/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of ours that lie beside the one that this code was loaded from, the
 * library or the command; a bundle may be mounted anywhere.
 */
#ifndef BASE_BESIDE_H
#define BASE_BESIDE_H

#include <limits.h>
#include <stdbool.h>

/*
 * The path of `name` (relative, as "../lib/x") from our own file's folder,
 * with symbolic links to that file resolved. False: it does not fit, or
 * nobody knows where we are. Whether it exists is another question. Any
 * thread; needs what oldlibc_complete() says is there.
 */
bool beside_us(char path[PATH_MAX], const char *name);

#endif
