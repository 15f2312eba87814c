// SPDX-License-Identifier: BSD-2-Clause
/*
 * What keeps a preload out of a program: no dynamic loader, one that is
 * neither glibc's nor musl's, or of another machine, Go (whose programs do not
 * call libc), and secure execution.
 */
#include "cli/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/preload.h"

#define SCRIPTS_MAX 4		/* interpreters that are scripts */
#define DELETED " (deleted)"	/* the kernel's word: the file was replaced */

/* What exec(2) of the file would gain; the kernel's bprm_fill_uid(). */
static const char *secure_of(const struct target *target, int fd)
{
	const struct identity *identity = &target->identity;
	struct statvfs mount;
	struct stat status;
	char path[32];

	if (identity->no_new_privs || fstat(fd, &status) ||
	    (!fstatvfs(fd, &mount) && mount.f_flag & ST_NOSUID))
		return NULL;
	if (status.st_mode & S_ISUID && status.st_uid != identity->uid)
		return "set-user-ID";
	if (status.st_mode & S_ISGID && status.st_mode & S_IXGRP &&
	    status.st_gid != identity->gid)
		return "set-group-ID";
	/* by its number's path, because the fd may be an O_PATH one */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* root has the file's capabilities anyway, and gains nothing */
	if (identity->uid && getxattr(path, "security.capability", NULL, 0) > 0)
		return "file capabilities";
	return NULL;
}

/* "#! interpreter argument" -> the interpreter's path; false: there is none. */
static bool script_interpreter(const struct image *image, char path[PATH_MAX])
{
	const char *c = image->bytes + 2, *end = image->bytes + image->size;
	const char *start;

	while (c < end && (*c == ' ' || *c == '\t'))
		c++;
	start = c;
	while (c < end && !strchr(" \t\r\n", *c))
		c++;
	if (c == start || c - start >= PATH_MAX)
		return false;
	snprintf(path, PATH_MAX, "%.*s", (int)(c - start), start);
	return true;
}

/* One file. True: it is a script, and inspection->path its interpreter. */
static bool inspect_one(const struct target *target, int fd,
			struct inspection *inspection)
{
	bool script = false;

	inspection->secure = secure_of(target, fd);
	inspection->error = image_map(fd, &inspection->image);
	if (inspection->error)
		return false;
	inspection->is_elf = elf_read(&inspection->image, &inspection->elf);
	if (!inspection->is_elf && inspection->image.size > 2 &&
	    !memcmp(inspection->image.bytes, "#!", 2))
		script = script_interpreter(&inspection->image,
					    inspection->path);
	if (script)
		image_unmap(&inspection->image);
	inspection->script |= script;
	return script;
}

void inspect_path(const struct target *target, const char *path,
		  struct inspection *inspection)
{
	unsigned depth = 0;
	struct stat status;
	bool again;
	int fd;

	*inspection = (struct inspection){ .error = 0 };
	snprintf(inspection->path, sizeof(inspection->path), "%s", path);
	do {
		fd = target_open(target, inspection->path,
				 O_RDONLY | O_NONBLOCK);
		/* what cannot be read may well be run */
		if (fd == -EACCES)
			fd = target_open(target, inspection->path, O_PATH);
		if (fd < 0) {
			inspection->error = fd;
			return;
		}
		again = inspect_one(target, fd, inspection);
		if (inspection->error == -EBADF)	/* the O_PATH one */
			inspection->error = fstat(fd, &status) ? -errno :
					    -EACCES;
		close(fd);
	} while (again && depth++ < SCRIPTS_MAX);
}

void inspect_process(const struct target *target,
		     struct inspection *inspection)
{
	char link[PATH_MAX];
	ssize_t length;
	int fd;

	*inspection = (struct inspection){ .error = 0 };
	snprintf(link, sizeof(link), "%s/exe", target->proc);
	length = readlink(link, inspection->path,
			  sizeof(inspection->path) - 1);
	inspection->path[length > 0 ? length : 0] = '\0';
	if (length > (ssize_t)strlen(DELETED) &&
	    !strcmp(inspection->path + length - strlen(DELETED), DELETED))
		inspection->path[length - (ssize_t)strlen(DELETED)] = '\0';
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		inspection->error = -errno;
		return;
	}
	inspect_one(target, fd, inspection);
	close(fd);
}

void inspect_end(struct inspection *inspection)
{
	image_unmap(&inspection->image);
}

bool inspect_is_musl(const struct elf *elf)
{
	return elf->interpreter && strstr(elf->interpreter, "/ld-musl");
}

static enum preload_verdict say(char why[PRELOAD_WHY_MAX],
				enum preload_verdict verdict, const char *path,
				const char *sentence)
{
	snprintf(why, PRELOAD_WHY_MAX, "%.300s %s", path, sentence);
	return verdict;
}

static enum preload_verdict judge_elf(const char *path, const struct elf *elf,
				      char why[PRELOAD_WHY_MAX])
{
	if (!elf->readable)
		return say(why, PRELOAD_WARN, path, "is made for another "
			   "machine than the library: it stays on TCP");
	if (elf->go)
		return say(why, PRELOAD_WARN, path, "is a Go program, and Go "
			   "programs do not use libc for their sockets: it "
			   "stays on TCP");
	if (!elf->interpreter)
		return say(why, PRELOAD_WARN, path, "is statically linked, so "
			   "nothing can be preloaded: it stays on TCP");
	if (strstr(elf->interpreter, "/ld-uClibc") ||
	    strstr(elf->interpreter, "/linker"))
		return say(why, PRELOAD_HARMS, path, "has another C library, "
			   "and this one is for glibc and musl: it is run "
			   "without");
	return PRELOAD_WORKS;
}

enum preload_verdict preload_inspect(const char *path,
				     char why[PRELOAD_WHY_MAX])
{
	enum preload_verdict verdict = PRELOAD_WORKS;
	struct inspection inspection;
	struct target here;

	target_here(&here, NULL);
	inspect_path(&here, path, &inspection);
	if (inspection.secure)
		verdict = say(why, PRELOAD_WARN, inspection.path, "is set-id "
			      "or has file capabilities, so the loader drops "
			      "the preload: it stays on TCP");
	/* exec has the last word on what cannot be read, or is no ELF file */
	else if (inspection.is_elf)
		verdict = judge_elf(inspection.path, &inspection.elf, why);
	inspect_end(&inspection);
	target_free(&here);
	return verdict;
}
