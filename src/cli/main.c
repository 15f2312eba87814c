// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "base/real.h"
#include "cli/cli.h"
#include "cli/greet.h"
#include "diag/log.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif

/* --help and --version are words that also say what a command says. */
static int run_option(const char *option)
{
	char name[] = "help", *help[] = { name, NULL };

	if (!strcmp(option, "--help") || !strcmp(option, "-h"))
		return command_help(1, help);
	if (strcmp(option, "--version") && strcmp(option, "-V"))
		cli_fail(STATUS_USAGE, "unknown option %s (see shunt --help)",
			 option);
	puts("shunt " PACKAGE_VERSION);
	return STATUS_FINE;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	char help[] = "help", *help_argv[] = { help, argv[0], NULL };

	if (argc > 1 && !strcmp(argv[1], "--help"))
		return command_help(2, help_argv);
	/* what getopt(3) calls us */
	if (asprintf(&argv[0], "shunt %s", command->name) < 0)
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	const struct command *command;
	int status;

	real_init();
	log_set_level(LOG_OFF);	/* a command says it in its own words */
	if (argc < 2)
		cli_fail(STATUS_USAGE, "which command? (see shunt --help)");
	command = command_find(argv[1]);
	if (command)
		status = run_command(command, argc - 1, argv + 1);
	else if (argc == 3 && !strcmp(argv[1], GREET_WORD))
		status = greet_as_program(argv[2]);
	else if (argv[1][0] == '-')
		status = run_option(argv[1]);
	else
		cli_fail(STATUS_USAGE,
			 "no command is called %s (see shunt --help)", argv[1]);
	if (fflush(stdout) || ferror(stdout))
		cli_fail(STATUS_OWN_FAILURE,
			 "the output cannot be written: %m");
	return status;
}
