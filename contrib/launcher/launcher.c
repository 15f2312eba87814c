// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is called `shunt` in a bundle: a static program that becomes the
 * command beside it, shunt-command. The kernel can start that where glibc's
 * loader is; in an image of musl, musl's loader is given its path.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MUSL_LOADER "/lib/ld-musl-x86_64.so.1"
#elif defined(__aarch64__)
#define MUSL_LOADER "/lib/ld-musl-aarch64.so.1"
#else
#error "port me: the name of musl's loader"
#endif

#define COMMAND "shunt-command"
#define FAILED 125	/* as env(1): a failure of our own */

/* Without /proc: what we were called, of which links are not resolved. */
static void find_us(char path[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
	const char *called = (const char *)getauxval(AT_EXECFN);

	path[size > 0 ? size : 0] = '\0';
	if (size <= 0 && called && strlen(called) < PATH_MAX)
		strcpy(path, called);
}

static int fail(const char *path, const char *why)
{
	fprintf(stderr, "shunt: %s: %s\n", path, why);
	return FAILED;
}

int main(int argc, char **argv, char **envp)
{
	char **with_loader = calloc((size_t)argc + 3, sizeof(*argv));
	char path[PATH_MAX + sizeof(COMMAND)], *slash;

	if (!with_loader || argc < 1)
		return fail("shunt", strerror(with_loader ? EINVAL : ENOMEM));
	find_us(path);
	slash = strrchr(path, '/');
	strcpy(slash ? slash + 1 : path, COMMAND);
	if (access(path, F_OK))
		return fail(path, "not there, where the bundle has it");
	with_loader[0] = (char *)MUSL_LOADER;
	with_loader[1] = path;
	memcpy(with_loader + 2, argv + 1, (size_t)argc * sizeof(*argv));
	argv[0] = path;
	execve(path, argv, envp);
	if (errno == ENOENT)	/* its loader, then */
		execve(MUSL_LOADER, with_loader, envp);
	if (errno == ENOENT)
		return fail(path, "there is neither glibc's loader nor "
				  MUSL_LOADER " to run it with: are all "
				  "programs here static? Those cannot be "
				  "preloaded");
	return fail(path, strerror(errno));
}
