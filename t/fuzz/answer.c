// SPDX-License-Identifier: BSD-2-Clause
/*
 * What anybody who binds the name of a control socket may say to the command,
 * which may be root's. No control character gets through, a row is a line, and
 * a label does not end before its quote.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth)
{
	if (!truth)
		abort();
}

/* Of its own size, so that a read beyond the end is one. */
static void hear(struct voice *voice, const uint8_t *data, size_t size)
{
	voice->text = malloc(size + 1);
	must(voice->text != NULL);
	memcpy(voice->text, data, size);
	voice->text[size] = '\0';
	voice->size = size;
	strcpy(voice->name, "?");
	voice->wrong = ask_check(voice);
}

static void look_at_row(const struct census_conn *conn)
{
	char number[COLUMN_TEXT_MAX];
	const char *text;
	int column;

	for (column = 0; column < COLUMNS; column++) {
		text = column_text(column, conn, number);
		for (; *text; text++)
			must((unsigned char)*text >= ' ' && *text != 0x7f);
	}
}

static void rows(const uint8_t *data, size_t size)
{
	struct census census = { .count = 0 };
	struct voice voice = { .inside = 1 };
	size_t i;

	hear(&voice, data, size);
	if (!voice.wrong)
		census_read(&census, &voice);
	for (i = 0; i < census.count; i++)
		look_at_row(&census.conns[i]);
	census_free(&census);
	free(voice.text);
}

/* Every line is a comment, or NAME, perhaps {LABELS}, and a number. */
static void look_at_line(const char *line)
{
	const char *end = strrchr(line, ' ');

	must(end != NULL);
	if (*line == '#')
		return;
	must(!strncmp(line, "shunt_", 6));
	must(end[1] >= '0' && end[1] <= '9');
	must(end[strspn(end + 1, "0123456789.") + 1] == '\0');
	must(!strchr(line, '{') || end[-1] == '}');
}

static void sums(const uint8_t *data, size_t size, enum ledger_by by)
{
	struct ledger ledger = { .by = by };
	struct voice voice = { .inside = 1 };
	char *text = NULL, *rest, *line;
	size_t length;
	FILE *file;

	hear(&voice, data, size);
	if (!voice.wrong)
		ledger_read(&ledger, &voice);
	file = open_memstream(&text, &length);
	must(file != NULL);
	metrics_print(file, &ledger);
	must(fclose(file) == 0);
	must(length == strlen(text));
	for (rest = text; (line = strsep(&rest, "\n")) && *line;)
		look_at_line(line);
	must(!rest);
	free(text);
	ledger_free(&ledger);
	free(voice.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rows(data, size);
	sums(data, size, BY_PROCESS);
	sums(data, size, BY_RULE);
	return 0;
}
