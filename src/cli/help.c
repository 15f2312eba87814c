// SPDX-License-Identifier: BSD-2-Clause
/* shunt help: the tables of commands, options and variables, for people. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "policy/option.h"

static void print_help(void)
{
	const struct command *command;

	fputs("usage: shunt COMMAND [ARGUMENT...]\n\n"
	      "Runs unmodified TCP programs over RDMA, by policy.\n\n", stdout);
	for (command = commands; command->name; command++)
		printf("  %-8s %s\n", command->name, command->sentence);
	fputs("\n`shunt help COMMAND` tells more, `shunt help options` what a "
	      "policy can say.\n"
	      "shunt(1) and shunt.conf(5) are the manual.\n", stdout);
}

static void print_option(const struct policy_option *option)
{
	char initial[OPTION_TEXT_MAX], least[OPTION_TEXT_MAX];
	char most[OPTION_TEXT_MAX], name[OPTION_NAME_MAX];

	option_format(option, option->initial, initial);
	printf("  %s.%s = \"%s\"   %s\n      %s", option->section, option->key,
	       initial, option_env_name(option, name), option->help);
	if (option->kind == OPTION_LEVEL || option->kind == OPTION_PROFILE)
		putchar('\n');
	else
		printf(" (%s to %s)\n",
		       option_format(option, option->least, least),
		       option_format(option, option->most, most));
}

static void print_options(void)
{
	puts("Sections of the policy file, with defaults, variables, ranges:");
	for (size_t i = 0; i < OPTION_COUNT_ALL; i++)
		print_option(&options[i]);
	puts("\nKeys of a rule:");
#define KEY(name, help) printf("  %-10s %s\n", #name, help);
#include "policy/keys.def"
#undef KEY
	puts("\nOther variables:");
#define NAME(text, help) printf("  SHUNT_%-14s %s\n", text, help);
#include "policy/environ.def"
#undef NAME
}

static void print_command(const struct command *command)
{
	printf("usage: shunt %s %s\n\n%s\n", command->name,
	       command->arguments, command->sentence);
	if (command->options[0])
		printf("\n%s", command->options);
}

int command_help(int argc, char **argv)
{
	const struct command *command;

	if (argc > 2)
		cli_usage("help", STATUS_USAGE);
	if (argc < 2) {
		print_help();
		return STATUS_FINE;
	}
	command = command_find(argv[1]);
	if (command)
		print_command(command);
	else if (!strcmp(argv[1], "options"))
		print_options();
	else
		cli_fail(STATUS_USAGE, "no command is called %s", argv[1]);
	return STATUS_FINE;
}
