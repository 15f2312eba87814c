// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the program loads must find our names before libc's. RTLD_DEEPBIND,
 * which would have it look in libc first, is taken off, unless SHUNT_DEEPBIND
 * says keep. A namespace of its own (dlmopen(3)) has a libc of its own, and an
 * address that dlsym(3) would give of libc's send() is ours instead.
 */
#include "preload/loader.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/symbol.h"
#include "preload/shim.h"
#include "preload/verdict.h"

#if defined(__x86_64__)
#define FIRST "GLIBC_2.2.5"
#define FIRST_DLMOPEN "GLIBC_2.3.4"
#else
#define FIRST "GLIBC_2.17"
#define FIRST_DLMOPEN FIRST
#endif

void *(*loader_dlopen)(const char *path, int flags);
void *(*loader_dlmopen)(Lmid_t id, const char *path, int flags);
void *(*loader_dlsym)(void *handle, const char *name);

/* A libc before 2.34 without libdl: none of them can do anything. */
static void *nothing(void)
{
	return NULL;
}

/* `slot` is one of the three pointers. */
static void find(void *slot, const char *name, const char *version)
{
	void *found = NULL;
	void *(*none)(void) = nothing;

	memcpy(&found, slot, sizeof(found));
	if (found)
		return;
	found = symbol_next_version(name, version);
	if (found)
		memcpy(slot, &found, sizeof(found));
	else
		memcpy(slot, &none, sizeof(none));
}

/* What it has open already would be read and written by the other libc. */
static void leave_rdma(void)
{
	if (!real_ready() || !shim_owns_process())
		return;
	verdict_forbid(REASON_passed_by, LOG_WARN);
	shim_send_all_back(REASON_passed_by);
}

int loader_flags(int flags)
{
	const char *word;

	find(&loader_dlopen, "dlopen", FIRST);
	if (!(flags & RTLD_DEEPBIND))
		return flags;
	word = getenv("SHUNT_DEEPBIND");
	if (!word || strcmp(word, "keep") != 0)
		return flags & ~RTLD_DEEPBIND;
	leave_rdma();
	return flags;
}

void loader_namespace(Lmid_t id)
{
	find(&loader_dlmopen, "dlmopen", FIRST_DLMOPEN);
	if (id != LM_ID_BASE)
		leave_rdma();
}

/* Addresses alone: their types are in as many headers. */
#define CALL(type, name, params, args, test) \
	extern char our_##name[] __asm__(#name);
#include "base/calls.def"
#undef CALL

static const struct {
	const void *slot;	/* in `real` */
	void *ours;
} names[] = {
#define CALL(type, name, params, args, test) { &real.name, our_##name },
#include "base/calls.def"
#undef CALL
};

void *loader_symbol(void *handle, const char *name)
{
	void *found, *libcs;

	find(&loader_dlsym, "dlsym", FIRST);
	if (symbol_is_search(handle) || !real_ready())
		return NULL;
	found = loader_dlsym(handle, name);
	for (size_t i = 0; found && i < sizeof(names) / sizeof(names[0]); i++) {
		memcpy(&libcs, names[i].slot, sizeof(libcs));
		if (libcs == found)
			return names[i].ours;
	}
	return NULL;
}
