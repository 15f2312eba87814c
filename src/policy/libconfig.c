// SPDX-License-Identifier: BSD-2-Clause
#include "policy/libconfig.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef SHUNT_LIBDIR
#define SHUNT_LIBDIR "/usr/lib"
#endif

/* Where we lie: beside the library; in bin/, a step away from it. */
static const char *const near[] = { "", "../lib/" };

static const char *const names[] = {
	"libshunt-config.so", SHUNT_LIBCONFIG_SONAME,
};

static void *open_file(const char *directory, size_t length, const char *step,
		       const char *name)
{
	char path[PATH_MAX];
	int size;

	size = snprintf(path, sizeof(path), "%.*s%s%s", (int)length, directory,
			step, name);
	if (size >= (int)sizeof(path) || access(path, R_OK))
		return NULL;
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void *open_in(const char *directory, size_t length, const char *step)
{
	void *handle = NULL;

	for (size_t i = 0; !handle && i < sizeof(names) / sizeof(*names); i++)
		handle = open_file(directory, length, step, names[i]);
	return handle;
}

static void *open_beside(void)
{
	void *handle = NULL;
	const char *slash;
	Dl_info self;

	if (!dladdr((void *)names, &self) || !self.dli_fname)
		return NULL;
	slash = strrchr(self.dli_fname, '/');
	if (!slash)
		return NULL;
	for (size_t i = 0; !handle && i < sizeof(near) / sizeof(*near); i++)
		handle = open_in(self.dli_fname,
				 (size_t)(slash + 1 - self.dli_fname),
				 near[i]);
	return handle;
}

static void *open_any(void)
{
	void *handle = open_beside();

	if (!handle)
		handle = open_in(SHUNT_LIBDIR "/", strlen(SHUNT_LIBDIR "/"),
				 "");
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

	handle = open_any();
	fine = handle && find_all(library, handle);
	/* also so that the application's next dlerror() is its own */
	words = dlerror();
	snprintf(error, LIBCONFIG_ERROR_MAX, "%s", fine || !words ? "" : words);
	return fine;
}
