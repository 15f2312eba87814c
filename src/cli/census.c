// SPDX-License-Identifier: BSD-2-Clause
#include "cli/census.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"

#define INTERVAL_MOST 3600

/* The fields of a line "conn"; the last, and how many there are at least. */
enum {
	F_LOCAL = 1, F_DIRECTION, F_REMOTE, F_STATE, F_LANE, F_REASON, F_RULE,
	F_BYTES,
	F_NOTE = F_BYTES + FLOWS,
	F_ID, F_AGE,
	F_MESSAGES,
	F_RING = F_MESSAGES + FLOWS,
	F_RETREATS,
	F_COUNT
};

static bool read_numbers(char *const *fields, uint64_t *numbers, int count)
{
	while (count--)
		if (!ask_number(*fields++, numbers++))
			return false;
	return true;
}

/* The texts stay in the answer. False: the line is not as it should be. */
static bool read_conn(const struct line *line, struct census_conn *conn)
{
	char *const *f = line->fields;

	conn->local = f[F_LOCAL];
	conn->direction = f[F_DIRECTION];
	conn->remote = f[F_REMOTE];
	conn->state = f[F_STATE];
	conn->lane = f[F_LANE];
	conn->reason = f[F_REASON];
	conn->rule = f[F_RULE];
	return line->count >= F_COUNT &&
	       (!strcmp(conn->lane, "tcp") || !strcmp(conn->lane, "rdma")) &&
	       (!strcmp(conn->direction, "->") ||
		!strcmp(conn->direction, "<-")) &&
	       read_numbers(f + F_BYTES, conn->bytes, FLOWS) &&
	       read_numbers(f + F_ID, &conn->id, 1) &&
	       read_numbers(f + F_AGE, &conn->age_ms, 1) &&
	       read_numbers(f + F_MESSAGES, conn->messages, FLOWS) &&
	       read_numbers(f + F_RING, &conn->ring, 1) &&
	       read_numbers(f + F_RETREATS, &conn->retreats, 1);
}

static void add(struct census *census, const struct census_conn *conn)
{
	size_t count = census->count, room = count ? count * 2 : 64;

	/* It doubles whenever it has become a power of two. */
	if (count == 0 || (count >= 64 && (count & (count - 1)) == 0)) {
		census->conns = realloc(census->conns,
					room * sizeof(*census->conns));
		if (!census->conns)
			cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	}
	census->conns[census->count++] = *conn;
}

void census_read(struct census *census, const struct voice *voice)
{
	struct census_conn conn = { .voice = voice, .who = voice->who };
	struct line line = { .voice = voice };
	char *text = voice->text;

	while (ask_line(&line, &text))
		if (!strcmp(line.fields[0], "conn") && read_conn(&line, &conn))
			add(census, &conn);
}

void census_take(struct question *question, struct census *census)
{
	size_t i;
	int ret;

	question->request = "stat";
	*census = (struct census){ .at_us = clock_us() };
	ret = ask(question, &census->voices);
	if (ret)
		cli_fail(STATUS_OWN_FAILURE, "/proc/self/net/unix: %s",
			 strerror(-ret));
	for (i = 0; i < census->voices.count; i++)
		if (!census->voices.all[i].wrong)
			census_read(census, &census->voices.all[i]);
}

void census_free(struct census *census)
{
	free(census->conns);
	ask_free(&census->voices);
	*census = (struct census){ .count = 0 };
}

static int by_identity(const void *a, const void *b)
{
	const struct census_conn *one = a, *other = b;

	if (one->voice->salt != other->voice->salt)
		return one->voice->salt < other->voice->salt ? -1 : 1;
	if (one->id != other->id)
		return one->id < other->id ? -1 : 1;
	return 0;
}

void census_rates(struct census *census, struct census *before)
{
	uint64_t us = census->at_us - before->at_us;
	const struct census_conn *old;
	size_t i;
	int flow;

	if (!us || !before->count)
		return;
	qsort(before->conns, before->count, sizeof(*before->conns),
	      by_identity);
	for (i = 0; i < census->count; i++) {
		struct census_conn *conn = &census->conns[i];

		old = bsearch(conn, before->conns, before->count,
			      sizeof(*old), by_identity);
		conn->rated = old != NULL;
		for (flow = 0; old && flow < FLOWS; flow++)
			conn->rates[flow] =
				conn->bytes[flow] > old->bytes[flow]
					? (conn->bytes[flow] -
					   old->bytes[flow]) * 1000000 / us
					: 0;
	}
}

double census_interval(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0.1 &&
				     seconds <= INTERVAL_MOST))
		cli_fail(STATUS_USAGE, "-i %s: not 0.1 to %d seconds", text,
			 INTERVAL_MOST);
	return seconds;
}
