// SPDX-License-Identifier: BSD-2-Clause
#include "cli/preload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/beside.h"
#include "cli/cli.h"

#ifndef SHUNT_LIBDIR
#define SHUNT_LIBDIR "/usr/lib"
#endif

#define LIBRARY "libshunt.so"

/* From the command's directory: a build tree, then an installation. */
static const char *const near[] = {
	".libs/" LIBRARY, LIBRARY, "../lib/" LIBRARY,
};

static char *try_path(const char *path)
{
	return access(path, R_OK) ? NULL : realpath(path, NULL);
}

char *preload_library(void)
{
	char path[PATH_MAX], *found = NULL;

	for (size_t i = 0; !found && i < sizeof(near) / sizeof(*near); i++)
		if (beside_us(path, near[i]))
			found = try_path(path);
	return found ? found : try_path(SHUNT_LIBDIR "/" LIBRARY);
}

/* Is the library already an entry of the list? */
static bool has_entry(const char *list, const char *library)
{
	size_t length;

	for (; *list; list += length) {
		list += strspn(list, ": ");
		length = strcspn(list, ": ");
		if (length == strlen(library) &&
		    !strncmp(list, library, length))
			return true;
	}
	return false;
}

void preload_set(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char *list;

	if (old && has_entry(old, library))
		return;
	if (asprintf(&list, "%s%s%s", library, old && *old ? ":" : "",
		     old ? old : "") < 0 ||
	    setenv("LD_PRELOAD", list, 1))
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	free(list);
}

char *preload_find_program(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char *file;

	if (strchr(name, '/'))
		return strdup(name);
	if (!path)
		path = "/bin:/usr/bin";
	for (;; path = end + 1) {
		end = strchrnul(path, ':');
		if (asprintf(&file, "%.*s%s%s", (int)(end - path), path,
			     end > path ? "/" : "", name) < 0)
			return NULL;
		if (!access(file, X_OK))
			return file;
		free(file);
		if (!*end)
			return NULL;
	}
}
