// SPDX-License-Identifier: BSD-2-Clause
#include "diag/reason.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *sentence;
} rows[REASON_COUNT] = {
#define REASON(name, sentence) { #name, sentence },
#include "diag/reason.def"
#undef REASON
};

static atomic_ullong counts[REASON_COUNT], peers_counts[REASON_COUNT];

const char *reason_name(unsigned reason)
{
	return reason < REASON_COUNT ? rows[reason].name : "unknown";
}

const char *reason_sentence(unsigned reason)
{
	if (reason < REASON_COUNT)
		return rows[reason].sentence;
	return "a reason this release does not know";
}

unsigned reason_find(const char *name)
{
	unsigned reason = 0;

	while (reason < REASON_COUNT && strcmp(rows[reason].name, name))
		reason++;
	return reason;
}

const char *reason_text(unsigned reason, unsigned peers,
			char text[REASON_TEXT_MAX])
{
	if (reason == REASON_peer_declined && peers != REASON_none)
		snprintf(text, REASON_TEXT_MAX, "%s: %s", reason_name(reason),
			 reason_name(peers));
	else
		snprintf(text, REASON_TEXT_MAX, "%s", reason_name(reason));
	return text;
}

void reason_count(enum reason reason)
{
	if (reason < REASON_COUNT)
		atomic_fetch_add_explicit(&counts[reason], 1,
					  memory_order_relaxed);
}

uint64_t reason_counted(enum reason reason)
{
	if (reason >= REASON_COUNT)
		return 0;
	return atomic_load_explicit(&counts[reason], memory_order_relaxed);
}

void reason_count_peers(unsigned reason)
{
	if (reason < REASON_COUNT)
		atomic_fetch_add_explicit(&peers_counts[reason], 1,
					  memory_order_relaxed);
}

uint64_t reason_counted_peers(unsigned reason)
{
	if (reason >= REASON_COUNT)
		return 0;
	return atomic_load_explicit(&peers_counts[reason],
				    memory_order_relaxed);
}
