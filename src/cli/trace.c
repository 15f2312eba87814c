// SPDX-License-Identifier: BSD-2-Clause
/* shunt trace: what becomes of a process's connections, as it happens. */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/process.h"
#include "cli/step.h"

#define LAST_MOST 1000
#define REQUEST_MOST 64

static unsigned long long number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static void print_pair(const char *key, const char *value)
{
	fputs(", ", stdout);
	json_pair(key, value);
}

static void print_json(const struct line *line)
{
	char *const *f = line->fields, time[STEP_TIME_MAX];

	if (!strcmp(f[0], "missed")) {
		printf("{ \"version\": 1, \"pid\": %d, \"lost\": %llu }\n",
		       (int)line->voice->pid, number(f[1]));
	} else if (!strcmp(f[0], "step")) {
		printf("{ \"version\": 1, \"pid\": %d, \"conn\": %llu",
		       (int)line->voice->pid, number(f[2]));
		print_pair("time", step_time(line, time));
		print_pair("local", f[3]);
		print_pair("remote", f[5]);
		print_pair("role", strcmp(f[4], "->") ? "listen" : "connect");
		print_pair("from", f[6]);
		print_pair("event", f[7]);
		print_pair("to", f[8]);
		print_pair("reason", f[9]);
		if (*f[12])
			print_pair("peers_reason", f[12]);
		print_pair("tx", f[10]);
		print_pair("rx", f[11]);
		puts(" }");
	}
}

/* Each line goes out at once; without a reader there is no use in going on. */
static void hear(const struct line *line, void *arg)
{
	const bool *json = arg;

	if (*json)
		print_json(line);
	else
		step_print(line);
	if (fflush(stdout))
		cli_fail(STATUS_OWN_FAILURE,
			 "the output cannot be written: %m");
}

static unsigned long long parse(const char *option, const char *text,
				unsigned long long most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value > most)
		cli_fail(STATUS_USAGE, "--%s %s: not a number up to %llu",
			 option, text, most);
	return value;
}

int command_trace(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "conn", required_argument, NULL, 'c' },
		{ "last", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long long conn = 0, last = 0;
	char request[REQUEST_MOST];
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:n:", long_options,
				     NULL)) >= 0) {
		if (option == 'c')
			conn = parse("conn", optarg, UINT64_MAX);
		else if (option == 'n')
			last = parse("last", optarg, LAST_MOST);
		else if (option == 'j')
			json = true;
		else
			cli_usage("trace", STATUS_USAGE);
	}
	if (argc - optind != 1 || !strcmp(argv[optind], "all"))
		cli_usage("trace", STATUS_USAGE);
	snprintf(request, sizeof(request), "trace %llu %llu", last, conn);
	return process_follow(process_parse(argv[optind]), request, hear,
			      &json);
}
