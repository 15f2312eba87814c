/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library that is loaded when it is needed: our own copy beside us first,
 * then its plain soname there, then on the system. It stays loaded. No locks.
 */
#ifndef POLICY_LIBRARY_H
#define POLICY_LIBRARY_H

#define LIBRARY_ERROR_MAX 256

/*
 * dlopen(3)'s handle; NULL, with the loader's own words in `error`, when
 * there is none: those of a file that is there and does not load, before any
 * other's. `ours` is the name of our copy.
 */
void *library_open(const char *ours, const char *soname,
		   char error[LIBRARY_ERROR_MAX]);

#endif
