// SPDX-License-Identifier: BSD-2-Clause
/* shunt metrics: counters of all processes, for Prometheus. */
#include "cli/metrics.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define ANSWER_MS 2000	/* a scrape's own time is 10 s, as a rule */

struct wish {
	struct metrics_source source;
	struct question question;
	struct ledger ledger;
};

static enum ledger_by parse_by(const char *text)
{
	static const char *const words[] = {
		[BY_PROCESS] = "process", [BY_RULE] = "rule",
		[BY_NONE] = "none",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(text, words[i]))
			return (enum ledger_by)i;
	cli_fail(STATUS_USAGE, "--by %s: not process, rule or none", text);
}

static char *text_of(struct metrics_source *source, size_t *size)
{
	struct wish *wish = (struct wish *)source;	/* its first member */
	char *text = NULL;
	FILE *file;

	if (ledger_take(&wish->ledger, &wish->question))
		return NULL;
	file = open_memstream(&text, size);
	if (!file)
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	metrics_print(file, &wish->ledger);
	if (fclose(file))
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	return text;
}

static int print_once(struct wish *wish)
{
	size_t size;
	char *text = text_of(&wish->source, &size);

	if (!text)
		cli_fail(STATUS_OWN_FAILURE, "/proc/self/net/unix: %m");
	fwrite(text, 1, size, stdout);
	free(text);
	return STATUS_FINE;
}

int command_metrics(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "by", required_argument, NULL, 'b' },
		{ "listen", required_argument, NULL, 'l' },
		{ "once", no_argument, NULL, '1' },
		{ "pod", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	struct wish wish = { .source.text = text_of,
			     .question.wait_ms = ANSWER_MS };
	const char *listen = NULL;
	bool once = false;
	int option;

	while ((option = getopt_long(argc, argv, "", long_options,
				     NULL)) >= 0) {
		if (option == 'b')
			wish.ledger.by = parse_by(optarg);
		else if (option == 'l')
			listen = optarg;
		else if (option == '1')
			once = true;
		else if (option == 'p')
			wish.question.pod = true;
		else
			cli_usage("metrics", STATUS_USAGE);
	}
	if (optind != argc || (listen && once))
		cli_usage("metrics", STATUS_USAGE);
	return listen ? metrics_serve(listen, &wish.source) : print_once(&wish);
}
