/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program's file: what the kernel would run, and what keeps a preload out
 * of it.
 */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include <limits.h>

#include "cli/elf.h"
#include "cli/target.h"

struct inspection {
	char path[PATH_MAX];	/* of a script, its interpreter's */
	bool script;
	int error;		/* 0 or -errno: it could not be read */
	const char *secure;	/* "set-user-ID" ...; NULL: it gains nothing */
	bool is_elf;		/* elf is filled */
	struct elf elf;
	struct image image;
};

/* The program of this path, as the target would run it. */
void inspect_path(const struct target *target, const char *path,
		  struct inspection *inspection);

/* The running process's own executable. */
void inspect_process(const struct target *target,
		     struct inspection *inspection);

void inspect_end(struct inspection *inspection);

/* Is the loader that it names musl's? */
bool inspect_is_musl(const struct elf *elf);

#endif
