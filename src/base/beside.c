// SPDX-License-Identifier: BSD-2-Clause
#include "base/beside.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The loader knows the command that PATH has found by its bare name. */
static bool find_us(char path[PATH_MAX])
{
	Dl_info info;
	ssize_t size;

	if (dladdr((void *)&beside_us, &info) && info.dli_fname &&
	    strchr(info.dli_fname, '/'))
		return realpath(info.dli_fname, path) != NULL;
	size = readlink("/proc/self/exe", path, PATH_MAX - 1);
	path[size > 0 ? size : 0] = '\0';
	return size > 0;
}

bool beside_us(char path[PATH_MAX], const char *name)
{
	int saved = errno;
	bool found = find_us(path);
	char *end;

	errno = saved;
	if (!found)
		return false;
	end = strrchr(path, '/') + 1;
	if (strlen(name) >= (size_t)(path + PATH_MAX - end))
		return false;
	strcpy(end, name);
	return true;
}
