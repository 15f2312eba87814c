/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command shunt: what its commands share. They run in a process of their
 * own, so they may use stdio, exit and allocate without freeing at the end.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdnoreturn.h>

enum {
	STATUS_FINE = 0,
	STATUS_PROBLEM = 1,
	STATUS_USAGE = 2,
	STATUS_OWN_FAILURE = 125,	/* the last three as env(1) has them */
	STATUS_NOT_RUNNABLE = 126,
	STATUS_NOT_FOUND = 127,
};

struct command {
	const char *name;
	int (*run)(int argc, char **argv);	/* argv[0] is the name */
	const char *arguments;
	const char *sentence;
	const char *options;
};

extern const struct command commands[];	/* ends with a NULL name */

/* The row, or NULL. */
const struct command *command_find(const char *name);

#define COMMAND(name, ...) int command_##name(int argc, char **argv);
#include "cli/commands.def"
#undef COMMAND

/* "shunt: ..." on stderr. */
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
noreturn void cli_fail(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A usage error of a command: its synopsis too. */
noreturn void cli_usage(const char *command, int status);

/* The path, absolute; symbolic links stay (they may be swapped later). */
char *cli_absolute(const char *path);

/* calloc() that ends the command when there is no memory. */
void *cli_alloc(unsigned long size);

#endif
