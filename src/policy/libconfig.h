/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libconfig behind dlopen. Looked for beside the library first (our own copy,
 * libshunt-config.so, then its plain soname), then on the system. Every call
 * fills a struct of the caller's; the library stays loaded. No locks.
 */
#ifndef POLICY_LIBCONFIG_H
#define POLICY_LIBCONFIG_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/library.h"

/* The library whose structs this header describes; configure may say more. */
#ifndef SHUNT_LIBCONFIG_SONAME
#if LIBCONFIG_VER_MAJOR == 1 && LIBCONFIG_VER_MINOR == 5
#define SHUNT_LIBCONFIG_SONAME "libconfig.so.9"
#elif LIBCONFIG_VER_MAJOR == 1 && LIBCONFIG_VER_MINOR == 7
#define SHUNT_LIBCONFIG_SONAME "libconfig.so.11"
#else
#error "define SHUNT_LIBCONFIG_SONAME: the soname of this libconfig"
#endif
#endif

struct libconfig {
#define SYMBOL(type, name, params) type (*name) params;
#include "policy/libconfig.def"
#undef SYMBOL
};

#define LIBCONFIG_ERROR_MAX LIBRARY_ERROR_MAX

/* False, with the loader's own words in `error`, when there is none. */
bool libconfig_open(struct libconfig *library,
		    char error[LIBCONFIG_ERROR_MAX]);

#endif
