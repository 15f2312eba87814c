// SPDX-License-Identifier: BSD-2-Clause
/* Probes of a program's file: can anything be preloaded into it? */
#include <elf.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "cli/doctor.h"

#define PROXY \
	"put a dynamically linked proxy (haproxy, socat) under shunt before it, or take a build of it that is linked dynamically"

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void probe_program_file(const struct target *target,
			struct probe_result *result)
{
	const struct inspection *inspection = target->inspection;

	if (inspection->error == -ENODATA) {
		found(result, PROBE_WARN, "%s is empty, or no file",
		      inspection->path);
		remedy(result, "name the program's file");
	} else if (inspection->error) {
		found_unreadable(target, result, inspection->path[0] ?
				 inspection->path : "its executable",
				 inspection->error);
	} else if (!inspection->is_elf) {
		found(result, PROBE_WARN, "%s is no ELF file and no script",
		      inspection->path);
		remedy(result,
		       "name the program itself: a shell would run this file as a script of its own");
	} else if (inspection->script) {
		found(result, PROBE_OK, "%s, which runs the script %s",
		      inspection->path, target->program);
	} else {
		found(result, PROBE_OK, "%s", inspection->path);
	}
}

/* The file, if its headers were read; else says that it was not. */
static const struct elf *elf_of(const struct target *target,
				struct probe_result *result)
{
	const struct inspection *inspection = target->inspection;

	if (inspection->is_elf)
		return &inspection->elf;
	found(result, PROBE_WARN, "not known: the file could not be looked at");
	remedy(result, "see program.file");
	return NULL;
}

/* The same for what only a file of our own machine tells. */
static const struct elf *readable_elf(const struct target *target,
				      struct probe_result *result)
{
	const struct elf *elf = elf_of(target, result);

	if (elf && !elf->readable) {
		found(result, PROBE_WARN,
		      "not known: it is made for another machine");
		remedy(result, "see program.machine");
		return NULL;
	}
	return elf;
}

void probe_program_machine(const struct target *target,
			   struct probe_result *result)
{
	const struct elf *elf = elf_of(target, result);
	char theirs[ELF_MACHINE_MAX], ours[ELF_MACHINE_MAX];
	const char *machine;

	if (!elf)
		return;
	machine = elf_machine_name(elf->machine, theirs);
	if (elf->readable) {
		found(result, PROBE_OK, "%s, as the library", machine);
		return;
	}
	found(result, PROBE_FAIL, "%s, and the library is made for %s",
	      machine, elf_machine_name(OWN_MACHINE, ours));
	remedy(result, "build or install shunt for %s", machine);
}

void probe_program_linking(const struct target *target,
			   struct probe_result *result)
{
	const struct elf *elf = readable_elf(target, result);

	if (!elf)
		return;
	if (elf->interpreter) {
		found(result, PROBE_OK, "%s", elf->interpreter);
		return;
	}
	found(result, PROBE_FAIL,
	      "statically linked: nothing can be preloaded into it");
	remedy(result, PROXY);
}

void probe_program_language(const struct target *target,
			    struct probe_result *result)
{
	const struct elf *elf = readable_elf(target, result);

	if (!elf)
		return;
	if (elf->go) {
		found(result, PROBE_FAIL,
		      "a Go program: it makes the system calls itself");
		remedy(result,
		       "put a proxy that uses libc (haproxy, socat) under shunt before it");
		return;
	}
	found(result, PROBE_OK, "it is no Go program");
}

static void found_libc(struct probe_result *result, const struct libc *libc)
{
	const char *version = libc->musl ? libc_musl_version(libc) :
			      elf_glibc_defined(&libc->elf);

	if (libc->musl)
		found(result, PROBE_OK, "musl %s (%s)",
		      version ? version : "of some version", libc->path);
	else if (version)
		found(result, PROBE_OK, "glibc %s (%s)",
		      version + strlen("GLIBC_"), libc->path);
	else
		found(result, PROBE_WARN, "%s, which defines no GLIBC_ version",
		      libc->path);
	if (result->status != PROBE_OK)
		remedy(result,
		       "shunt knows glibc and musl; see preload.library for what this one lacks");
}

void probe_program_libc(const struct target *target,
			struct probe_result *result)
{
	const struct elf *elf = readable_elf(target, result);
	struct libc libc;

	if (!elf)
		return;
	if (!elf->interpreter) {
		found(result, PROBE_FAIL, "none that can be replaced");
		remedy(result, "see program.linking");
	} else if (libc_open(target, &libc)) {
		found_libc(result, &libc);
		libc_close(&libc);
	} else {
		found(result, PROBE_WARN,
		      "not known: there is no libc.so.6 beside %s",
		      elf->interpreter);
		remedy(result, "look what ldd(1) says of %s", target->program);
	}
}

/* AT_SECURE of a running process: 1, 0 or -errno. */
static int runs_secure(const struct target *target)
{
	FILE *file = target_proc(target, "auxv");
	unsigned long pair[2];
	int secure = 0;

	if (!file)
		return -errno;
	while (fread(pair, sizeof(pair), 1, file) == 1) {
		if (pair[0] == AT_SECURE)
			secure = pair[1] != 0;
	}
	fclose(file);
	return secure;
}

void probe_program_privilege(const struct target *target,
			     struct probe_result *result)
{
	const char *gains = target->inspection->secure;
	int secure = target->pid ? runs_secure(target) : gains != NULL;

	if (secure < 0) {
		found_unreadable(target, result, "its auxiliary vector",
				 secure);
	} else if (!secure) {
		found(result, PROBE_OK, "it gains no privilege when it starts");
	} else {
		found(result, PROBE_FAIL,
		      "%s: the loader drops LD_PRELOAD (AT_SECURE)",
		      gains ? gains : "it gained privileges when it started");
		remedy(result,
		       "take the bit or the capabilities off the file, and give them to the process that starts it (AmbientCapabilities= of systemd, setpriv --ambient-caps)");
	}
}

/* -- RTLD_DEEPBIND -------------------------------------------------------- */

static const struct deepbind {
	const char *pattern, *what, *when;
} users[] = {
#define DEEPBIND(pattern, what, when) { pattern, what, when },
#include "cli/deepbind.def"
#undef DEEPBIND
};

static const struct deepbind *find_user(const char *path)
{
	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
		if (!fnmatch(users[i].pattern, last_part(path), 0))
			return &users[i];
	}
	return NULL;
}

static bool keeps_deepbind(const struct target *target)
{
	const char *word = target_variable(target, "SHUNT_DEEPBIND");

	return word && !strcmp(word, "keep");
}

static void guess_deepbind(const struct target *target,
			   struct probe_result *result)
{
	const struct deepbind *user = find_user(target->inspection->path);

	if (!user) {
		found(result, PROBE_OK, "it is not known for it");
		return;
	}
	if (!keeps_deepbind(target)) {
		found(result, PROBE_OK,
		      "it loads %s so (%s): the library takes the flag off",
		      user->what, user->when);
		return;
	}
	found(result, PROBE_WARN,
	      "it loads %s so (%s), and SHUNT_DEEPBIND=keep: then all stays on TCP",
	      user->what, user->when);
	remedy(result, "take SHUNT_DEEPBIND out of its environment");
}

void probe_program_deepbind(const struct target *target,
			    struct probe_result *result)
{
	char list[FOUND_MAX] = "";
	int count;

	if (!target->pid) {
		guess_deepbind(target, result);
		return;
	}
	count = slots_elsewhere(target, list);
	if (count == -ENOENT) {
		found(result, PROBE_WARN,
		      "not known: libshunt.so is not loaded in it");
		remedy(result, "see preload.visible");
	} else if (count < 0) {
		found_unreadable(target, result, "its memory", count);
	} else if (!count) {
		found(result, PROBE_OK,
		      "every part of it calls the library");
	} else {
		found(result, PROBE_WARN, "they call libc directly: %s", list);
		remedy(result,
		       "take SHUNT_DEEPBIND out of its environment, or have it load them without dlmopen(); until then its connections stay on TCP");
	}
}
