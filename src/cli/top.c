// SPDX-License-Identifier: BSD-2-Clause
/* shunt top: shunt ss, live, with keys as htop has them. */
#include "cli/top.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"

#define USUAL \
	"process,local,dir,remote,lane,reason,rule,sent_rate,received_rate," \
	"sent,received,ring,age"
#define INTERVAL 2.0
#define ANSWER_MS 1000
#define WORDS_MOST 32
#define ESCAPE 27

static volatile sig_atomic_t over;

static void end(int signal)
{
	(void)signal;
	over = 1;
}

static struct top *sorting;	/* for qsort(3) */

static int in_order(const void *a, const void *b)
{
	bool text = columns[sorting->sort].kind == KIND_TEXT;
	int order = column_compare(sorting->sort, a, b);

	return text == sorting->inverted ? -order : order;
}

/* Where that connection is now; where it was, if it has gone. */
static size_t place_of(const struct top *top, uint64_t salt, uint64_t id)
{
	const struct census *census = &top->census;
	size_t i;

	for (i = 0; i < census->count; i++)
		if (census->conns[i].voice->salt == salt &&
		    census->conns[i].id == id)
			return i;
	if (top->chosen < census->count)
		return top->chosen;
	return census->count ? census->count - 1 : 0;
}

/* In order; the one that was chosen stays so. */
static void sort(struct top *top, uint64_t salt, uint64_t id)
{
	sorting = top;
	if (top->census.count)
		qsort(top->census.conns, top->census.count,
		      sizeof(*top->census.conns), in_order);
	top->chosen = place_of(top, salt, id);
}

static void sort_again(struct top *top)
{
	const struct census_conn *conn;

	if (!top->census.count)
		return;
	conn = &top->census.conns[top->chosen];
	sort(top, conn->voice->salt, conn->id);
}

static void look(struct top *top)
{
	struct census before = top->census;
	uint64_t salt = 0, id = 0;

	if (top->chosen < before.count) {
		salt = before.conns[top->chosen].voice->salt;
		id = before.conns[top->chosen].id;
	}
	census_take(&top->question, &top->census);
	census_rates(&top->census, &before);
	census_free(&before);
	filter_choose(top->filter, &top->census);
	sort(top, salt, id);
}

static void sort_by(struct top *top, enum column_id column)
{
	top->sort = column;
	top->inverted = false;
	sort_again(top);
}

/* By the next of the columns that are shown, or the one before. */
static void sort_beside(struct top *top, int step)
{
	int i, count = top->columns.count;

	for (i = 0; i < count; i++)
		if (top->columns.all[i] == top->sort)
			break;
	if (i == count)
		i = step > 0 ? count - 1 : 0;
	sort_by(top, top->columns.all[(i + step + count) % count]);
}

/* As typed; if it is none, the old one stays. */
static void take_filter(struct top *top)
{
	static char text[2][TOP_TEXT_MAX];	/* of the old one, and this */
	static int turn;
	char *words[WORDS_MOST], *rest = text[turn], *word;
	char wrong[FILTER_WRONG_MAX];
	struct filter *filter;
	int count = 0;

	snprintf(rest, TOP_TEXT_MAX, "%s", top->typed);
	while (count < WORDS_MOST && (word = strsep(&rest, " ")))
		if (*word)
			words[count++] = word;
	filter = filter_parse(words, count, wrong);
	if (!filter) {
		snprintf(top->message, sizeof(top->message), "%s", wrong);
		return;
	}
	turn = !turn;
	free(top->filter);
	top->filter = filter;
	snprintf(top->filter_text, sizeof(top->filter_text), "%s",
		 top->typed);
	look(top);
}

static bool has_text(const struct top *top, const struct census_conn *conn)
{
	char number[COLUMN_TEXT_MAX];
	int i;

	for (i = 0; i < top->columns.count; i++)
		if (strstr(column_text(top->columns.all[i], conn, number),
			   top->typed))
			return true;
	return false;
}

/* The next row that has it, from the chosen one on, round the end. */
static void seek(struct top *top)
{
	size_t i, row, count = top->census.count;

	for (i = 1; *top->typed && i <= count; i++) {
		row = (top->chosen + i) % count;
		if (has_text(top, &top->census.conns[row])) {
			top->chosen = row;
			return;
		}
	}
	snprintf(top->message, sizeof(top->message), "no row has %.100s",
		 top->typed);
}

static void ask_for(struct top *top, enum top_mode mode)
{
	top->mode = mode;
	snprintf(top->typed, sizeof(top->typed), "%s",
		 mode == TOP_FILTER ? top->filter_text : "");
}

/* A key while a filter or a text to seek is typed. */
static void type(struct top *top, int key)
{
	size_t size = strlen(top->typed);
	enum top_mode mode = top->mode;

	if (key == '\n' || key == '\r') {
		top->mode = TOP_ROWS;
		if (mode == TOP_FILTER)
			take_filter(top);
		else
			seek(top);
	} else if (key == ESCAPE || key == PRESS_QUIT) {
		top->mode = TOP_ROWS;
	} else if (key == PRESS_RUBOUT && size) {
		top->typed[size - 1] = '\0';
	} else if (key >= ' ' && key < 0x7f && size < TOP_TEXT_MAX - 1) {
		top->typed[size] = (char)key;
		top->typed[size + 1] = '\0';
	}
}

static void move(struct top *top, long by)
{
	long last = (long)top->census.count - 1;
	long to = (long)top->chosen + by;

	to = to > last ? last : to;
	top->chosen = to > 0 ? (size_t)to : 0;
}

/* Keys that move. False: it is none. */
static bool move_by_key(struct top *top, int key)
{
	long page = (long)top->height;

	switch (key) {
	case PRESS_UP_ROW:
		move(top, -1);
		return true;
	case PRESS_DOWN_ROW:
		move(top, 1);
		return true;
	case PRESS_UP_PAGE:
		move(top, -page);
		return true;
	case PRESS_DOWN_PAGE:
		move(top, page);
		return true;
	case PRESS_FIRST:
		top->chosen = 0;
		return true;
	case PRESS_LAST:
		move(top, (long)top->census.count);
		return true;
	default:
		return false;
	}
}

/* Keys that sort. */
static void sort_by_key(struct top *top, int key)
{
	switch (key) {
	case PRESS_SORT:
	case '>':
		sort_beside(top, 1);
		break;
	case '<':
		sort_beside(top, -1);
		break;
	case 'P':
		sort_by(top, COLUMN_sent_rate);
		break;
	case 'M':
		sort_by(top, COLUMN_ring);
		break;
	case 'T':
		sort_by(top, COLUMN_age);
		break;
	case 'N':
		sort_by(top, COLUMN_process);
		break;
	case 'I':
		top->inverted = !top->inverted;
		sort_again(top);
		break;
	}
}

/* False: that was the end. */
static bool obey(struct top *top, int key)
{
	top->message[0] = '\0';
	if (top->mode == TOP_HELP) {
		if (key != PRESS_NEW_SIZE)
			top->mode = TOP_ROWS;
	} else if (top->mode != TOP_ROWS) {
		type(top, key);
	} else if (key == PRESS_QUIT || key == 'q') {
		return false;
	} else if (key == PRESS_HELP || key == 'h' || key == '?') {
		top->mode = TOP_HELP;
	} else if (key == PRESS_FILTER || key == '\\') {
		ask_for(top, TOP_FILTER);
	} else if (key == PRESS_SEEK || key == '/') {
		ask_for(top, TOP_SEARCH);
	} else if (key == 'Z') {
		top->paused = !top->paused;
	} else if (!move_by_key(top, key)) {
		sort_by_key(top, key);
	}
	return true;
}

static void live(struct top *top)
{
	uint64_t step_ms = (uint64_t)(top->interval * 1000);
	uint64_t now, due_ms = 0;
	int key = PRESS_NONE;

	do {
		now = clock_ms();
		if (now >= due_ms) {
			if (!top->paused)
				look(top);
			due_ms = clock_ms() + step_ms;
		}
		screen_draw(top);
		now = clock_ms();
		key = screen_key(due_ms > now ? (int)(due_ms - now) : 0);
	} while (!over && (key == PRESS_NONE || obey(top, key)));
}

static void parse(int argc, char **argv, struct top *top)
{
	static const struct option long_options[] = {
		{ "pod", no_argument, NULL, 'p' },
		{ "columns", required_argument, NULL, 'o' },
		{ "interval", required_argument, NULL, 'i' },
		{ "sort", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	const char *names = USUAL, *key = "sent_rate";
	char wrong[FILTER_WRONG_MAX];
	struct column_list by;
	int i, option;

	while ((option = getopt_long(argc, argv, "o:i:s:", long_options,
				     NULL)) >= 0) {
		if (option == 'p')
			top->question.pod = true;
		else if (option == 'o')
			names = optarg;
		else if (option == 'i')
			top->interval = census_interval(optarg);
		else if (option == 's')
			key = optarg;
		else
			cli_usage("top", STATUS_USAGE);
	}
	columns_parse(names, &top->columns);
	columns_parse(key, &by);
	top->sort = by.all[0];
	top->filter = filter_parse(argv + optind, argc - optind, wrong);
	if (!top->filter)
		cli_fail(STATUS_USAGE, "%s", wrong);
	for (i = optind; i < argc; i++)
		snprintf(top->filter_text + strlen(top->filter_text),
			 sizeof(top->filter_text) - strlen(top->filter_text),
			 "%s%s", i > optind ? " " : "", argv[i]);
}

int command_top(int argc, char **argv)
{
	struct top top = { .interval = INTERVAL,
			   .question.wait_ms = ANSWER_MS };
	struct sigaction action = { .sa_handler = end };

	parse(argc, argv, &top);
	top.question.pid = filter_pid(top.filter);
	if (top.question.pid)
		ask_enter_network(top.question.pid);
	screen_begin();
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	live(&top);
	screen_end();
	census_free(&top.census);
	free(top.filter);
	return STATUS_FINE;
}
