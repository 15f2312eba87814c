// SPDX-License-Identifier: BSD-2-Clause
/* shunt stat: the connections of running processes, and why they are where. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/process.h"

#define ANSWER_S 20	/* another's drain may be answered before */

static void print_human(const struct line *line, void *arg)
{
	char *const *fields = line->fields;

	(void)arg;
	if (!strcmp(fields[0], "process"))
		printf("process %d (%s)\n", (int)line->pid, line->name);
	else if (!strcmp(fields[0], "conn"))
		process_print_conn(line);
	else if (!strcmp(fields[0], "use"))
		printf("  %s: %s of %s\n", fields[1], fields[2], fields[3]);
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
