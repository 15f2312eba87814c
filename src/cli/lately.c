// SPDX-License-Identifier: BSD-2-Clause
#include "cli/lately.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "cli/ask.h"
#include "diag/reason.h"

#define WAIT_MS 2000
#define SECOND 1000000000u

/* The fields of a step (diag/channel.h). */
enum { TIME = 1, LOCAL = 3, WAY = 4, REMOTE = 5, TO = 8, REASON = 9,
       PEERS_REASON = 12 };

static bool is_same(const struct policy_query *query, char *const *fields)
{
	struct sockaddr_storage local, remote;
	bool listen = query->role == POLICY_LISTEN;

	if (strcmp(fields[WAY], listen ? "<-" : "->") ||
	    addr_parse(fields[LOCAL], &local) ||
	    addr_parse(fields[REMOTE], &remote))
		return false;
	if (!listen)
		return addr_same(&remote, &query->remote);
	return addr_port(&local) == query->port &&
	       (addr_is_any(&query->remote) ||
		addr_same_host(&remote, &query->remote));
}

static bool is_settled(const char *state)
{
	return !strcmp(state, "plain") || !strcmp(state, "on_rdma") ||
	       !strcmp(state, "dead");
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static void hear(const struct line *line, const struct policy_query *query,
		 struct lately *lately)
{
	char *const *fields = line->fields;
	uint64_t time_ns;

	if (strcmp(fields[0], "step") || !ask_number(fields[TIME], &time_ns) ||
	    time_ns < lately->time_ns || !is_settled(fields[TO]) ||
	    !is_same(query, fields))
		return;
	lately->any = true;
	lately->time_ns = time_ns;
	copy(lately->who, sizeof(lately->who), line->voice->who);
	copy(lately->state, sizeof(lately->state), fields[TO]);
	copy(lately->reason, sizeof(lately->reason), fields[REASON]);
	copy(lately->peers_reason, sizeof(lately->peers_reason),
	     fields[PEERS_REASON]);
}

void lately_find(const struct policy_query *query, struct lately *lately)
{
	const struct question question = { .request = "steps",
					   .wait_ms = WAIT_MS };
	struct voices voices;
	struct line line;
	char *text;
	size_t i;

	memset(lately, 0, sizeof(*lately));
	if (ask(&question, &voices) == 0) {
		for (i = 0; i < voices.count; i++) {
			line.voice = &voices.all[i];
			text = voices.all[i].text;
			while (!voices.all[i].wrong && ask_line(&line, &text))
				hear(&line, query, lately);
		}
	}
	ask_free(&voices);
}

/* A clock that was set back makes it now. */
static uint64_t seconds_since(uint64_t time_ns)
{
	uint64_t then = time_ns / SECOND, now = (uint64_t)time(NULL);

	return now > then ? now - then : 0;
}

static void put_for_people(const struct lately *lately)
{
	bool peers = *lately->peers_reason;
	const char *why = peers ? lately->peers_reason : lately->reason;

	printf("  lately  %s, %llu s ago (%s): %s%s%s: %s%s\n",
	       !strcmp(lately->state, "on_rdma") ? "one moved to rdma" :
	       !strcmp(lately->state, "dead") ? "one failed"
					      : "one stayed on tcp",
	       (unsigned long long)seconds_since(lately->time_ns),
	       lately->who, lately->reason, peers ? ": " : "",
	       lately->peers_reason, peers ? "there, " : "",
	       reason_sentence(reason_find(why)));
}

void lately_put(const struct lately *lately, bool porcelain)
{
	if (!lately->any)
		return;
	if (!porcelain) {
		put_for_people(lately);
		return;
	}
	printf("lately_process\t%s\n", lately->who);
	printf("lately_seconds\t%llu\n",
	       (unsigned long long)seconds_since(lately->time_ns));
	printf("lately_state\t%s\n", lately->state);
	printf("lately_reason\t%s\n", lately->reason);
	printf("lately_peers_reason\t%s\n", lately->peers_reason);
}
