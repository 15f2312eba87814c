// SPDX-License-Identifier: BSD-2-Clause
#include "policy/libconfig.h"

#include <dlfcn.h>
#include <stdio.h>

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

	handle = library_open("libshunt-config.so", SHUNT_LIBCONFIG_SONAME,
			      error);
	fine = handle && find_all(library, handle);
	/* also so that the application's next dlerror() is its own */
	words = dlerror();
	if (fine)
		error[0] = '\0';
	else if (!error[0] && words)
		snprintf(error, LIBCONFIG_ERROR_MAX, "%s", words);
	return fine;
}
