/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For shunt doctor's unit tests: a target whose files lie in a folder that the
 * test fills. It ends with the test's process; the folder with fixture_end().
 */
#ifndef UNIT_DOCTOR_HELP_H
#define UNIT_DOCTOR_HELP_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/real.h"
#include "cli/doctor.h"

static char folder[64];
static char proc_folder[80];
static struct target target;
static struct probe_result result;
static struct inspection inspection;
static struct rulebook rulebook;

/* What /proc/self has of an ordinary root. */
#define STATUS_ROOT \
	"Name:\tredis\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0 \n" \
	"VmPin:\t       0 kB\nCapEff:\t000001ffffffffff\nNoNewPrivs:\t0\n" \
	"Seccomp:\t0\nSeccomp_filters:\t0\n"
#define STATUS_USER \
	"Name:\tredis\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\n" \
	"Groups:\t1000 44 \nVmPin:\t     288 kB\nCapEff:\t0000000000000000\n" \
	"NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t3\n"
#define FULL_MAP "         0          0 4294967295"

static inline void inside(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s%s", folder, name);
}

static inline void make_folders(const char *path)
{
	char part[PATH_MAX], *slash;

	snprintf(part, sizeof(part), "%s", path);
	for (slash = strchr(part + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, 0755);
		*slash = '/';
	}
}

/* A file with bytes; its folders are made. */
static inline void put_bytes(const char *name, const void *bytes, size_t size)
{
	char path[PATH_MAX];
	int fd;

	inside(path, name);
	make_folders(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static inline void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static inline void put_link(const char *name, const char *to)
{
	char path[PATH_MAX];

	inside(path, name);
	make_folders(path);
	cr_assert_eq(symlink(to, path), 0, "%s", path);
}

static inline void put_folder(const char *name)
{
	char path[PATH_MAX];

	inside(path, name);
	make_folders(path);
	mkdir(path, 0755);
}

/* A copy of a file of the host. */
static inline void put_copy(const char *name, const char *from)
{
	struct image image;
	int fd = open(from, O_RDONLY);

	cr_assert_geq(fd, 0, "%s", from);
	cr_assert_eq(image_map(fd, &image), 0);
	put_bytes(name, image.bytes, image.size);
	image_unmap(&image);
	close(fd);
}

/* Root, no environment, no limits; more comes from the test. */
static inline void fixture_begin(void)
{
	real_init();
	strcpy(folder, "/tmp/shunt-doctor.XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(proc_folder, sizeof(proc_folder), "%s/proc/self", folder);
	put("/proc/self/status", STATUS_ROOT);
	put("/proc/self/uid_map", FULL_MAP "\n");
	put("/proc/self/environ", "");
	put("/proc/self/limits",
	    "Limit                     Soft Limit           Hard Limit           Units     \n"
	    "Max open files            1048576              1048576              files     \n"
	    "Max locked memory         unlimited            unlimited            bytes     \n");
	target = (struct target){
		.root = folder, .proc = proc_folder, .host = folder,
	};
}

static inline int remove_entry(const char *path, const struct stat *status,
			       int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void fixture_end(void)
{
	if (target.environment)
		target_free(&target);
	if (target.rulebook)
		rulebook_free(&rulebook);
	inspect_end(&inspection);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* The files are there: read what the command reads before it asks. */
static inline void fixture_read(void)
{
	target_read(&target);
	if (target.program) {
		inspect_path(&target, target.program, &inspection);
		target.inspection = &inspection;
	}
	rulebook_load(&target, &rulebook);
	target.rulebook = &rulebook;
}

static inline const struct probe *find_probe(const char *id)
{
	int i;

	for (i = 0; i < probe_count; i++) {
		if (!strcmp(probes[i].id, id))
			return &probes[i];
	}
	cr_assert_fail("no probe is called %s", id);
	return NULL;
}

/* Ask one probe, and hold its answer against what it should be. */
static inline void ask(const char *id, enum probe_status status)
{
	result = (struct probe_result){ .status = PROBE_OK };
	probe_ask(find_probe(id), &target, &result);
	cr_assert_eq(result.status, status, "%s: %s: %s", id,
		     probe_status_name(result.status), result.found);
	cr_assert_neq(result.found[0], '\0', "%s", id);
	cr_assert_eq(result.remedy[0] == '\0', status == PROBE_OK, "%s: %s",
		     id, result.remedy);
}

static inline void finds(const char *text)
{
	cr_assert_not_null(strstr(result.found, text), "no \"%s\": %s", text,
			   result.found);
}

static inline void advises(const char *text)
{
	cr_assert_not_null(strstr(result.remedy, text), "no \"%s\": %s", text,
			   result.remedy);
}

static inline void details(const char *text)
{
	cr_assert_not_null(strstr(result.details, text), "no \"%s\": %s", text,
			   result.details);
}

#endif
