/* SPDX-License-Identifier: BSD-2-Clause */
/* The columns of `shunt ss` and `shunt top` (columns.def). */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include "cli/census.h"

enum column_id {
#define COLUMN(name, ...) COLUMN_##name,
#include "cli/columns.def"
#undef COLUMN
	COLUMNS
};

enum column_kind { KIND_TEXT, KIND_COUNT, KIND_BYTES, KIND_AGE, KIND_RATE };

struct column {
	const char *name, *heading;
	enum column_kind kind;
	const char *sentence;
};

extern const struct column columns[COLUMNS];

#define COLUMN_TEXT_MAX 24	/* of a number */

/* What stands in the column: the connection's own text, or `text` filled. */
const char *column_text(enum column_id column, const struct census_conn *conn,
			char text[COLUMN_TEXT_MAX]);

/* As of qsort(3): by this column, then by process and id. */
int column_compare(enum column_id column, const struct census_conn *a,
		   const struct census_conn *b);

/* "local,remote,age" -> a list, a usage error if one is unknown. */
struct column_list {
	enum column_id all[COLUMNS];
	int count;
};
void columns_parse(const char *names, struct column_list *list);

/* How wide each of them has to be. */
void columns_measure(const struct column_list *list,
		     const struct census *census, int widths[COLUMNS]);

#endif
