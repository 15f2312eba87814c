/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program is called: a rule's `program` patterns are tried against
 * each of its names. Preserves errno; no stdio.
 */
#ifndef POLICY_PROGRAM_H
#define POLICY_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

#define PROGRAM_COMM_MAX 16
#define PROGRAM_ARGV0_MAX 256

struct program {
	char path[PATH_MAX];	/* of the executable */
	char comm[PROGRAM_COMM_MAX];
	char argv0[PROGRAM_ARGV0_MAX];	/* its last component */
	bool every;		/* every pattern matches (for `explain`) */
};

/* The calling process, as /proc has it. What cannot be read is "". */
void program_self(struct program *program);

/* A program that is not running, by its path or its bare name. */
void program_named(struct program *program, const char *name);

/* Does the pattern (fnmatch(3)) match the path, its last part, comm, argv0? */
bool program_matches(const struct program *program, const char *glob);

#endif
