// SPDX-License-Identifier: BSD-2-Clause
/* shunt stat: the connections of running processes, and why they are where. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/process.h"
#include "policy/option.h"

#define ANSWER_S 20	/* another's drain may be answered before */

/* A number of the answer as the option of that name writes it: "864KiB". */
static const char *scaled(const char *name, const char *number,
			  char text[OPTION_TEXT_MAX])
{
	const struct policy_option *option = option_find("limits", name);

	if (!option || *number < '0' || *number > '9')
		return number;
	return option_format(option, strtoll(number, NULL, 10), text);
}

static void print_use(char *const *fields)
{
	char now[OPTION_TEXT_MAX], most[OPTION_TEXT_MAX];

	printf("  %s: %s of %s\n", fields[1],
	       scaled(fields[1], fields[2], now),
	       scaled(fields[1], fields[3], most));
}

static void print_memlock(char *const *fields)
{
	char now[OPTION_TEXT_MAX], most[OPTION_TEXT_MAX];

	printf("  memlock: %s of %s\n", scaled("pinned", fields[1], now),
	       scaled("pinned", fields[2], most));
}

static void print_human(const struct line *line, void *arg)
{
	char *const *fields = line->fields;

	(void)arg;
	if (!strcmp(fields[0], "process"))
		printf("process %d (%s)\n", (int)line->voice->pid,
		       line->voice->name);
	else if (!strcmp(fields[0], "conn"))
		process_print_conn(line);
	else if (!strcmp(fields[0], "use"))
		print_use(fields);
	else if (!strcmp(fields[0], "memlock"))
		print_memlock(fields);
	else if (!strcmp(fields[0], "reason"))
		printf("  %6s %-18s %s\n", fields[2], fields[1], fields[3]);
}

static void print_porcelain(const struct line *line, void *arg)
{
	(void)arg;
	process_print_line(line);
}

int command_stat(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "porcelain", no_argument, NULL, 'P' },
		{ NULL, 0, NULL, 0 },
	};
	bool porcelain = false;
	int option;

	while ((option = getopt_long(argc, argv, "", long_options,
				     NULL)) >= 0) {
		if (option != 'P')
			cli_usage("stat", STATUS_USAGE);
		porcelain = true;
	}
	if (argc - optind != 1)
		cli_usage("stat", STATUS_USAGE);
	return process_ask(argv[optind], "stat", ANSWER_S,
			   porcelain ? print_porcelain : print_human, NULL);
}
