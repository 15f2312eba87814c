// SPDX-License-Identifier: BSD-2-Clause
/* Probes of the RDMA runtime; rdma/runtime.c says which one is taken. */
#include <errno.h>
#include <string.h>

#include "base/whole.h"
#include "cli/doctor.h"

#ifndef SHUNT_LIBDIR
#define SHUNT_LIBDIR "/usr/lib"
#endif

#define BUNDLED "libshunt-rdma.so"
#define SYSTEM "librdmacm.so.1"

static bool beside_library(const struct target *target, char path[PATH_MAX])
{
	char library[PATH_MAX];
	char *slash;

	if (!doctor_library(target, library))
		return false;
	slash = strrchr(library, '/');
	if (!slash || slash - library + sizeof("/" BUNDLED) > PATH_MAX)
		return false;
	*slash = '\0';
	snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 32, library, BUNDLED);
	return target_has(target, path);
}

/* The file that it would load, in the order of runtime_load(). */
static bool find_runtime(const struct target *target, char path[PATH_MAX])
{
	const char *named = target_variable(target, "SHUNT_RDMA_LIBRARY");

	if (target->live && *rdma_runtime_path())
		named = rdma_runtime_path();
	if (target->pid && (target_mapped(target, BUNDLED, path) > 0 ||
			    target_mapped(target, SYSTEM, path) > 0))
		return true;
	if (named && *named) {
		snprintf(path, PATH_MAX, "%s", named);
		return true;
	}
	if (beside_library(target, path))
		return true;
	snprintf(path, PATH_MAX, "%s", SHUNT_LIBDIR "/" BUNDLED);
	return target_has(target, path) || library_find(target, SYSTEM, path);
}

static void found_none(struct probe_result *result)
{
	found(result, PROBE_FAIL,
	      "there is no " BUNDLED " beside libshunt.so, and no " SYSTEM);
	remedy(result,
	       "put " BUNDLED " (contrib/bundle makes it) beside libshunt.so");
}

/* Does the program's C library suit it? Else says so. */
static bool suits(const struct target *target, struct probe_result *result,
		  const char *path, const struct elf *elf)
{
	const char *wrong = NULL;
	char why[FOUND_MAX];
	struct libc libc;

	if (libc_open(target, &libc)) {
		wrong = loads_with(elf, &libc, why);
		libc_close(&libc);
	}
	if (!wrong)
		return true;
	found(result, PROBE_FAIL, "%s does not load there: %s", path, wrong);
	remedy(result,
	       "take the bundle of this release, which is for glibc 2.17 and newer and for musl, or a newer image");
	return false;
}

/* What the loader itself says, where this command may ask it. */
static bool loads_here(const struct target *target,
		       struct probe_result *result)
{
	enum reason reason = target->live ? rdma_open() : REASON_none;

	/* runtime.version has the other cause */
	if (reason != REASON_no_rdma_core && reason != REASON_runtime_broken)
		return true;
	found(result, PROBE_FAIL, "%s", *rdma_trouble() ? rdma_trouble() :
	      rdma_runtime_news());
	remedy(result,
	       "put the " BUNDLED " of this release (contrib/bundle makes it) beside libshunt.so");
	return false;
}

void probe_runtime_file(const struct target *target,
			struct probe_result *result)
{
	char path[PATH_MAX], machine[ELF_MACHINE_MAX];
	struct image image;
	struct elf elf;
	int error;

	if (target->live)
		rdma_open();	/* so that its path is known */
	if (!find_runtime(target, path)) {
		found_none(result);
		return;
	}
	error = elf_open_at(target, path, &image, &elf);
	if (error) {
		found(result, PROBE_FAIL, "%s cannot be read: %s", path,
		      error == -ENOEXEC ? "it is no shared library" :
		      strerror(-error));
		remedy(result,
		       "put " BUNDLED " beside libshunt.so, readable for everybody");
	} else if (!elf.readable) {
		found(result, PROBE_FAIL, "%s is made for %s", path,
		      elf_machine_name(elf.machine, machine));
		remedy(result, "install the build for this machine there");
	} else if (suits(target, result, path, &elf) &&
		   loads_here(target, result)) {
		found(result, PROBE_OK, "%s", path);
	}
	image_unmap(&image);
}

/* rdma-core's own file names end in ".so.1.3.65.0": its version. */
static const char *version_of_name(const struct target *target,
				   const char *path, char next[PATH_MAX])
{
	char here[PATH_MAX];
	const char *at;
	int i;

	snprintf(next, PATH_MAX, "%s", path);
	for (i = 0; i < 8; i++) {
		strcpy(here, next);
		target_follow(target, here, next);
	}
	at = strstr(next, ".so.1.");
	at = at ? strchr(at + strlen(".so.1."), '.') : NULL;
	return at ? at + 1 : NULL;
}

static void found_version(const struct target *target,
			  struct probe_result *result, const char *path,
			  const struct elf *elf)
{
	const char *version = elf_string(elf, "shunt_rdma_core_version");
	char name[PATH_MAX];

	if (!version)
		version = version_of_name(target, path, name);
	if (!elf_defines(elf, "repoll_create")) {
		found(result, PROBE_FAIL, "%s is older than rdma-core 65%s%s",
		      path, version ? ": " : "", version ? version : "");
		remedy(result,
		       "put " BUNDLED " (contrib/bundle makes it) beside libshunt.so; older rsockets lose data");
	} else if (version) {
		found(result, PROBE_OK, "rdma-core %s", version);
	} else {
		found(result, PROBE_OK, "it has what rdma-core 65 brought");
	}
}

void probe_runtime_version(const struct target *target,
			   struct probe_result *result)
{
	char path[PATH_MAX];
	struct image image;
	struct elf elf;

	if (target->live)
		rdma_open();
	if (target->live && find_runtime(target, path) && !whole_file(path)) {
		found(result, PROBE_FAIL, "not known: the file is cut off");
		remedy(result, "see runtime.file");
		return;
	}
	if (find_runtime(target, path) &&
	    !elf_open_at(target, path, &image, &elf)) {
		found_version(target, result, path, &elf);
		image_unmap(&image);
		return;
	}
	found(result, PROBE_FAIL, "not known: there is none");
	remedy(result, "see runtime.file");
}

void doctor_providers(const struct target *target, struct probe_result *result)
{
	const char *list = NULL;
	char path[PATH_MAX];
	struct image image;
	struct elf elf;

	if (doctor_has_opened(target, path)) {
		found(result, PROBE_OK, "it has opened %s", path);
		return;
	}
	if (!find_runtime(target, path) ||
	    elf_open_at(target, path, &image, &elf)) {
		found(result, PROBE_FAIL, "not known: there is no runtime");
		remedy(result, "see runtime.file");
		return;
	}
	list = elf_string(&elf, "shunt_rdma_providers");
	found(result, PROBE_OK, "it has no device open; %s brings %s", path,
	      list ? list : "those of /etc/libibverbs.d");
	image_unmap(&image);
}
