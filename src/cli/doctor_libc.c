// SPDX-License-Identifier: BSD-2-Clause
/* Libraries as files of a target: found, mapped, and held to a C library. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"

#ifndef SHUNT_LIBDIR
#define SHUNT_LIBDIR "/usr/lib"
#endif

#define LINKS_MOST 8

#if defined(__x86_64__)
#define TRIPLET "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define TRIPLET "aarch64-linux-gnu"
#else
#define TRIPLET "."
#endif

/* Where the loader looks of itself: Debian's, Red Hat's, plain ones. */
static const char *const folders[] = {
	SHUNT_LIBDIR, "/usr/local/lib", "/lib/" TRIPLET, "/usr/lib/" TRIPLET,
	"/lib64", "/usr/lib64", "/lib", "/usr/lib",
};

/* musl's loader takes these for itself: load_library() in its dynlink.c. */
static const char *const musl_own[] = {
	"libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.",
	"libxnet.", "ld-musl",
};

int elf_open_at(const struct target *target, const char *path,
		struct image *image, struct elf *elf)
{
	int error, fd = target_open(target, path, O_RDONLY | O_NONBLOCK);

	image->bytes = NULL;
	if (fd < 0)
		return fd;
	error = image_map(fd, image);
	close(fd);
	if (!error && !elf_read(image, elf)) {
		image_unmap(image);
		error = -ENOEXEC;
	}
	return error;
}

static bool try_folder(const struct target *target, const char *folder,
		       int length, const char *name, char path[PATH_MAX])
{
	if (!length ||
	    snprintf(path, PATH_MAX, "%.*s/%s", length, folder, name) >=
	    PATH_MAX)
		return false;
	return target_has(target, path);
}

bool library_find(const struct target *target, const char *name,
		  char path[PATH_MAX])
{
	const char *list = target_variable(target, "LD_LIBRARY_PATH"), *end;

	for (; list && *list; list = end + (*end != '\0')) {
		end = strchrnul(list, ':');
		if (try_folder(target, list, (int)(end - list), name, path))
			return true;
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		if (try_folder(target, folders[i], (int)strlen(folders[i]),
			       name, path))
			return true;
	}
	*path = '\0';
	return false;
}

/* glibc installs its loader and libc.so.6 in one folder; links lead to it. */
static void beside_loader(const struct target *target, const char *loader,
			  char path[PATH_MAX])
{
	char here[PATH_MAX], next[PATH_MAX];
	const char *slash;
	int i;

	snprintf(here, sizeof(here), "%s", loader);
	for (i = 0; i < LINKS_MOST; i++) {
		target_follow(target, here, next);
		if (!strcmp(here, next))
			break;
		strcpy(here, next);
	}
	slash = strrchr(here, '/');
	if (!try_folder(target, here, slash ? (int)(slash - here) : 0,
			"libc.so.6", path))
		*path = '\0';
}

static void find_libc(const struct target *target, struct libc *libc)
{
	static const char *const names[] = {
		"libc.so.6", "libc-2.", "ld-musl",
	};
	const struct inspection *inspection = target->inspection;

	libc->path[0] = '\0';
	for (size_t i = 0; target->pid && i < 3; i++) {
		if (target_mapped(target, names[i], libc->path) > 0)
			return;
	}
	libc->path[0] = '\0';
	if (!inspection || !inspection->is_elf ||
	    !inspection->elf.interpreter)
		return;
	if (inspect_is_musl(&inspection->elf))
		snprintf(libc->path, sizeof(libc->path), "%s",
			 inspection->elf.interpreter);
	else
		beside_loader(target, inspection->elf.interpreter,
			      libc->path);
}

bool libc_open(const struct target *target, struct libc *libc)
{
	find_libc(target, libc);
	if (!libc->path[0] ||
	    elf_open_at(target, libc->path, &libc->image, &libc->elf))
		return false;
	libc->musl = strstr(libc->path, "/ld-musl") != NULL;
	return true;
}

/* "1.2.3" and the NUL behind it? */
static bool is_version(const char *at, size_t left)
{
	unsigned major, minor, patch;
	int length = 0;
	char text[16];

	if (left < sizeof(text) || (*at != '0' && *at != '1') || at[1] != '.')
		return false;
	memcpy(text, at, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	return sscanf(text, "%u.%u.%u%n", &major, &minor, &patch, &length) ==
	       3 && !text[length];
}

/* musl keeps its version for its loader's usage text alone, without a name. */
const char *libc_musl_version(const struct libc *libc)
{
	const char *bytes = libc->image.bytes, *at = bytes;
	size_t left = libc->image.size;

	while (left > 1 && (at = memchr(at, '\0', left - 1))) {
		at++;
		left = libc->image.size - (size_t)(at - bytes);
		if (is_version(at, left))
			return at;
	}
	return NULL;
}

void libc_close(struct libc *libc)
{
	image_unmap(&libc->image);
}

static bool is_musls(const char *name)
{
	for (size_t i = 0; i < sizeof(musl_own) / sizeof(*musl_own); i++) {
		if (!strncmp(name, musl_own[i], strlen(musl_own[i])))
			return true;
	}
	return false;
}

/* musl has no versions, and must have each symbol. */
static const char *loads_with_musl(const struct elf *library,
				   const struct libc *libc,
				   char why[FOUND_MAX])
{
	const struct elf *defining[] = { library, &libc->elf };
	const char *name;
	unsigned n;

	for (n = 0; (name = elf_needed(library, n)); n++) {
		if (is_musls(name))
			continue;
		if (strncmp(name, "ld-linux", strlen("ld-linux")))
			return NULL;	/* others may define the rest */
		snprintf(why, FOUND_MAX,
			 "it needs %.200s, which is glibc's", name);
		return why;
	}
	name = elf_missing_symbol(library, defining, 2);
	if (!name)
		return NULL;
	snprintf(why, FOUND_MAX, "it needs %.200s, which musl has not", name);
	return why;
}

const char *loads_with(const struct elf *library, const struct libc *libc,
		       char why[FOUND_MAX])
{
	const char *needed, *defined;

	if (libc->musl)
		return loads_with_musl(library, libc, why);
	needed = elf_missing_version(library, "libc.so.6", &libc->elf);
	if (!needed)
		return NULL;
	needed = elf_glibc_needed(library);
	defined = elf_glibc_defined(&libc->elf);
	snprintf(why, FOUND_MAX, "it needs %.60s, and %.300s has up to %.60s",
		 needed ? needed : "another libc", libc->path,
		 defined ? defined : "no version");
	return why;
}
