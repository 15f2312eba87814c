// SPDX-License-Identifier: BSD-2-Clause
#include "conn/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/limits.h"
#include "conn/parts.h"
#include "diag/channel.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif

#define LINE_MOST 1024
#define PART_MOST 512		/* of a variable's value, in one line */
#define ROOM_FIRST 16384

static bool make_room(struct answer *answer)
{
	size_t room = answer->room ? answer->room * 2 : ROOM_FIRST;
	char *more;

	if (answer->size + LINE_MOST <= answer->room)
		return true;
	more = realloc(answer->text, room);
	if (!more) {
		answer->failed = true;
		return false;
	}
	answer->text = more;
	answer->room = room;
	return true;
}

void answer_say(struct answer *answer, const char *format, ...)
{
	va_list args;
	int size;

	if (!make_room(answer))
		return;
	va_start(args, format);
	size = vsnprintf(answer->text + answer->size, LINE_MOST - 1, format,
			 args);
	va_end(args);
	if (size < 0)
		return;
	if (size > LINE_MOST - 2)
		size = LINE_MOST - 2;
	answer->size += (size_t)size;
	answer->text[answer->size++] = '\n';
}

void answer_process(struct answer *answer)
{
	char name[CHANNEL_NAME_MAX];
	size_t i;

	snprintf(name, sizeof(name), "%s", program_invocation_short_name);
	for (i = 0; name[i]; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			name[i] = '?';
	answer_say(answer, "process\t%d\t%s\t%s", (int)getpid(), name,
		   PACKAGE_VERSION);
}

/* Bytes kept for a retreat: what the peer's program has not read yet. */
static uint64_t ring_held(const struct conn *conn, enum conn_state state)
{
	uint64_t sent = conn->tx.bytes, acked = conn->tx.acked;

	if (conn->decision.lane.replay == 0 || sent < acked ||
	    (state != STATE_on_rdma && state != STATE_retreating))
		return 0;
	return sent - acked;
}

#define U(number) ((unsigned long long)(number))

void answer_conn(struct answer *answer, const struct conn *conn,
		 const char *note)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	uint64_t bytes[FLOWS], messages[FLOWS];
	enum conn_state state = conn_state(conn);
	struct sockaddr_storage own;

	conn_read_local(conn, &own);
	addr_format(&own, local);
	addr_format(&conn->ends.remote, remote);
	tally_carried(conn, bytes, messages);
	answer_say(answer,
		   "conn\t%s\t%s\t%s\t%s\t%s\t%s\t%s"
		   "\t%llu\t%llu\t%llu\t%llu\t%s"
		   "\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%u"
		   "\t%s\t%s",
		   local, conn->role == CONN_ACTIVE ? "->" : "<-", remote,
		   state_name(state), state == STATE_on_rdma ? "rdma" : "tcp",
		   reason_name(conn->reason), conn->decision.rule,
		   U(bytes[FLOW_TCP_SENT]), U(bytes[FLOW_TCP_RECEIVED]),
		   U(bytes[FLOW_RDMA_SENT]), U(bytes[FLOW_RDMA_RECEIVED]), note,
		   U(conn->account.number),
		   U(clock_ms() - conn->account.made_ms),
		   U(messages[FLOW_TCP_SENT]), U(messages[FLOW_TCP_RECEIVED]),
		   U(messages[FLOW_RDMA_SENT]), U(messages[FLOW_RDMA_RECEIVED]),
		   U(ring_held(conn, state)), conn->account.retreats,
		   trace_tx(conn->tx.stage),
		   trace_rx(conn->rx.stage, conn->rx.boundary != OFFSET_NEVER));
}

static void say_uses(struct answer *answer)
{
	struct limits_use uses[LIMITS_USES];
	char most[24];
	int i;

	limits_uses(uses);
	for (i = 0; i < LIMITS_USES; i++) {
		snprintf(most, sizeof(most), "%llu", U(uses[i].most));
		answer_say(answer, "use\t%s\t%llu\t%s", uses[i].name,
			   U(uses[i].now),
			   uses[i].most == UINT64_MAX ? "auto" : most);
	}
}

/* What the kernel lets the process pin; nothing is said if that is all. */
static void say_memlock(struct answer *answer)
{
	uint64_t left = carrier->bytes_left();
	struct rlimit limit;

	if (left == UINT64_MAX || getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return;
	answer_say(answer, "memlock\t%llu\t%llu",
		   U(limit.rlim_cur > left ? limit.rlim_cur - left : 0),
		   U(limit.rlim_cur));
}

static void say_count(struct answer *answer, const char *what,
		      unsigned reason, uint64_t count)
{
	if (count)
		answer_say(answer, "%s\t%s\t%llu\t%s", what,
			   reason_name(reason), U(count),
			   reason_sentence(reason));
}

static void say_reasons(struct answer *answer)
{
	unsigned reason;

	for (reason = 0; reason < REASON_COUNT; reason++)
		say_count(answer, "reason", reason, reason_counted(reason));
	for (reason = 0; reason < REASON_COUNT; reason++)
		say_count(answer, "declined", reason,
			  reason_counted_peers(reason));
}

/* "\t1\t2\t3" */
static const char *list(char text[LINE_MOST], const uint64_t *numbers,
			int count)
{
	size_t size = 0;
	int i;

	text[0] = '\0';
	for (i = 0; i < count && size < LINE_MOST - 24; i++)
		size += (size_t)sprintf(text + size, "\t%llu", U(numbers[i]));
	return text;
}

static void say_bounds(struct answer *answer)
{
	static const uint64_t bounds[CHANNEL_BOUNDS] = CHANNEL_BOUNDS_US;
	char text[LINE_MOST];

	answer_say(answer, "bounds%s", list(text, bounds, CHANNEL_BOUNDS));
}

static void say_times(struct answer *answer, const char *what,
		      const struct tally_view *view,
		      const struct tally_times *times)
{
	char text[LINE_MOST];

	answer_say(answer, "times\t%s\t%s\t%llu%s", what, view->rule,
		   U(times->sum_us),
		   list(text, times->buckets, CHANNEL_BOUNDS + 1));
}

static void say_tally(struct answer *answer, const struct tally_view *view)
{
	char bytes[LINE_MOST], messages[LINE_MOST];

	answer_say(answer, "tally\t%s\t%llu\t%llu"
		   "\t%llu\t%llu\t%llu\t%llu\t%llu%s%s",
		   view->rule, U(view->open_tcp), U(view->open_rdma),
		   U(view->connections), U(view->joined), U(view->unjoined),
		   U(view->ended), U(view->retreats),
		   list(bytes, view->bytes, FLOWS),
		   list(messages, view->messages, FLOWS));
	say_times(answer, "join", view, &view->join);
	say_times(answer, "retreat", view, &view->retreat);
}

static void say_tallies(struct answer *answer, const struct crowd *crowd)
{
	struct tally_view *views = malloc(TALLY_ROWS * sizeof(*views));
	size_t i, count;

	if (!views) {
		answer->failed = true;
		return;
	}
	count = tally_read(crowd->conns, crowd->count, views);
	say_bounds(answer);
	for (i = 0; i < count; i++)
		say_tally(answer, &views[i]);
	free(views);
}

static void say_variable(const char *name, const char *value, void *arg)
{
	char part[PART_MOST + 1];
	struct answer *answer = arg;
	bool more = false;
	size_t i;

	do {
		snprintf(part, sizeof(part), "%s", value);
		value += strlen(part);
		for (i = 0; part[i]; i++)
			if (strchr("\t\n\r", part[i]))
				part[i] = ' ';
		if (more)
			answer_say(answer, "more\t%s", part);
		else
			answer_say(answer, "env\t%s\t%s", name, part);
		more = true;
	} while (*value);
}

void answer_environment(struct answer *answer)
{
	answer_process(answer);
	policy_each_variable(say_variable, answer);
}

void answer_stat(struct answer *answer, bool with_conns)
{
	struct crowd crowd;
	size_t i;

	answer_process(answer);
	crowd_gather(&crowd);
	for (i = 0; with_conns && i < crowd.count; i++)
		answer_conn(answer, crowd.conns[i], "");
	say_tallies(answer, &crowd);
	answer->failed |= crowd.incomplete;
	crowd_disperse(&crowd);
	say_uses(answer);
	say_memlock(answer);
	say_reasons(answer);
}
