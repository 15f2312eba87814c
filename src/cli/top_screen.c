// SPDX-License-Identifier: BSD-2-Clause
/*
 * The screen of shunt top, by ncurses behind dlopen: the command has to run in
 * images that have no such library.
 */
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <dlfcn.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/top.h"
#include "diag/reason.h"

/* The library whose constants this header has. */
#define SONAME "libncursesw.so.6"
#define ESCAPE_MS 50
#define HEAD 3		/* lines above the rows, and below them */
#define FOOT 2
#define CTRL_C 3

enum { PAIR_RDMA = 1, PAIR_TCP, PAIR_KEYS };

static struct {
#define SYMBOL(name) __typeof__(name) *name;
#include "cli/ncurses.def"
#undef SYMBOL
} nc;

static WINDOW *window;

/* What COLOR_PAIR() is, without a call of the library. */
static attr_t pair(unsigned number)
{
	return (attr_t)NCURSES_BITS(number, 0) & A_COLOR;
}

static WINDOW **load(void)
{
	void *handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	void *standard;

	if (!handle)
		cli_fail(STATUS_PROBLEM, "top needs " SONAME " (%s): install "
			 "Debian package libncursesw6, or use `shunt ss -i 1`",
			 dlerror());
#define SYMBOL(name) \
	nc.name = (__typeof__(name) *)dlsym(handle, #name); \
	if (!nc.name) \
		cli_fail(STATUS_PROBLEM, SONAME " has no " #name);
#include "cli/ncurses.def"
#undef SYMBOL
	standard = dlsym(handle, "stdscr");
	if (!standard)
		cli_fail(STATUS_PROBLEM, SONAME " has no stdscr");
	return standard;
}

void screen_begin(void)
{
	WINDOW **standard;

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		cli_fail(STATUS_PROBLEM, "top wants a terminal: "
			 "use `shunt ss -i 1`");
	setlocale(LC_ALL, "");
	standard = load();
	if (!nc.newterm(NULL, stdout, stdin))
		cli_fail(STATUS_PROBLEM, "nothing is known of this terminal: "
			 "is TERM right, and is Debian package ncurses-base "
			 "installed?");
	window = *standard;
	nc.cbreak();
	nc.noecho();
	nc.curs_set(0);
	nc.keypad(window, TRUE);
	nc.set_escdelay(ESCAPE_MS);
	if (nc.start_color() == OK && nc.use_default_colors() == OK) {
		nc.init_pair(PAIR_RDMA, COLOR_GREEN, -1);
		nc.init_pair(PAIR_TCP, COLOR_YELLOW, -1);
		nc.init_pair(PAIR_KEYS, COLOR_BLACK, COLOR_CYAN);
	}
}

void screen_end(void)
{
	nc.endwin();
}

int screen_key(int ms)
{
	static const struct {
		int theirs, ours;
	} keys[] = {
		{ KEY_UP, PRESS_UP_ROW }, { KEY_DOWN, PRESS_DOWN_ROW },
		{ KEY_PPAGE, PRESS_UP_PAGE }, { KEY_NPAGE, PRESS_DOWN_PAGE },
		{ KEY_HOME, PRESS_FIRST }, { KEY_END, PRESS_LAST },
		{ KEY_F0 + 1, PRESS_HELP }, { KEY_F0 + 3, PRESS_SEEK },
		{ KEY_F0 + 4, PRESS_FILTER }, { KEY_F0 + 6, PRESS_SORT },
		{ KEY_F0 + 10, PRESS_QUIT }, { CTRL_C, PRESS_QUIT },
		{ KEY_BACKSPACE, PRESS_RUBOUT }, { 127, PRESS_RUBOUT },
		{ '\b', PRESS_RUBOUT }, { KEY_RESIZE, PRESS_NEW_SIZE },
		{ ERR, PRESS_NONE },
	};
	size_t i;
	int key;

	nc.wtimeout(window, ms);
	key = nc.wgetch(window);
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].theirs == key)
			return keys[i].ours;
	return key < 0x100 ? key : PRESS_OTHER;
}

/* What is left of the line, beginning at `at`; returns where it ends. */
static int put(int line, int at, const char *text, attr_t how)
{
	int width = nc.getmaxx(window), length = (int)strlen(text);

	if (at >= width)
		return at;
	nc.wmove(window, line, at);
	nc.wattr_on(window, how, NULL);
	nc.waddnstr(window, text, width - at);
	nc.wattr_off(window, how, NULL);
	return at + length;
}

static void put_line(int line, const char *text, attr_t how)
{
	char padded[512];
	int width = nc.getmaxx(window);

	if (width > (int)sizeof(padded) - 1)
		width = (int)sizeof(padded) - 1;
	snprintf(padded, sizeof(padded), "%-*.*s", width, width, text);
	put(line, 0, padded, how);
}

static void draw_head(const struct top *top)
{
	const struct census *census = &top->census;
	size_t i, rdma = 0, asked = 0, silent = 0;
	char text[TOP_TEXT_MAX * 2], now[16];
	time_t seconds = time(NULL);
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(now, sizeof(now), "%H:%M:%S", &local);
	for (i = 0; i < census->count; i++)
		rdma += !strcmp(census->conns[i].lane, "rdma");
	for (i = 0; i < census->voices.count; i++) {
		silent += census->voices.all[i].wrong != NULL;
		asked += census->voices.all[i].wrong == NULL;
	}
	snprintf(text, sizeof(text), "shunt top  %s  processes: %zu, silent: "
		 "%zu  connections: %zu, on RDMA: %zu", now, asked, silent,
		 census->count, rdma);
	put(0, 0, text, A_BOLD);
	snprintf(text, sizeof(text), "sorted by %s%s, every %g s%s%s%s",
		 columns[top->sort].name, top->inverted ? " (inverted)" : "",
		 top->interval, top->paused ? ", paused" : "",
		 *top->filter_text ? "  filter: " : "", top->filter_text);
	put(1, 0, text, A_NORMAL);
}

/* A cell and the gap behind it; returns where the next one begins. */
static int put_cell(int line, int at, const char *text,
		    const struct column *column, int width, attr_t how)
{
	char cell[TOP_TEXT_MAX];

	snprintf(cell, sizeof(cell), column->kind == KIND_TEXT ? "%-*s  "
							       : "%*s  ",
		 width, text);
	return put(line, at, cell, how);
}

static void draw_headings(const struct top *top, const int *widths)
{
	const struct column_list *list = &top->columns;
	int i, at = 0;

	put_line(HEAD - 1, "", A_REVERSE);
	for (i = 0; i < list->count; i++)
		at = put_cell(HEAD - 1, at, columns[list->all[i]].heading,
			      &columns[list->all[i]], widths[i],
			      list->all[i] == top->sort ? A_REVERSE | A_BOLD |
			      A_UNDERLINE : A_REVERSE);
}

static attr_t colour_of(const struct census_conn *conn, enum column_id column)
{
	if (column != COLUMN_lane)
		return A_NORMAL;
	return pair(strcmp(conn->lane, "rdma") ? PAIR_TCP : PAIR_RDMA);
}

static void draw_row(const struct top *top, size_t row, const int *widths)
{
	const struct census_conn *conn = &top->census.conns[row];
	const struct column_list *list = &top->columns;
	int i, at = 0, line = HEAD + (int)(row - top->first);
	attr_t how = row == top->chosen ? A_REVERSE : A_NORMAL;
	char number[COLUMN_TEXT_MAX];

	if (row == top->chosen)
		put_line(line, "", how);
	for (i = 0; i < list->count; i++)
		at = put_cell(line, at,
			      column_text(list->all[i], conn, number),
			      &columns[list->all[i]], widths[i],
			      how ? how : colour_of(conn, list->all[i]));
}

/* What there is to say of the one that is chosen, and what keys there are. */
static void draw_foot(const struct top *top)
{
	int line = nc.getmaxy(window) - FOOT;
	const struct census_conn *conn;
	char text[TOP_TEXT_MAX * 2] = "";

	if (top->mode == TOP_FILTER || top->mode == TOP_SEARCH) {
		snprintf(text, sizeof(text), "%s: %s_",
			 top->mode == TOP_FILTER ? "Filter (KEY=VALUE ...)"
						 : "Search", top->typed);
	} else if (*top->message) {
		snprintf(text, sizeof(text), "%s", top->message);
	} else if (top->chosen < top->census.count) {
		conn = &top->census.conns[top->chosen];
		snprintf(text, sizeof(text), "%s: %s", conn->reason,
			 reason_sentence(reason_find(conn->reason)));
	}
	put(line, 0, text, A_BOLD);
	put_line(line + 1, "F1 Help  F3 Search  F4 Filter  F6 Sort  I Invert  "
		 "Z Pause  F10 Quit", pair(PAIR_KEYS));
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"shunt top: the connections of all processes that may be "
		"asked, live. Keys:",
		"",
		"  Up Down PgUp PgDn Home End   choose a connection; below is "
		"why it is where it is",
		"  F6 > <                       sort by the next column, or "
		"the one before",
		"  P M T N                      sort by rate, ring memory, "
		"age, process",
		"  I                            invert the order",
		"  F4 \\                         show only what is so: lane=tcp "
		"port=6379 process=redis*",
		"  F3 /                         go to the next row that has "
		"the text",
		"  Z                            pause, and go on",
		"  F10 q Ctrl-C                 quit",
		"",
		"Columns, by shunt top -o; shunt(1) has them all. Press a key.",
	};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		put((int)i, 0, lines[i], i ? A_NORMAL : A_BOLD);
}

/* The chosen one is to be seen. */
static void keep_in_sight(struct top *top)
{
	int height = nc.getmaxy(window) - HEAD - FOOT;

	top->height = height > 1 ? (size_t)height : 1;
	if (top->chosen < top->first)
		top->first = top->chosen;
	if (top->chosen >= top->first + top->height)
		top->first = top->chosen - top->height + 1;
}

static void draw_rows(struct top *top)
{
	int widths[COLUMNS];
	size_t row;

	keep_in_sight(top);
	columns_measure(&top->columns, &top->census, widths);
	draw_head(top);
	draw_headings(top, widths);
	for (row = top->first; row < top->census.count &&
	     row < top->first + top->height; row++)
		draw_row(top, row, widths);
	draw_foot(top);
}

void screen_draw(struct top *top)
{
	nc.werase(window);
	if (top->mode == TOP_HELP)
		draw_help();
	else
		draw_rows(top);
	nc.wrefresh(window);
}
