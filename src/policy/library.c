// SPDX-License-Identifier: BSD-2-Clause
#include "policy/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include "base/beside.h"
#include "base/root.h"
#include "base/whole.h"

#ifndef SHUNT_LIBDIR
#define SHUNT_LIBDIR "/usr/lib"
#endif

/* Where we lie: beside the library; in bin/, a step away from it. */
static const char *const near[] = { "", "../lib/" };

/* A file that is there and does not load says why, before any other. */
static void *open_file(const char *path, char error[LIBRARY_ERROR_MAX])
{
	const char *words;
	void *handle;

	if (access(path, F_OK))
		return NULL;
	if (!whole_file(path)) {
		snprintf(error, LIBRARY_ERROR_MAX,
			 "%.200s: the file is cut off", path);
		return NULL;
	}
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	words = handle || error[0] ? NULL : dlerror();
	if (words)
		snprintf(error, LIBRARY_ERROR_MAX, "%s", words);
	return handle;
}

static void *open_beside(const char *folder, const char *name,
			 char error[LIBRARY_ERROR_MAX])
{
	char relative[64], path[PATH_MAX];

	snprintf(relative, sizeof(relative), "%s%s", folder, name);
	return beside_us(path, relative) ? open_file(path, error) : NULL;
}

static void *open_installed(const char *name, char error[LIBRARY_ERROR_MAX])
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", SHUNT_LIBDIR, name);
	return open_file(path, error);
}

void *library_open(const char *ours, const char *soname,
		   char error[LIBRARY_ERROR_MAX])
{
	void *handle = NULL;
	size_t i;

	error[0] = '\0';
	if (!root_same()) {
		snprintf(error, LIBRARY_ERROR_MAX,
			 "the process has changed its root directory");
		return NULL;
	}
	for (i = 0; !handle && i < sizeof(near) / sizeof(*near); i++) {
		handle = open_beside(near[i], ours, error);
		if (!handle)
			handle = open_beside(near[i], soname, error);
	}
	if (!handle)
		handle = open_installed(ours, error);
	if (!handle)
		handle = open_installed(soname, error);
	if (!handle)
		handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
	return handle;
}
