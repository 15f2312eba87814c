// SPDX-License-Identifier: BSD-2-Clause
#include "cli/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

const struct column columns[COLUMNS] = {
#define COLUMN(name, heading, kind, value, sentence) \
	{ #name, heading, KIND_##kind, sentence },
#include "cli/columns.def"
#undef COLUMN
};

static uint64_t number_of(enum column_id column, const struct census_conn *c)
{
	switch (column) {
#define TEXT(value) 0
#define COUNT(value) (value)
#define BYTES(value) (value)
#define AGE(value) (value)
#define RATE(value) (value)
#define COLUMN(name, heading, kind, value, sentence) \
	case COLUMN_##name: \
		return kind(value);
#include "cli/columns.def"
#undef COLUMN
#undef TEXT
#undef COUNT
#undef BYTES
#undef AGE
#undef RATE
	default:
		return 0;
	}
}

static const char *text_of(enum column_id column, const struct census_conn *c)
{
	switch (column) {
#define TEXT(value) (value)
#define COUNT(value) NULL
#define BYTES(value) NULL
#define AGE(value) NULL
#define RATE(value) NULL
#define COLUMN(name, heading, kind, value, sentence) \
	case COLUMN_##name: \
		return kind(value);
#include "cli/columns.def"
#undef COLUMN
#undef TEXT
#undef COUNT
#undef BYTES
#undef AGE
#undef RATE
	default:
		return NULL;
	}
}

/* "0", "999", "1.0K", "12K", "1.5M": at most four characters. */
static void scale(uint64_t bytes, char text[COLUMN_TEXT_MAX])
{
	static const char units[] = "KMGTPE";
	double size = (double)bytes;
	int unit = -1;

	while (size >= 999.5 && units[unit + 1]) {
		size /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(text, COLUMN_TEXT_MAX, "%" PRIu64, bytes);
	else
		snprintf(text, COLUMN_TEXT_MAX, "%.*f%c", size < 9.95 ? 1 : 0,
			 size, units[unit]);
}

static void format_age(uint64_t ms, char text[COLUMN_TEXT_MAX])
{
	uint64_t s = ms / 1000;

	if (s < 10)
		snprintf(text, COLUMN_TEXT_MAX, "%" PRIu64 ".%" PRIu64 "s", s,
			 ms / 100 % 10);
	else if (s < 60)
		snprintf(text, COLUMN_TEXT_MAX, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, COLUMN_TEXT_MAX, "%" PRIu64 "m%02" PRIu64 "s",
			 s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, COLUMN_TEXT_MAX, "%" PRIu64 "h%02" PRIu64 "m",
			 s / 3600, s / 60 % 60);
	else
		snprintf(text, COLUMN_TEXT_MAX, "%" PRIu64 "d%02" PRIu64 "h",
			 s / 86400, s / 3600 % 24);
}

const char *column_text(enum column_id column, const struct census_conn *conn,
			char text[COLUMN_TEXT_MAX])
{
	uint64_t number = number_of(column, conn);

	switch (columns[column].kind) {
	case KIND_TEXT:
		return text_of(column, conn);
	case KIND_COUNT:
		snprintf(text, COLUMN_TEXT_MAX, "%" PRIu64, number);
		break;
	case KIND_AGE:
		format_age(number, text);
		break;
	case KIND_RATE:
		if (!conn->rated)
			return strcpy(text, "-");
		/* fall through */
	case KIND_BYTES:
		scale(number, text);
		break;
	}
	return text;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

int column_compare(enum column_id column, const struct census_conn *a,
		   const struct census_conn *b)
{
	const char *one = text_of(column, a), *other = text_of(column, b);
	int order = one && other ? strcmp(one, other)
		  : compare(number_of(column, a), number_of(column, b));

	if (!order)
		order = strcmp(a->who, b->who);
	return order ? order : compare(a->id, b->id);
}

static enum column_id find(const char *name, size_t length)
{
	int i;

	for (i = 0; i < COLUMNS; i++)
		if (strlen(columns[i].name) == length &&
		    !strncmp(columns[i].name, name, length))
			return (enum column_id)i;
	cli_fail(STATUS_USAGE, "no column is called %.*s (see shunt(1))",
		 (int)length, name);
}

void columns_parse(const char *names, struct column_list *list)
{
	size_t length;

	list->count = 0;
	for (;; names += length + 1) {
		length = strcspn(names, ",");
		if (list->count == COLUMNS)
			cli_fail(STATUS_USAGE, "more columns than there are");
		list->all[list->count++] = find(names, length);
		if (!names[length])
			return;
	}
}

void columns_measure(const struct column_list *list,
		     const struct census *census, int widths[COLUMNS])
{
	char number[COLUMN_TEXT_MAX];
	const char *text;
	size_t k;
	int i;

	for (i = 0; i < list->count; i++) {
		widths[i] = (int)strlen(columns[list->all[i]].heading);
		for (k = 0; k < census->count; k++) {
			text = column_text(list->all[i], &census->conns[k],
					   number);
			if ((int)strlen(text) > widths[i])
				widths[i] = (int)strlen(text);
		}
	}
}
