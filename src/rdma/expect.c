// SPDX-License-Identifier: BSD-2-Clause
/*
 * What can be known of the device without loading the runtime: a process that
 * listens and forks, or drops its privileges, must not have opened it before.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/real.h"
#include "rdma/device.h"
#include "rdma/runtime.h"

#define SYSFS "/sys/class/infiniband"
#define PATH_SIZE 512
#define GIDS_UNUSED 32	/* so many in a row, and no more are looked for */

enum reason rdma_expect(void)
{
	const char *named = getenv("SHUNT_RDMA_LIBRARY");
	int saved = errno;
	enum reason reason = REASON_none;

	if (runtime_loaded())
		return rdma_open();
	if (named && *named) {	/* a runtime that may not need a device */
		if (faccessat(AT_FDCWD, named, R_OK, AT_EACCESS) != 0)
			reason = REASON_no_rdma_core;
	} else {
		reason = device_in_kernel();
		if (reason == REASON_none)
			reason = device_nodes();
	}
	if (reason == REASON_none)
		reason = device_memlock();
	errno = saved;
	return reason;
}

struct links {
	char (*names)[RDMA_LINK_SIZE];
	int count, most;
};

static void add(struct links *links, const char *name)
{
	int i;

	for (i = 0; i < links->count; i++)
		if (!strcmp(links->names[i], name))
			return;
	if (links->count == links->most || strlen(name) >= RDMA_LINK_SIZE)
		return;
	strcpy(links->names[links->count++], name);
}

/* Call `visit` for each entry of a folder of sysfs. */
static void each(const char *path,
		 void (*visit)(const char *path, const char *name,
			       struct links *links),
		 struct links *links)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			visit(path, entry->d_name, links);
	closedir(directory);
}

static void add_entry(const char *path, const char *name, struct links *links)
{
	(void)path;
	add(links, name);
}

/* False: it is too long for a path of sysfs. */
static bool join(char path[PATH_SIZE], const char *folder, const char *name,
		 const char *rest)
{
	int size = snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, rest);

	return size > 0 && size < PATH_SIZE;
}

/* A file with a name in it: the link of one GID. False: it has none. */
static bool add_gid(const char *path, unsigned index, struct links *links)
{
	char file[PATH_SIZE], name[16], text[64];
	ssize_t got;
	int fd;

	snprintf(name, sizeof(name), "%u", index);
	if (!join(file, path, name, ""))
		return false;
	fd = real.open(file, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	got = real.read(fd, text, sizeof(text) - 1);
	real.close(fd);
	if (got <= 1)
		return false;	/* unused, or of another network namespace */
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	add(links, text);
	return true;
}

/* The table has up to a thousand places, and the first free one is taken. */
static void add_port(const char *path, const char *name, struct links *links)
{
	unsigned index, used = 0;
	char gids[PATH_SIZE];

	if (!join(gids, path, name, "/gid_attrs/ndevs"))
		return;
	for (index = 0; index < used + GIDS_UNUSED; index++)
		if (add_gid(gids, index, links))
			used = index + 1;
}

static void add_device(const char *path, const char *name, struct links *links)
{
	char at[PATH_SIZE];

	if (join(at, path, name, "/ports"))
		each(at, add_port, links);
	if (join(at, path, name, "/device/net"))
		each(at, add_entry, links);
}

int rdma_links(char names[][RDMA_LINK_SIZE], int most)
{
	struct links links = { .names = names, .most = most };
	int saved = errno;

	each(SYSFS, add_device, &links);
	errno = saved;
	return links.count;
}
