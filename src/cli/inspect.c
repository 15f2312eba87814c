// SPDX-License-Identifier: BSD-2-Clause
/*
 * What keeps a preload out of a program: no dynamic loader, a loader that is
 * not glibc's or of another machine, Go (whose programs do not call libc),
 * and secure execution.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/preload.h"

#define SCRIPTS_MAX 4		/* interpreters that are scripts */
#define GO_BUILD_ID 4		/* the type of Go's own note */

#if __SIZEOF_POINTER__ == 8
#define OWN_CLASS ELFCLASS64
#else
#define OWN_CLASS ELFCLASS32
#endif

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_NONE
#endif

/* A file in memory. */
struct image {
	const char *bytes;
	size_t size;
};

/* What an executable's program headers say. */
struct elf {
	const char *interpreter;	/* NULL: static */
	bool go;
};

static bool map_file(const char *path, struct image *image)
{
	struct stat status;
	void *bytes = MAP_FAILED;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (!fstat(fd, &status) && S_ISREG(status.st_mode) &&
	    status.st_size > 0)
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ,
			     MAP_PRIVATE, fd, 0);
	close(fd);
	image->bytes = bytes;
	image->size = (size_t)status.st_size;
	return bytes != MAP_FAILED;
}

static void unmap(struct image *image)
{
	munmap((void *)image->bytes, image->size);
}

/* The image's bytes at an offset, or NULL when they are not all there. */
static const void *at(const struct image *image, uint64_t offset,
		      uint64_t size)
{
	if (offset > image->size || size > image->size - offset)
		return NULL;
	return image->bytes + offset;
}

static bool has_go_note(const char *notes, size_t size)
{
	ElfW(Nhdr) note;
	size_t step;

	while (size >= sizeof(note)) {
		memcpy(&note, notes, sizeof(note));
		step = sizeof(note) + ((note.n_namesz + 3u) & ~3u) +
		       ((note.n_descsz + 3u) & ~3u);
		if (step > size)
			return false;
		if (note.n_type == GO_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(notes + sizeof(note), "Go\0", 4))
			return true;
		notes += step;
		size -= step;
	}
	return false;
}

static void read_segment(const struct image *image,
			 const ElfW(Phdr) *segment, struct elf *elf)
{
	const char *bytes = at(image, segment->p_offset, segment->p_filesz);

	if (!bytes || !segment->p_filesz)
		return;
	if (segment->p_type == PT_INTERP &&
	    bytes[segment->p_filesz - 1] == '\0')
		elf->interpreter = bytes;
	else if (segment->p_type == PT_NOTE)
		elf->go |= has_go_note(bytes, segment->p_filesz);
}

static void read_segments(const struct image *image, struct elf *elf)
{
	ElfW(Ehdr) header;
	ElfW(Phdr) segment;
	const void *bytes;

	memcpy(&header, image->bytes, sizeof(header));
	for (unsigned i = 0; i < header.e_phnum; i++) {
		bytes = at(image, header.e_phoff + i * sizeof(segment),
			   sizeof(segment));
		if (!bytes)
			return;
		memcpy(&segment, bytes, sizeof(segment));
		read_segment(image, &segment, elf);
	}
}

static enum preload_verdict say(char why[PRELOAD_WHY_MAX],
				enum preload_verdict verdict, const char *path,
				const char *sentence)
{
	snprintf(why, PRELOAD_WHY_MAX, "%.300s %s", path, sentence);
	return verdict;
}

static enum preload_verdict inspect_elf(const char *path,
					const struct image *image,
					char why[PRELOAD_WHY_MAX])
{
	struct elf elf = { .interpreter = NULL };
	ElfW(Ehdr) header;

	memcpy(&header, image->bytes, sizeof(header));
	if (header.e_ident[EI_CLASS] != OWN_CLASS ||
	    header.e_machine != OWN_MACHINE)
		return say(why, PRELOAD_WARN, path, "is made for another "
			   "machine than the library: it stays on TCP");
	read_segments(image, &elf);
	if (elf.go)
		return say(why, PRELOAD_WARN, path, "is a Go program, and Go "
			   "programs do not use libc for their sockets: it "
			   "stays on TCP");
	if (!elf.interpreter)
		return say(why, PRELOAD_WARN, path, "is statically linked, so "
			   "nothing can be preloaded: it stays on TCP");
	if (strstr(elf.interpreter, "/ld-musl"))
		return say(why, PRELOAD_HARMS, path, "uses musl, and the "
			   "library is for glibc: it is run without");
	return PRELOAD_WORKS;
}

/* Would the kernel heed the file's set-id bits and capabilities? */
static bool may_gain(const char *path)
{
	struct statvfs status;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	return statvfs(path, &status) || !(status.f_flag & ST_NOSUID);
}

static bool is_secure(const char *path)
{
	struct stat status;

	if (stat(path, &status) || !may_gain(path))
		return false;
	if (status.st_mode & S_ISUID && status.st_uid != getuid())
		return true;
	if (status.st_mode & S_ISGID && status.st_mode & S_IXGRP &&
	    status.st_gid != getgid())
		return true;
	/* root has the file's capabilities anyway, and gains nothing */
	return getuid() &&
	       getxattr(path, "security.capability", NULL, 0) > 0;
}

/* "#! interpreter argument" -> the interpreter's path, allocated. */
static char *script_interpreter(const struct image *image)
{
	const char *c = image->bytes + 2, *end = image->bytes + image->size;
	const char *start;

	while (c < end && (*c == ' ' || *c == '\t'))
		c++;
	start = c;
	while (c < end && !strchr(" \t\r\n", *c))
		c++;
	return c > start ? strndup(start, (size_t)(c - start)) : NULL;
}

static enum preload_verdict inspect_file(const char *path, unsigned depth,
					 char why[PRELOAD_WHY_MAX]);

static enum preload_verdict inspect_script(const struct image *image,
					   unsigned depth,
					   char why[PRELOAD_WHY_MAX])
{
	enum preload_verdict verdict = PRELOAD_WORKS;
	char *interpreter = script_interpreter(image);

	if (interpreter && depth < SCRIPTS_MAX)
		verdict = inspect_file(interpreter, depth + 1, why);
	free(interpreter);
	return verdict;
}

static enum preload_verdict inspect_file(const char *path, unsigned depth,
					 char why[PRELOAD_WHY_MAX])
{
	enum preload_verdict verdict = PRELOAD_WORKS;
	struct image image;

	if (is_secure(path))
		return say(why, PRELOAD_WARN, path, "is set-id or has file "
			   "capabilities, so the loader drops the preload: it "
			   "stays on TCP");
	/* what cannot be read may well be run: exec has the last word */
	if (!map_file(path, &image))
		return PRELOAD_WORKS;
	if (image.size >= sizeof(ElfW(Ehdr)) &&
	    !memcmp(image.bytes, ELFMAG, SELFMAG))
		verdict = inspect_elf(path, &image, why);
	else if (image.size > 2 && !memcmp(image.bytes, "#!", 2))
		verdict = inspect_script(&image, depth, why);
	unmap(&image);
	return verdict;
}

enum preload_verdict preload_inspect(const char *path,
				     char why[PRELOAD_WHY_MAX])
{
	return inspect_file(path, 0, why);
}
