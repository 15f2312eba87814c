// SPDX-License-Identifier: BSD-2-Clause
/* What shunt metrics prints. */
#include <inttypes.h>

#include "cli/metrics.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif

/* A family that is being printed. */
struct family {
	FILE *file;
	const char *name;
	const struct ledger *ledger;
	const struct ledger_group *group;
};

static void put_name(const struct family *family, const char *suffix,
		     const char *more)
{
	const char *labels = family->group->labels;

	fprintf(family->file, "shunt_%s%s", family->name, suffix);
	if (*labels || *more)
		fprintf(family->file, "{%s%s%s}", labels,
			*labels && *more ? "," : "", more);
}

static void put(const struct family *family, const char *more, uint64_t number)
{
	put_name(family, "", more);
	fprintf(family->file, " %" PRIu64 "\n", number);
}

/* "500" microseconds are "0.0005" seconds. */
static void put_histogram(const struct family *family, int at)
{
	static const uint64_t bounds[CHANNEL_BOUNDS] = CHANNEL_BOUNDS_US;
	const uint64_t *counts = family->group->counts + at;
	uint64_t sum_us = counts[0], count = 0;
	char more[32];
	int i;

	for (i = 0; i <= CHANNEL_BOUNDS; i++) {
		count += counts[1 + i];
		if (i < CHANNEL_BOUNDS)
			snprintf(more, sizeof(more), "le=\"%g\"",
				 (double)bounds[i] / 1e6);
		else
			snprintf(more, sizeof(more), "le=\"+Inf\"");
		put_name(family, "_bucket", more);
		fprintf(family->file, " %" PRIu64 "\n", count);
	}
	put_name(family, "_sum", "");
	fprintf(family->file, " %" PRIu64 ".%06" PRIu64 "\n", sum_us / 1000000,
		sum_us % 1000000);
	put_name(family, "_count", "");
	fprintf(family->file, " %" PRIu64 "\n", count);
}

static void put_flows(const struct family *family, int at)
{
	static const char *const labels[FLOWS] = {
		[FLOW_TCP_SENT] = "lane=\"tcp\",direction=\"sent\"",
		[FLOW_TCP_RECEIVED] = "lane=\"tcp\",direction=\"received\"",
		[FLOW_RDMA_SENT] = "lane=\"rdma\",direction=\"sent\"",
		[FLOW_RDMA_RECEIVED] = "lane=\"rdma\",direction=\"received\"",
	};
	int flow;

	for (flow = 0; flow < FLOWS; flow++)
		put(family, labels[flow], family->group->counts[at + flow]);
}

static void put_used(const struct family *family, int use)
{
	if (family->group->places)
		put(family, "", family->group->used[use]);
}

static void put_limit(const struct family *family, int use)
{
	if (family->group->places && family->group->limited[use])
		put(family, "", family->group->most[use]);
}

static void put_counted(const struct family *family, int count)
{
	if (family->group->tallies)
		put(family, "", family->group->counts[count]);
}

/* A function for each row of metrics.def. */

static void put_processes(const struct family *family)
{
	fprintf(family->file, "shunt_processes %u\n",
		family->ledger->answered);
}

static void put_processes_silent(const struct family *family)
{
	fprintf(family->file, "shunt_processes_silent %u\n",
		family->ledger->silent);
}

static void put_connections(const struct family *family)
{
	if (!family->group->tallies)
		return;
	put(family, "lane=\"tcp\"", family->group->open_tcp);
	put(family, "lane=\"rdma\"", family->group->open_rdma);
}

static void put_connections_looked_at_total(const struct family *family)
{
	put_counted(family, COUNT_CONNECTIONS);
}

static void put_joins_total(const struct family *family)
{
	const uint64_t *counts = family->group->counts;

	if (!family->group->tallies)
		return;
	put(family, "result=\"joined\"", counts[COUNT_JOINED]);
	put(family, "result=\"failed\"", counts[COUNT_FAILED]);
	put(family, "result=\"ended\"", counts[COUNT_ENDED]);
}

static void put_retreats_total(const struct family *family)
{
	put_counted(family, COUNT_RETREATS);
}

static void put_bytes_total(const struct family *family)
{
	if (family->group->tallies)
		put_flows(family, COUNT_BYTES);
}

static void put_messages_total(const struct family *family)
{
	if (family->group->tallies)
		put_flows(family, COUNT_MESSAGES);
}

static void put_join_seconds(const struct family *family)
{
	if (family->group->tallies)
		put_histogram(family, COUNT_JOIN_US);
}

static void put_retreat_seconds(const struct family *family)
{
	if (family->group->tallies)
		put_histogram(family, COUNT_RETREAT_US);
}

static void put_reasons_total(const struct family *family)
{
	char more[64];
	int reason;

	for (reason = 0; reason < REASON_COUNT; reason++) {
		uint64_t count = family->group->counts[COUNT_REASONS + reason];

		if (!count)
			continue;
		snprintf(more, sizeof(more), "reason=\"%s\"",
			 reason_name((unsigned)reason));
		put(family, more, count);
	}
}

#define USED(name, limit, use) \
	static void put_##name(const struct family *family) \
	{ \
		put_used(family, use); \
	} \
	static void put_##limit(const struct family *family) \
	{ \
		put_limit(family, use); \
	}
USED(lanes, lanes_limit, USE_LANES)
USED(pinned_bytes, pinned_limit_bytes, USE_PINNED)
USED(ring_bytes, ring_limit_bytes, USE_RING)
USED(joins_running, joins_limit, USE_JOINS)
#undef USED

/* Where there is no limit nobody has looked at what is used of it. */
static void put_memlock_bytes(const struct family *family)
{
	if (family->group->limited[USE_MEMLOCK])
		put_used(family, USE_MEMLOCK);
}

static void put_memlock_limit_bytes(const struct family *family)
{
	put_limit(family, USE_MEMLOCK);
}

static const struct {
	const char *name, *type, *help;
	void (*put)(const struct family *family);
} families[] = {
#define METRIC(name, type, help) { #name, #type, help, put_##name },
#include "cli/metrics.def"
#undef METRIC
};

/* The first two are of no group. */
#define ALONE 2

void metrics_print(FILE *file, const struct ledger *ledger)
{
	struct family family = { .file = file, .ledger = ledger };
	size_t i, k;

	fputs("# HELP shunt_info The release that has asked.\n"
	      "# TYPE shunt_info gauge\n"
	      "shunt_info{version=\"" PACKAGE_VERSION "\"} 1\n", file);
	for (i = 0; i < sizeof(families) / sizeof(*families); i++) {
		fprintf(file, "# HELP shunt_%s %s\n# TYPE shunt_%s %s\n",
			families[i].name, families[i].help, families[i].name,
			families[i].type);
		family.name = families[i].name;
		if (i < ALONE)
			families[i].put(&family);
		for (k = 0; i >= ALONE && k < ledger->count; k++) {
			family.group = &ledger->groups[k];
			families[i].put(&family);
		}
	}
}
