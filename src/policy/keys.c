// SPDX-License-Identifier: BSD-2-Clause
#include "policy/keys.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "policy/library.h"

#define SONAME "libsodium.so.23"
#define STATE_MOST 512	/* bytes; it is 208 */

struct sodium {
#define SYMBOL(type, name, params) type (*name) params;
#include "policy/sodium.def"
#undef SYMBOL
};

static struct lock lock = LOCK_INIT(keys);
static struct {
	char *path;		/* kept: the number stays its own */
	struct key_set set;
} files[KEYS_FILES];
static struct sodium sodium;
static atomic_bool loaded_sodium;

/* Threads may come here together: the first to find it is believed. */
static bool load_sodium(char error[LIBRARY_ERROR_MAX])
{
	struct sodium found;
	const char *words;
	void *handle;
	bool all = true;

	if (loaded_sodium)
		return true;
	handle = library_open("libshunt-auth.so", SONAME, error);
#define SYMBOL(type, name, params) \
	found.name = handle ? (type (*) params)dlsym(handle, #name) : NULL; \
	all = all && found.name;
#include "policy/sodium.def"
#undef SYMBOL
	/* also so that the application's next dlerror() is its own */
	words = dlerror();
	if (!all && !error[0])
		snprintf(error, LIBRARY_ERROR_MAX, "%s",
			 words ? words : "it has not what is used of it");
	if (!all || found.crypto_auth_hmacsha256_statebytes() > STATE_MOST)
		return false;
	lock_acquire(&lock);
	if (!loaded_sodium)	/* nobody reads it yet */
		sodium = found;
	loaded_sodium = true;
	lock_release(&lock);
	return true;
}

static bool is_loaded(const struct keys_loaded *loaded, const char *path)
{
	unsigned i;

	for (i = 0; i < loaded->count; i++)
		if (!strcmp(loaded->files[i].path, path))
			return true;
	return false;
}

bool keys_load(struct keys_loaded *loaded, const char *root, const char *path,
	       struct stamp *stamp, bool *fresh, struct problems *problems)
{
	char error[LIBRARY_ERROR_MAX] = "", whole[PATH_MAX];
	bool fine;

	*fresh = false;
	if (is_loaded(loaded, path))
		return true;
	if (loaded->count == KEYS_FILES) {
		problem_add(problems, "%s: more than %d key files", path,
			    KEYS_FILES);
		return false;
	}
	snprintf(whole, sizeof(whole), "%s%s", root ? root : "", path);
	*fresh = true;
	if (!load_sodium(error)) {
		*stamp = stamp_take(whole);
		problem_add(problems,
			    "%s: is of no use: neither libshunt-auth.so nor %s can be loaded: %.200s",
			    path, SONAME, error);
		return false;
	}
	fine = keyfile_read(whole, &loaded->files[loaded->count].set, stamp,
			    problems);
	if (fine)
		loaded->files[loaded->count++].path = path;
	return fine;
}

/* With lock. The place of a file, or a free one; KEYS_FILES: none. */
static unsigned place_of(const char *path)
{
	unsigned i, place = KEYS_FILES;

	for (i = 0; i < KEYS_FILES; i++) {
		if (files[i].path && !strcmp(files[i].path, path))
			return i;
		if (!files[i].path && place == KEYS_FILES)
			place = i;
	}
	return place;
}

/* With lock. */
static int put(const char *path, const struct key_set *set)
{
	unsigned place = place_of(path);

	if (place == KEYS_FILES)
		return -ENOSPC;
	if (!files[place].path)
		files[place].path = strdup(path);
	if (!files[place].path)
		return -ENOMEM;
	files[place].set = *set;
	return 0;
}

int keys_publish(struct keys_loaded *loaded)
{
	unsigned i;
	int ret = 0;

	lock_acquire(&lock);
	for (i = 0; i < KEYS_FILES; i++)
		key_wipe(&files[i].set, sizeof(files[i].set));
	for (i = 0; i < loaded->count && ret == 0; i++)
		ret = put(loaded->files[i].path, &loaded->files[i].set);
	lock_release(&lock);
	key_wipe(loaded, sizeof(*loaded));
	return ret;
}

uint8_t keys_number(const char *path)
{
	unsigned i;
	uint8_t number = 0;

	lock_acquire(&lock);
	for (i = 0; i < KEYS_FILES; i++)
		if (files[i].path && !strcmp(files[i].path, path))
			number = (uint8_t)(i + 1);
	lock_release(&lock);
	return number;
}

/* A copy, so that nothing is computed under the lock. */
static void copy_keys(uint8_t number, struct key_set *set)
{
	memset(set, 0, sizeof(*set));
	if (number == 0 || number > KEYS_FILES)
		return;
	lock_acquire(&lock);
	*set = files[number - 1].set;
	lock_release(&lock);
}

static void compute(const struct key_set *set, unsigned key, const void *bytes,
		    size_t size, uint8_t mac[KEYS_MAC])
{
	uint8_t state[STATE_MOST] __attribute__((aligned(64)));

	sodium.crypto_auth_hmacsha256_init(state, set->keys[key].bytes,
					   set->keys[key].size);
	sodium.crypto_auth_hmacsha256_update(state, bytes, size);
	sodium.crypto_auth_hmacsha256_final(state, mac);
	sodium.sodium_memzero(state, sizeof(state));
}

bool keys_sign(uint8_t number, const void *bytes, size_t size,
	       uint8_t mac[KEYS_MAC])
{
	struct key_set set;
	bool any;

	copy_keys(number, &set);
	any = set.count > 0;
	if (any)
		compute(&set, 0, bytes, size, mac);
	key_wipe(&set, sizeof(set));
	return any;
}

bool keys_verify(uint8_t number, const void *bytes, size_t size,
		 const uint8_t mac[KEYS_MAC])
{
	uint8_t own[KEYS_MAC];
	struct key_set set;
	bool same = false;
	unsigned i;

	copy_keys(number, &set);
	for (i = 0; i < set.count; i++) {
		compute(&set, i, bytes, size, own);
		same |= sodium.crypto_verify_32(own, mac) == 0;
	}
	key_wipe(&set, sizeof(set));
	key_wipe(own, sizeof(own));
	return same;
}

bool keys_digest(const void *bytes, size_t size, uint8_t digest[KEYS_MAC])
{
	if (!loaded_sodium)
		return false;
	sodium.crypto_hash_sha256(digest, bytes, size);
	return true;
}

void keys_after_fork(void)
{
	lock_init(&lock, LOCK_keys);
}
