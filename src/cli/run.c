// SPDX-License-Identifier: BSD-2-Clause
/* shunt run: becomes the program, with the library preloaded. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/preload.h"

static void set(const char *name, const char *value)
{
	if (setenv(name, value, 1))
		cli_fail(STATUS_OWN_FAILURE, "%s: %m", name);
}

/* Absolute: the program may change its directory before it reads it. */
static void set_conf(const char *path)
{
	char *absolute = cli_absolute(path);

	set("SHUNT_CONF", absolute);
	free(absolute);
}

static void set_mode(const char *mode)
{
	if (strcmp(mode, "off") && strcmp(mode, "prefer") &&
	    strcmp(mode, "require"))
		cli_fail(STATUS_OWN_FAILURE,
			 "--mode %s: not off, prefer or require", mode);
	set("SHUNT_MODE", mode);
}

/* The options; what is left, from argv[optind] on, is the program. */
static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "conf", required_argument, NULL, 'c' },
		{ "mode", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	const char *conf = getenv("SHUNT_CONF");
	int option;

	while ((option = getopt_long(argc, argv, "+c:m:", options,
				     NULL)) >= 0) {
		if (option == 'c') {
			conf = optarg;
			if (access(conf, R_OK))
				cli_fail(STATUS_OWN_FAILURE, "%s: %m", conf);
		} else if (option == 'm') {
			set_mode(optarg);
		} else {
			cli_usage("run", STATUS_OWN_FAILURE);
		}
	}
	if (optind == argc)
		cli_usage("run", STATUS_OWN_FAILURE);
	if (conf && *conf)
		set_conf(conf);
}

/* Everything that goes wrong here leaves the program on TCP: say so, go on. */
static void prepare(const char *name)
{
	enum preload_verdict verdict = PRELOAD_WORKS;
	char *program = preload_find_program(name);
	char why[PRELOAD_WHY_MAX];
	char *library;

	if (program)
		verdict = preload_inspect(program, why);
	free(program);
	if (verdict != PRELOAD_WORKS)
		cli_warn("warning: %s", why);
	if (verdict == PRELOAD_HARMS)
		return;
	library = preload_library();
	if (!library)
		cli_fail(STATUS_OWN_FAILURE, "libshunt.so is not found");
	/* the loader parts LD_PRELOAD at both, and knows no quoting */
	if (strpbrk(library, " :"))
		cli_fail(STATUS_OWN_FAILURE, "%s: a library whose path has a "
			 "space or a colon cannot be preloaded", library);
	preload_set(library);
	free(library);
}

int command_run(int argc, char **argv)
{
	char **program;

	parse(argc, argv);
	program = argv + optind;
	prepare(program[0]);
	execvp(program[0], program);
	cli_warn("%s: %m", program[0]);
	return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUNNABLE;
}
