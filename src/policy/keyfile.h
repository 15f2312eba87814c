/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key files, which a rule's auth names: one key a line, in hex or base64, and
 * empty lines and comments (#). The first key signs; all verify, so that a
 * key can be changed while both are valid. What is wrong is a problem with
 * file and line; no problem quotes what could be a key. No locks.
 */
#ifndef POLICY_KEYFILE_H
#define POLICY_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/problem.h"
#include "policy/source.h"

#define KEYS_MOST 4	/* of one file */
#define KEY_LEAST 32	/* bytes: those of an HMAC-SHA-256 */
#define KEY_MOST 64

struct key_set {
	unsigned count;
	struct {
		uint8_t size;
		uint8_t bytes[KEY_MOST];
	} keys[KEYS_MOST];
};

/* The text of a file, by its name. False after problems were added. */
bool keyfile_parse(const char *name, const char *text, size_t size,
		   struct key_set *set, struct problems *problems);

/*
 * Read a file, which nobody but its owner and group may read. *stamp is what
 * it was, also on failure, for the reload.
 */
bool keyfile_read(const char *path, struct key_set *set, struct stamp *stamp,
		  struct problems *problems);

/* Overwrite, for good: the compiler may not leave it out. */
void key_wipe(void *bytes, size_t size);

#endif
