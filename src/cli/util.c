// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static void warn_list(const char *format, va_list args)
{
	fflush(stdout);
	fputs("shunt: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void cli_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	warn_list(format, args);
	va_end(args);
}

noreturn void cli_fail(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	warn_list(format, args);
	va_end(args);
	exit(status);
}

noreturn void cli_usage(const char *name, int status)
{
	fprintf(stderr, "usage: shunt %s %s\n", name,
		command_find(name)->arguments);
	exit(status);
}

void *cli_alloc(unsigned long size)
{
	void *room = calloc(1, size);

	if (!room)
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	return room;
}

char *cli_absolute(const char *path)
{
	char *directory, *whole;

	if (path[0] == '/')
		return strdup(path);
	directory = getcwd(NULL, 0);
	if (!directory || asprintf(&whole, "%s/%s", directory, path) < 0)
		cli_fail(STATUS_OWN_FAILURE, "%s: %m", path);
	free(directory);
	return whole;
}
