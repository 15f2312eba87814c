/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which C library this process has. The library is compiled with glibc's
 * headers; where musl's structures differ, the code asks. Anywhere, any time.
 */
#ifndef BASE_LIBC_H
#define BASE_LIBC_H

#include <stdbool.h>

const char *gnu_get_libc_version(void) __attribute__((weak));

static inline bool libc_is_musl(void)
{
	return !gnu_get_libc_version;
}

#endif
