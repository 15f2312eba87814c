/* SPDX-License-Identifier: BSD-2-Clause */
/* shunt top: what is shown, and the screen that it is on. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "cli/columns.h"
#include "cli/filter.h"

#define TOP_TEXT_MAX 256

enum top_mode { TOP_ROWS, TOP_HELP, TOP_FILTER, TOP_SEARCH };

struct top {
	struct question question;
	double interval;	/* seconds */
	struct column_list columns;
	enum column_id sort;
	bool inverted;		/* else numbers fall and texts rise */
	bool paused;
	struct census census;	/* sorted, and what the filter takes */
	struct filter *filter;
	char filter_text[TOP_TEXT_MAX];
	enum top_mode mode;
	char typed[TOP_TEXT_MAX];	/* a filter, or what is sought */
	char message[TOP_TEXT_MAX];
	size_t first, chosen;	/* rows: the topmost that is seen; the one */
	size_t height;		/* rows that are seen */
};

/* Keys, beside the characters. */
enum top_key {
	PRESS_NONE = -1,
	PRESS_OTHER = 1000,
	PRESS_UP_ROW, PRESS_DOWN_ROW, PRESS_UP_PAGE, PRESS_DOWN_PAGE,
	PRESS_FIRST, PRESS_LAST,
	PRESS_HELP, PRESS_SEEK, PRESS_FILTER, PRESS_SORT, PRESS_QUIT,
	PRESS_RUBOUT, PRESS_NEW_SIZE
};

/* Take the terminal; ends the command, with a word, if there is none. */
void screen_begin(void);
void screen_end(void);
/* A key, or PRESS_NONE after so many milliseconds. */
int screen_key(int ms);
void screen_draw(struct top *top);

#endif
