/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of the process: those of each key file that a rule of its policy
 * names, by a number that decisions have (policy_decision.auth; 0: none). A
 * reload changes the keys behind a number; they are wiped when no rule names
 * their file any more. libsodium is loaded when the first file is read.
 *
 * All but keys_load() and keys_publish(): any thread; no lock is needed.
 */
#ifndef POLICY_KEYS_H
#define POLICY_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/keyfile.h"

#define KEYS_FILES 8	/* key files of one process */
#define KEYS_MAC 32	/* bytes of an HMAC-SHA-256, and of a SHA-256 */

/* While a policy is loaded: the files it names, and what is in them. */
struct keys_loaded {
	unsigned count;
	struct {
		const char *path;	/* the rule's; not owned */
		struct key_set set;
	} files[KEYS_FILES];
};

/*
 * Read the keys of one more file, if they are not there yet. False after
 * problems were added. *stamp as in keyfile_read(); *fresh: it was looked at.
 */
bool keys_load(struct keys_loaded *loaded, const char *root, const char *path,
	       struct stamp *stamp, bool *fresh, struct problems *problems);

/*
 * From now on these are the keys, and no others. Wipes `loaded`. The numbers
 * of files that were there before stay the same. -ENOSPC: there are more files
 * than numbers, counting those that are still named by nobody but were.
 */
int keys_publish(struct keys_loaded *loaded);

/* The number of a file, from 1; 0: it is not loaded. */
uint8_t keys_number(const char *path);

/* The MAC of the bytes with the file's first key. False: it has none. */
bool keys_sign(uint8_t number, const void *bytes, size_t size,
	       uint8_t mac[KEYS_MAC]);

/* Is it that of one of its keys? In constant time but for how many. */
bool keys_verify(uint8_t number, const void *bytes, size_t size,
		 const uint8_t mac[KEYS_MAC]);

/* SHA-256. False: libsodium is not loaded. */
bool keys_digest(const void *bytes, size_t size, uint8_t digest[KEYS_MAC]);

void keys_after_fork(void);

#endif
