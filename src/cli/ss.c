// SPDX-License-Identifier: BSD-2-Clause
/* shunt ss: a row for each connection of all processes that may be asked. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/filter.h"
#include "cli/process.h"
#include "cli/ss.h"

#define USUAL "process,local,dir,remote,state,lane,reason,rule,sent,received,"
#define ANSWER_MS 5000

struct wish {
	struct question question;
	struct column_list columns;
	struct filter *filter;
	double interval;	/* seconds; 0: none */
	bool json;
	bool bare;		/* without the headings */
};

static void parse(int argc, char **argv, struct wish *wish)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pod", no_argument, NULL, 'p' },
		{ "no-header", no_argument, NULL, 'H' },
		{ "columns", required_argument, NULL, 'o' },
		{ "interval", required_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	char wrong[FILTER_WRONG_MAX];
	const char *names = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "Ho:i:", long_options,
				     NULL)) >= 0) {
		if (option == 'j')
			wish->json = true;
		else if (option == 'p')
			wish->question.pod = true;
		else if (option == 'H')
			wish->bare = true;
		else if (option == 'o')
			names = optarg;
		else if (option == 'i')
			wish->interval = census_interval(optarg);
		else
			cli_usage("ss", STATUS_USAGE);
	}
	if (!names)
		names = wish->interval ? USUAL "sent_rate,received_rate,age"
				       : USUAL "age";
	columns_parse(names, &wish->columns);
	wish->filter = filter_parse(argv + optind, argc - optind, wrong);
	if (!wish->filter)
		cli_fail(STATUS_USAGE, "%s", wrong);
}

static void nap(double seconds)
{
	struct timespec left = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static int by_process(const void *a, const void *b)
{
	return column_compare(COLUMN_process, a, b);
}

/* Numbers to the right; nothing behind the last. */
static void print_cell(const char *text, const struct column *column,
		       int width, bool last)
{
	if (column->kind != KIND_TEXT)
		printf("%*s", width, text);
	else
		printf("%-*s", last ? 0 : width, text);
	fputs(last ? "\n" : "  ", stdout);
}

static void print_rows(const struct census *census, const struct wish *wish)
{
	const struct column_list *list = &wish->columns;
	char number[COLUMN_TEXT_MAX];
	int i, widths[COLUMNS];
	size_t k;

	columns_measure(list, census, widths);
	for (i = 0; !wish->bare && i < list->count; i++)
		print_cell(columns[list->all[i]].heading,
			   &columns[list->all[i]], widths[i],
			   i + 1 == list->count);
	for (k = 0; k < census->count; k++)
		for (i = 0; i < list->count; i++)
			print_cell(column_text(list->all[i], &census->conns[k],
					       number),
				   &columns[list->all[i]], widths[i],
				   i + 1 == list->count);
}

int command_ss(int argc, char **argv)
{
	struct wish wish = { .question.wait_ms = ANSWER_MS };
	struct census before, census;
	int status;

	parse(argc, argv, &wish);
	wish.question.pid = filter_pid(wish.filter);
	if (wish.question.pid)
		ask_enter_network(wish.question.pid);
	census_take(&wish.question, &census);
	if (wish.interval) {
		before = census;
		nap(wish.interval);
		census_take(&wish.question, &census);
		census_rates(&census, &before);
		census_free(&before);
	}
	filter_choose(wish.filter, &census);
	if (census.count)
		qsort(census.conns, census.count, sizeof(*census.conns),
		      by_process);
	if (wish.json)
		ss_print_json(&census, wish.interval);
	else
		print_rows(&census, &wish);
	status = process_tell_problems(&census.voices);
	if (!census.voices.count)
		cli_warn("no process here can be asked: none has had a lane");
	census_free(&census);
	free(wish.filter);
	return status;
}
