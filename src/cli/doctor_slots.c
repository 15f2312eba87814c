// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which objects of a running process have libc's socket calls where the
 * loader should have put the library's: those loaded with RTLD_DEEPBIND, or
 * into another namespace by dlmopen(3). Their slots are read from its memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/doctor.h"

#define LIBRARY "/libshunt.so"

static const char *const calls[] = {
	"connect", "accept", "accept4", "send", "recv", "sendmsg", "recvmsg",
	"sendto", "recvfrom", "poll", "epoll_wait", "select",
};

/* libc's own parts call each other directly, with or without us. */
static const char *const own[] = {
	"/ld-linux", "/ld-musl", "/libc.so", "/libc-2", "/libpthread",
	"/librt", "/libdl", "/libresolv", "/libnss_", "/libanl", LIBRARY,
};

struct mapping {
	uint64_t start, end, offset;
	char *path;
};

struct mappings {
	struct mapping *list;
	size_t count;
	int memory;		/* /proc/PID/mem */
};

/* One object while its slots are looked at. */
struct search {
	const struct mappings *mappings;
	const struct mapping *object;
	uint64_t base;
	const char *call;	/* the one found elsewhere, or NULL */
	const struct mapping *where;
};

static const char *last_part(const char *path)
{
	return strrchr(path, '/') + 1;
}

static void add_line(struct mappings *mappings, const char *line)
{
	unsigned long long start, end, offset;
	const char *path = strchr(line, '/');
	struct mapping *grown;

	if (!path ||
	    sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) != 3)
		return;
	grown = reallocarray(mappings->list, mappings->count + 1,
			     sizeof(*grown));
	if (!grown)
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	mappings->list = grown;
	grown[mappings->count++] = (struct mapping){
		.start = start, .end = end, .offset = offset,
		.path = strndup(path, strcspn(path, "\n")),
	};
}

static int read_mappings(const struct target *target,
			 struct mappings *mappings)
{
	FILE *file = target_proc(target, "maps");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0)
		add_line(mappings, line);
	free(line);
	fclose(file);
	return 0;
}

static void free_mappings(struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++)
		free(mappings->list[i].path);
	free(mappings->list);
	if (mappings->memory >= 0)
		close(mappings->memory);
}

static const struct mapping *mapping_at(const struct mappings *mappings,
					uint64_t address)
{
	for (size_t i = 0; i < mappings->count; i++) {
		if (address >= mappings->list[i].start &&
		    address < mappings->list[i].end)
			return &mappings->list[i];
	}
	return NULL;
}

static bool is_library(const struct mapping *mapping)
{
	return strstr(mapping->path, LIBRARY) != NULL;
}

static bool is_own(const struct mapping *mapping)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		if (strstr(mapping->path, own[i]))
			return true;
	}
	return false;
}

static bool is_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (!strcmp(name, calls[i]))
			return true;
	}
	return false;
}

/* A slot whose call has not been made yet still leads into its own object. */
static bool look_at_slot(void *arg, const char *name, uint64_t offset)
{
	struct search *search = arg;
	const struct mapping *where;
	uint64_t address = 0;

	if (!is_call(name) ||
	    pread(search->mappings->memory, &address, sizeof(address),
		  (off_t)(search->base + offset)) != sizeof(address))
		return false;
	where = mapping_at(search->mappings, address);
	if (!where || is_library(where) ||
	    !strcmp(where->path, search->object->path))
		return false;
	search->call = name;
	search->where = where;
	return true;
}

/* True: the object calls elsewhere, and is on the list now. */
static bool look_at_object(const struct target *target,
			   const struct mappings *mappings,
			   const struct mapping *object, char list[FOUND_MAX])
{
	struct search search = { .mappings = mappings, .object = object };
	struct image image;
	struct elf elf;

	if (elf_open_at(target, object->path, &image, &elf))
		return false;
	search.base = elf.position_independent ? object->start : 0;
	elf_each_slot(&elf, look_at_slot, &search);
	if (search.call)
		list_add(list, "%s (%s is %s's)", last_part(object->path),
			 search.call, last_part(search.where->path));
	image_unmap(&image);
	return search.call != NULL;
}

static bool has_library(const struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++) {
		if (is_library(&mappings->list[i]))
			return true;
	}
	return false;
}

static int look_at_all(const struct target *target, struct mappings *mappings,
		       char list[FOUND_MAX])
{
	const struct mapping *mapping = mappings->list;
	char path[PATH_MAX];
	int count = 0;

	if (!has_library(mappings))
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/mem", target->proc);
	mappings->memory = open(path, O_RDONLY | O_CLOEXEC);
	if (mappings->memory < 0)
		return -errno;
	for (size_t i = 0; i < mappings->count; i++, mapping++) {
		if (mapping->offset == 0 && !is_own(mapping))
			count += look_at_object(target, mappings, mapping,
						list);
	}
	return count;
}

int slots_elsewhere(const struct target *target, char list[FOUND_MAX])
{
	struct mappings mappings = { .memory = -1 };
	int result = read_mappings(target, &mappings);

	if (!result)
		result = look_at_all(target, &mappings, list);
	free_mappings(&mappings);
	return result;
}
