// SPDX-License-Identifier: BSD-2-Clause
/* Probes of the preload: is libshunt.so there, and who comes with it? */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/preload.h"

#define LIBRARY "libshunt.so"
#define SYSTEM_WIDE "/etc/ld.so.preload"

/* What is preloaded: the variable's list, or the system's. */
struct list {
	char text[TARGET_TEXT_MAX];
	const char *at;
};

static void begin_variable(const struct target *target, struct list *list)
{
	const char *value = target_variable(target, "LD_PRELOAD");

	snprintf(list->text, sizeof(list->text), "%s", value ? value : "");
	list->at = list->text;
}

/* glibc takes both as separators here as well, and # for a comment. */
static void begin_system(const struct target *target, struct list *list)
{
	char *comment;

	if (target_text(target, SYSTEM_WIDE, list->text))
		list->text[0] = '\0';
	while ((comment = strchr(list->text, '#')))
		memset(comment, ' ', strcspn(comment, "\n"));
	list->at = list->text;
}

static bool next_entry(struct list *list, char entry[PATH_MAX])
{
	size_t length;

	list->at += strspn(list->at, ": \t\n");
	length = strcspn(list->at, ": \t\n");
	if (!length || length >= PATH_MAX)
		return false;
	snprintf(entry, PATH_MAX, "%.*s", (int)length, list->at);
	list->at += length;
	return true;
}

static bool is_ours(const char *entry)
{
	const char *slash = strrchr(entry, '/');

	return !strncmp(slash ? slash + 1 : entry, LIBRARY, strlen(LIBRARY));
}

/* A name without a slash is looked for as any library is. */
static void resolve(const struct target *target, char entry[PATH_MAX])
{
	char path[PATH_MAX];

	if (!strchr(entry, '/') && library_find(target, entry, path))
		strcpy(entry, path);
}

static bool ours_in(const struct target *target, struct list *list,
		    char path[PATH_MAX])
{
	while (next_entry(list, path)) {
		if (!is_ours(path))
			continue;
		resolve(target, path);
		return true;
	}
	return false;
}

/* Who names the library: "LD_PRELOAD", the file, or NULL. */
static const char *named_by(const struct target *target, char path[PATH_MAX])
{
	struct list list;

	begin_variable(target, &list);
	if (ours_in(target, &list, path))
		return "LD_PRELOAD";
	begin_system(target, &list);
	if (ours_in(target, &list, path))
		return SYSTEM_WIDE;
	return NULL;
}

bool doctor_library(const struct target *target, char path[PATH_MAX])
{
	char *beside;

	if (target->pid && target_mapped(target, LIBRARY, path) > 0)
		return true;
	if (named_by(target, path))
		return true;
	/* another process may see this command's own, too */
	beside = target->live || target->pid ? preload_library() : NULL;
	snprintf(path, PATH_MAX, "%s",
		 beside && target_has(target, beside) ? beside : "");
	free(beside);
	return *path != '\0';
}

/* The file system may forbid what the loader does: map it to run. */
static bool is_noexec(const struct target *target, const char *path)
{
	int fd = target_open(target, path, O_PATH);
	struct statvfs mount;
	bool noexec = false;

	if (fd < 0)
		return false;
	noexec = !fstatvfs(fd, &mount) && mount.f_flag & ST_NOEXEC;
	close(fd);
	return noexec;
}

static void found_no_library(struct probe_result *result, const char *path,
			     int error)
{
	found(result, PROBE_FAIL, "%s cannot be read: %s", path,
	      error == -ENOEXEC ? "it is no shared library" :
	      strerror(-error));
	if (error == -ENOENT)
		remedy(result,
		       "mount the folder that has it where the program runs, or correct the path");
	else if (error == -EACCES)
		remedy(result,
		       "make it and its folders readable for everybody (chmod a+rX)");
	else
		remedy(result, "install " LIBRARY " there anew");
}

/* It can be read; would it load? */
static void found_library(const struct target *target,
			  struct probe_result *result, const char *path,
			  const struct elf *elf)
{
	char why[FOUND_MAX], machine[ELF_MACHINE_MAX];
	const char *wrong = NULL, *needs;
	struct libc libc;

	if (!elf->readable) {
		found(result, PROBE_FAIL, "%s is made for %s", path,
		      elf_machine_name(elf->machine, machine));
		remedy(result, "install the build for this machine there");
		return;
	}
	if (is_noexec(target, path)) {
		found(result, PROBE_FAIL,
		      "%s lies on a file system mounted noexec", path);
		remedy(result,
		       "put it on one that is not, or mount that one without noexec");
		return;
	}
	if (libc_open(target, &libc)) {
		wrong = loads_with(elf, &libc, why);
		libc_close(&libc);
	}
	if (wrong) {
		found(result, PROBE_FAIL, "%s does not load there: %s", path,
		      wrong);
		remedy(result,
		       "do not preload it there (the program may not start), or take a bundle made for that C library");
		return;
	}
	needs = elf_glibc_needed(elf);
	found(result, PROBE_OK, "%s (%s)", path, needs ? needs : "no version");
}

void probe_preload_library(const struct target *target,
			   struct probe_result *result)
{
	char path[PATH_MAX];
	struct image image;
	struct stat status;
	struct elf elf;
	int error;

	if (!doctor_library(target, path)) {
		found(result, PROBE_FAIL, LIBRARY " is not found there");
		remedy(result, target->pid ?
		       "mount or copy the folder that has it to where the process sees it" :
		       "install it beside the command shunt, or name its path in LD_PRELOAD");
		return;
	}
	error = elf_open_at(target, path, &image, &elf);
	if (!error && !target_stat(target, path, &status) &&
	    !target_may(target, &status, R_OK))
		error = -EACCES;
	if (error)
		found_no_library(result, path, error);
	else
		found_library(target, result, path, &elf);
	image_unmap(&image);
}

/* Of a running process: its mappings know. */
static void look_into_process(const struct target *target,
			      struct probe_result *result)
{
	char path[PATH_MAX], named[PATH_MAX];
	int mapped = target_mapped(target, LIBRARY, path);
	const char *who = named_by(target, named);

	if (mapped < 0) {
		found_unreadable(target, result, "its list of mappings",
				 mapped);
	} else if (!mapped && who) {
		found(result, PROBE_FAIL, "%s names %s, and it is not loaded",
		      who, named);
		remedy(result,
		       "see what failed above, and what ld.so has written to its standard error");
	} else if (!mapped) {
		found(result, PROBE_FAIL, LIBRARY " is not loaded in it");
		remedy(result,
		       "start it again with `shunt run`, or with LD_PRELOAD=PATH/" LIBRARY);
	} else if (strstr(path, " (deleted)")) {
		found(result, PROBE_WARN,
		      "loaded, and its file has been replaced since: %s", path);
		remedy(result, "start the process again to have the new one");
	} else {
		found(result, PROBE_OK, "loaded: %s", path);
	}
}

/* /etc/ld.so.preload is glibc's alone. */
static bool reads_system_wide(const struct target *target)
{
	const struct inspection *inspection = target->inspection;

	return !inspection || !inspection->is_elf ||
	       !inspect_is_musl(&inspection->elf);
}

void probe_preload_visible(const struct target *target,
			   struct probe_result *result)
{
	char path[PATH_MAX];
	const char *who;

	if (target->pid) {
		look_into_process(target, result);
		return;
	}
	who = named_by(target, path);
	if (who && *who == '/' && !reads_system_wide(target)) {
		found(result, PROBE_FAIL,
		      "only " SYSTEM_WIDE " names it, which musl does not read");
		remedy(result, "set LD_PRELOAD=%s", path);
	} else if (who) {
		found(result, PROBE_OK, "%s names it", who);
	} else {
		found(result, PROBE_WARN,
		      "neither LD_PRELOAD nor " SYSTEM_WIDE " names " LIBRARY);
		remedy(result,
		       "start programs with `shunt run`, or set LD_PRELOAD to its path");
	}
}

/* -- others --------------------------------------------------------------- */

/* What is known of the others while the lists are walked. */
struct others {
	char names[FOUND_MAX], takers[FOUND_MAX], missing[FOUND_MAX];
	unsigned count;
};

static void look_at_other(const struct target *target, char *entry,
			  struct others *others)
{
	struct image image;
	struct elf elf;

	resolve(target, entry);
	others->count++;
	list_add(others->names, "%s", entry);
	if (elf_open_at(target, entry, &image, &elf)) {
		list_add(others->missing, "%s", entry);
		return;
	}
	if (elf_defines(&elf, "connect") || elf_defines(&elf, "poll") ||
	    elf_defines(&elf, "epoll_wait"))
		list_add(others->takers, "%s", entry);
	image_unmap(&image);
}

static void look_at_list(const struct target *target, struct list *list,
			 struct others *others)
{
	char entry[PATH_MAX];

	while (next_entry(list, entry)) {
		if (!is_ours(entry))
			look_at_other(target, entry, others);
	}
}

void probe_preload_others(const struct target *target,
			  struct probe_result *result)
{
	struct others others = { .count = 0 };
	struct list list;

	begin_variable(target, &list);
	look_at_list(target, &list, &others);
	begin_system(target, &list);
	look_at_list(target, &list, &others);
	if (others.takers[0]) {
		found(result, PROBE_WARN, "they take over socket calls too: %s",
		      others.takers);
		remedy(result,
		       "preload one of them alone; where both must be, libshunt.so first");
	} else if (others.missing[0]) {
		found(result, PROBE_WARN, "they cannot be read: %s",
		      others.missing);
		remedy(result,
		       "take them out of the list, or put the files there");
	} else {
		found(result, PROBE_OK, "%s",
		      others.count ? others.names : "nothing");
	}
}
