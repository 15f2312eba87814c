/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the library lies, and what keeps it out of a program. */
#ifndef CLI_PRELOAD_H
#define CLI_PRELOAD_H

#include <stddef.h>

/* libshunt.so's absolute path, or NULL. Found near the command first. */
char *preload_library(void);

/* Put the library first in LD_PRELOAD, keeping what is there. */
void preload_set(const char *library);

/* The file that execvp(3) would run, or NULL. */
char *preload_find_program(const char *name);

enum preload_verdict {
	PRELOAD_WORKS,
	PRELOAD_WARN,	/* it will be passed over: say so and go on */
	PRELOAD_HARMS,	/* the loader would end the program: leave it out */
};

#define PRELOAD_WHY_MAX 512

/* Can the library get into this file's process? If not, why. */
enum preload_verdict preload_inspect(const char *path,
				     char why[PRELOAD_WHY_MAX]);

#endif
