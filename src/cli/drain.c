// SPDX-License-Identifier: BSD-2-Clause
/* shunt drain: running processes' connections go back to TCP. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/process.h"
#include "policy/value.h"

#define WAIT_MS 10000
#define WAIT_MOST_MS 600000
#define ANSWER_S 10	/* more than the wait, for the answer itself */
#define REQUEST_MOST 32

struct outcome {
	bool porcelain;
	bool stayed;	/* somebody's connection */
};

static void hear(const struct line *line, void *arg)
{
	struct outcome *outcome = arg;
	char *const *fields = line->fields;
	bool conn = !strcmp(fields[0], "conn");

	outcome->stayed |= conn;
	if (outcome->porcelain)
		process_print_line(line);
	else if (conn)
		process_print_conn(line);
	else if (!strcmp(fields[0], "process"))
		printf("process %d (%s)\n", (int)line->voice->pid,
		       line->voice->name);
	else if (!strcmp(fields[0], "moved"))
		printf("  %s moved to tcp\n", fields[1]);
}

static unsigned parse_wait(const char *text)
{
	const char *wrong;
	int64_t us = 0;

	wrong = value_duration(text, &us);
	if (!wrong && us / 1000 > WAIT_MOST_MS)
		wrong = "more than 10min";
	if (wrong)
		cli_fail(STATUS_USAGE, "--wait %s: %s", text, wrong);
	return (unsigned)(us / 1000);
}

int command_drain(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "wait", required_argument, NULL, 'w' },
		{ "porcelain", no_argument, NULL, 'P' },
		{ NULL, 0, NULL, 0 },
	};
	struct outcome outcome = { .porcelain = false };
	unsigned wait_ms = WAIT_MS;
	char request[REQUEST_MOST];
	int option, status;

	while ((option = getopt_long(argc, argv, "w:", long_options,
				     NULL)) >= 0) {
		if (option == 'w')
			wait_ms = parse_wait(optarg);
		else if (option == 'P')
			outcome.porcelain = true;
		else
			cli_usage("drain", STATUS_USAGE);
	}
	if (argc - optind != 1)
		cli_usage("drain", STATUS_USAGE);
	snprintf(request, sizeof(request), "drain %u", wait_ms);
	status = process_ask(argv[optind], request, wait_ms / 1000 + ANSWER_S,
			     hear, &outcome);
	return outcome.stayed ? STATUS_PROBLEM : status;
}
