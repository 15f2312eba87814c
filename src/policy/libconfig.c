// SPDX-License-Identifier: BSD-2-Clause
#include "policy/libconfig.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include "base/beside.h"

#ifndef SHUNT_LIBDIR
#define SHUNT_LIBDIR "/usr/lib"
#endif

/* Where we lie: beside the library; in bin/, a step away from it. */
static const char *const near[] = {
	"libshunt-config.so", SHUNT_LIBCONFIG_SONAME,
	"../lib/libshunt-config.so", "../lib/" SHUNT_LIBCONFIG_SONAME,
};

/* A file that is there and does not load says why, before any other. */
static void *open_file(const char *path, char error[LIBCONFIG_ERROR_MAX])
{
	const char *words;
	void *handle;

	if (access(path, F_OK))
		return NULL;
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	words = handle || error[0] ? NULL : dlerror();
	if (words)
		snprintf(error, LIBCONFIG_ERROR_MAX, "%s", words);
	return handle;
}

static void *open_beside(char error[LIBCONFIG_ERROR_MAX])
{
	void *handle = NULL;
	char path[PATH_MAX];
	size_t i;

	for (i = 0; !handle && i < sizeof(near) / sizeof(*near); i++)
		if (beside_us(path, near[i]))
			handle = open_file(path, error);
	return handle;
}

static void *open_any(char error[LIBCONFIG_ERROR_MAX])
{
	void *handle = open_beside(error);

	if (!handle)
		handle = open_file(SHUNT_LIBDIR "/libshunt-config.so", error);
	if (!handle)
		handle = open_file(SHUNT_LIBDIR "/" SHUNT_LIBCONFIG_SONAME,
				   error);
	if (!handle)
		handle = dlopen(SHUNT_LIBCONFIG_SONAME, RTLD_NOW | RTLD_LOCAL);
	return handle;
}

static bool find_all(struct libconfig *library, void *handle)
{
#define SYMBOL(type, name, params) \
	library->name = (type (*) params)dlsym(handle, #name); \
	if (!library->name) \
		return false;
#include "policy/libconfig.def"
#undef SYMBOL
	return true;
}

bool libconfig_open(struct libconfig *library, char error[LIBCONFIG_ERROR_MAX])
{
	const char *words;
	void *handle;
	bool fine;

	error[0] = '\0';
	handle = open_any(error);
	fine = handle && find_all(library, handle);
	/* also so that the application's next dlerror() is its own */
	words = dlerror();
	if (fine)
		error[0] = '\0';
	else if (!error[0] && words)
		snprintf(error, LIBCONFIG_ERROR_MAX, "%s", words);
	return fine;
}
