// SPDX-License-Identifier: BSD-2-Clause
#include "policy/program.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/real.h"

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The file's first bytes as a string; "" when it cannot be read. */
static void read_start(const char *path, char *text, size_t room)
{
	ssize_t got = -1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = real.read(fd, text, room - 1);
		real.close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
}

static void read_exe(struct program *program)
{
	static const char deleted[] = " (deleted)";
	size_t tail = strlen(deleted);
	ssize_t length;

	length = readlink("/proc/self/exe", program->path,
			  sizeof(program->path) - 1);
	program->path[length > 0 ? length : 0] = '\0';
	if (length > (ssize_t)tail &&
	    !strcmp(program->path + length - tail, deleted))
		program->path[length - (ssize_t)tail] = '\0';
}

void program_self(struct program *program)
{
	char argv0[PATH_MAX];
	int saved = errno;

	program->every = false;
	read_exe(program);
	read_start("/proc/self/comm", program->comm, sizeof(program->comm));
	program->comm[strcspn(program->comm, "\n")] = '\0';
	read_start("/proc/self/cmdline", argv0, sizeof(argv0));
	snprintf(program->argv0, sizeof(program->argv0), "%.255s",
		 last_part(argv0));
	errno = saved;
}

void program_named(struct program *program, const char *name)
{
	program->every = false;
	snprintf(program->path, sizeof(program->path), "%s", name);
	snprintf(program->comm, sizeof(program->comm), "%.15s",
		 last_part(name));
	snprintf(program->argv0, sizeof(program->argv0), "%.255s",
		 last_part(name));
}

bool program_matches(const struct program *program, const char *glob)
{
	const char *names[] = {
		program->path, last_part(program->path), program->comm,
		program->argv0,
	};

	if (program->every)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (*names[i] && !fnmatch(glob, names[i], 0))
			return true;
	}
	return false;
}
