// SPDX-License-Identifier: BSD-2-Clause
#include "rdma/runtime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUNDLED "libshunt-rdma.so"
#define SYSTEM "librdmacm.so.1"

struct runtime runtime;

static char path[512];
static char news[700];
static bool loaded;

bool runtime_loaded(void)
{
	return loaded;
}

const char *rdma_runtime_path(void)
{
	return loaded ? path : "";
}

const char *runtime_news(void)
{
	return news;
}

/* Fill `found` from the object; the name of the first symbol it lacks. */
static const char *missing_in(void *handle, struct runtime *found)
{
	const char *missing = NULL;
	void *symbol;

#define SYMBOL(type, name, params) \
	symbol = dlsym(handle, #name); \
	if (!symbol && !missing) \
		missing = #name; \
	memcpy(&found->name, &symbol, sizeof(symbol));
#include "rdma/rsockets.def"
#undef SYMBOL
	return missing;
}

/* The file that the loader really took, for people. */
static void remember_path(const char *name)
{
	void *symbol;
	Dl_info info;

	memcpy(&symbol, &runtime.rsocket, sizeof(symbol));
	if (dladdr(symbol, &info) && info.dli_fname)
		name = info.dli_fname;
	snprintf(path, sizeof(path), "%s", name);
}

/*
 * No function of an object that turns out to be too old has been called when
 * it is unloaded again.
 */
static enum reason load(const char *name)
{
	struct runtime found;
	const char *missing;
	void *handle;

	handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(news, sizeof(news), "no RDMA runtime: %s", dlerror());
		return REASON_no_rdma_core;
	}
	missing = missing_in(handle, &found);
	if (missing) {
		snprintf(news, sizeof(news), "%s is not used: it has no %s",
			 name, missing);
		dlclose(handle);
		return strcmp(missing, "repoll_create")
			? REASON_no_rdma_core : REASON_rdma_core_too_old;
	}
	runtime = found;
	loaded = true;
	remember_path(name);
	snprintf(news, sizeof(news), "RDMA runtime: %s", path);
	return REASON_none;
}

/* The bundle in the directory of `beside`. */
static enum reason load_bundled(const char *beside, size_t directory)
{
	char name[sizeof(path)];
	int size;

	size = snprintf(name, sizeof(name), "%.*s/" BUNDLED, (int)directory,
			beside);
	if (size < 0 || (size_t)size >= sizeof(name))
		return REASON_no_rdma_core;
	return load(name);
}

/* Beside the object that this code is in, else where it was installed. */
static enum reason load_beside(void)
{
	enum reason reason = REASON_no_rdma_core;
	const char *slash = NULL;
	Dl_info info;

	if (dladdr(path, &info) && info.dli_fname)
		slash = strrchr(info.dli_fname, '/');
	if (slash)
		reason = load_bundled(info.dli_fname,
				      (size_t)(slash - info.dli_fname));
	if (reason != REASON_none)
		reason = load_bundled(SHUNT_LIBDIR, strlen(SHUNT_LIBDIR));
	return reason;
}

enum reason runtime_load(void)
{
	const char *named = getenv("SHUNT_RDMA_LIBRARY");
	enum reason bundled, installed;

	if (named && *named)
		return load(named);
	bundled = load_beside();
	if (bundled == REASON_none)
		return bundled;
	installed = load(SYSTEM);
	return installed == REASON_no_rdma_core ? bundled : installed;
}
