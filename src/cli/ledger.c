// SPDX-License-Identifier: BSD-2-Clause
#include "cli/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"

#define GROUPS_MOST 512		/* more than these are one, "(other)" */
#define ENTRIES_MOST 8192
#define NAME_MOST 64
#define OTHER "(other)"

/* What a process has said last of a rule, or of itself ("" and reasons). */
struct ledger_entry {
	uint64_t salt;
	unsigned inside;
	unsigned round;
	char rule[NAME_MOST];
	uint64_t counts[COUNTS];
};

/* One process's answer while it is read. */
struct reading {
	struct ledger *ledger;
	const struct voice *voice;
	bool same_bounds;
};

static void *grow(void *all, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return all;
	*room = *room ? *room * 2 : 16;
	all = realloc(all, *room * size);
	if (!all)
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	return all;
}

/* A label's value in quotes; what is no UTF-8 becomes a question mark. */
static void put_label(char labels[LEDGER_LABEL_MAX], const char *key,
		      const char *value)
{
	size_t size = strlen(labels), length = strlen(value), part;

	if (length >= NAME_MOST)
		length = NAME_MOST - 1;
	size += (size_t)sprintf(labels + size, "%s%s=\"", size ? "," : "",
				key);
	for (; length; value += part, length -= part) {
		part = json_character(value, length);
		if (!part) {
			labels[size++] = '?';
			part = 1;
			continue;
		}
		if (*value == '"' || *value == '\\')
			labels[size++] = '\\';
		memcpy(labels + size, value, part);
		size += part;
	}
	strcpy(labels + size, "\"");
}

static struct ledger_group *find_group(struct ledger *ledger,
				       const char *labels)
{
	size_t i;

	for (i = 0; i < ledger->count; i++)
		if (!strcmp(ledger->groups[i].labels, labels))
			return &ledger->groups[i];
	return NULL;
}

static struct ledger_group *make_group(struct ledger *ledger,
				       const char *labels)
{
	struct ledger_group *group = find_group(ledger, labels);

	if (group)
		return group;
	ledger->groups = grow(ledger->groups, ledger->count, &ledger->room,
			      sizeof(*ledger->groups));
	group = &ledger->groups[ledger->count++];
	memset(group, 0, sizeof(*group));
	snprintf(group->labels, sizeof(group->labels), "%s", labels);
	return group;
}

/* Of that process and rule; "": of what is no rule's. */
static struct ledger_group *group_of(const struct reading *reading,
				     const char *rule)
{
	struct ledger *ledger = reading->ledger;
	char labels[LEDGER_LABEL_MAX] = "", id[VOICE_ID_MAX];
	bool full = ledger->count >= GROUPS_MOST;

	if (ledger->by == BY_PROCESS) {
		put_label(labels, "process", reading->voice->name);
		put_label(labels, "pid", voice_id(reading->voice, id));
	} else if (ledger->by == BY_RULE && *rule) {
		put_label(labels, "rule", rule);
	}
	if (full && !find_group(ledger, labels)) {
		labels[0] = '\0';
		put_label(labels, ledger->by == BY_RULE ? "rule" : "process",
			  OTHER);
		if (ledger->by == BY_PROCESS)
			put_label(labels, "pid", "");
	}
	return make_group(ledger, labels);
}

static struct ledger_entry *entry_of(const struct reading *reading,
				     const char *rule)
{
	struct ledger *ledger = reading->ledger;
	struct ledger_entry *entry = ledger->entries;
	size_t i;

	for (i = 0; i < ledger->entry_count; i++, entry++)
		if (entry->salt == reading->voice->salt &&
		    entry->inside == reading->voice->inside &&
		    !strcmp(entry->rule, rule))
			return entry;
	if (ledger->entry_count >= ENTRIES_MOST)
		return NULL;
	ledger->entries = grow(ledger->entries, ledger->entry_count,
			       &ledger->entry_room, sizeof(*entry));
	entry = &ledger->entries[ledger->entry_count++];
	memset(entry, 0, sizeof(*entry));
	entry->salt = reading->voice->salt;
	entry->inside = reading->voice->inside;
	snprintf(entry->rule, sizeof(entry->rule), "%s", rule);
	return entry;
}

/* Add what has been counted since the process was last heard. */
static void add_counts(const struct reading *reading, const char *rule,
		       const uint64_t counts[COUNTS], int from, int to)
{
	struct ledger_group *group = group_of(reading, rule);
	struct ledger_entry *entry;
	char name[NAME_MOST];
	int i;

	snprintf(name, sizeof(name), "%s", rule);
	entry = entry_of(reading, name);
	if (!entry)
		return;
	entry->round = reading->ledger->round;
	for (i = from; i < to; i++) {
		if (counts[i] > entry->counts[i])
			group->counts[i] += counts[i] - entry->counts[i];
		entry->counts[i] = counts[i];
	}
}

static bool read_numbers(char *const *fields, uint64_t *numbers, int count)
{
	while (count--)
		if (!ask_number(*fields++, numbers++))
			return false;
	return true;
}

/* tally RULE ON-TCP ON-RDMA, and the counts up to messages, in their order */
static void read_tally(const struct reading *reading, const struct line *line)
{
	uint64_t counts[COUNTS], open[2];
	char *const *f = line->fields;
	struct ledger_group *group;

	if (!read_numbers(f + 2, open, 2) ||
	    !read_numbers(f + 4, counts, COUNT_JOIN_US))
		return;
	add_counts(reading, f[1], counts, 0, COUNT_JOIN_US);
	group = group_of(reading, f[1]);
	group->tallies = true;
	group->open_tcp += open[0];
	group->open_rdma += open[1];
}

/* times WHAT RULE SUM-US, and the buckets */
static void read_times(const struct reading *reading, const struct line *line)
{
	char *const *f = line->fields;
	int at = !strcmp(f[1], "join") ? COUNT_JOIN_US : COUNT_RETREAT_US;
	int count = 1 + CHANNEL_BOUNDS + 1;
	uint64_t counts[COUNTS];

	if (reading->same_bounds && line->count >= 3 + count &&
	    read_numbers(f + 3, counts + at, count))
		add_counts(reading, f[2], counts, at, at + count);
}

static bool has_our_bounds(const struct line *line)
{
	static const uint64_t ours[CHANNEL_BOUNDS] = CHANNEL_BOUNDS_US;
	uint64_t theirs[CHANNEL_BOUNDS];

	return line->count == 1 + CHANNEL_BOUNDS &&
	       read_numbers(line->fields + 1, theirs, CHANNEL_BOUNDS) &&
	       !memcmp(ours, theirs, sizeof(ours));
}

static void read_reason(const struct reading *reading,
			const struct line *line)
{
	uint64_t counts[COUNTS], count;
	int reason;

	for (reason = 0; reason < REASON_COUNT; reason++) {
		if (strcmp(reason_name((unsigned)reason), line->fields[1]))
			continue;
		if (!ask_number(line->fields[2], &count))
			return;
		counts[COUNT_REASONS + reason] = count;
		add_counts(reading, "", counts, COUNT_REASONS + reason,
			   COUNT_REASONS + reason + 1);
	}
}

static void add_use(const struct reading *reading, int use, const char *now,
		    const char *most)
{
	struct ledger_group *group = group_of(reading, "");
	uint64_t number;

	group->places = true;
	if (ask_number(now, &number))
		group->used[use] += number;
	if (ask_number(most, &number)) {
		group->most[use] += number;
		group->limited[use] = true;
	}
}

static void read_use(const struct reading *reading, const struct line *line)
{
	static const char *const names[] = {
		[USE_LANES] = "lanes", [USE_PINNED] = "pinned",
		[USE_RING] = "ring_memory", [USE_JOINS] = "joins",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], line->fields[1]))
			add_use(reading, (int)i, line->fields[2],
				line->fields[3]);
}

void ledger_read(struct ledger *ledger, const struct voice *voice)
{
	struct reading reading = { .ledger = ledger, .voice = voice };
	struct line line = { .voice = voice };
	char *text = voice->text;

	while (ask_line(&line, &text)) {
		if (!strcmp(line.fields[0], "bounds"))
			reading.same_bounds = has_our_bounds(&line);
		else if (!strcmp(line.fields[0], "tally"))
			read_tally(&reading, &line);
		else if (!strcmp(line.fields[0], "times"))
			read_times(&reading, &line);
		else if (!strcmp(line.fields[0], "use"))
			read_use(&reading, &line);
		else if (!strcmp(line.fields[0], "memlock"))
			add_use(&reading, USE_MEMLOCK, line.fields[1],
				line.fields[2]);
		else if (!strcmp(line.fields[0], "reason"))
			read_reason(&reading, &line);
	}
}

/* Gauges begin anew; by process, counters as well, which are no sums. */
static void begin_round(struct ledger *ledger)
{
	struct ledger_group *group = ledger->groups;
	size_t i;

	ledger->round++;
	ledger->answered = ledger->silent = 0;
	if (ledger->by == BY_PROCESS)
		ledger->count = ledger->entry_count = 0;
	for (i = 0; i < ledger->count; i++, group++) {
		group->open_tcp = group->open_rdma = 0;
		memset(group->used, 0, sizeof(group->used));
		memset(group->most, 0, sizeof(group->most));
		memset(group->limited, 0, sizeof(group->limited));
	}
}

/* Of one that gave no answer, what it has said last still counts. */
static void keep_silent(struct ledger *ledger, const struct voice *voice)
{
	size_t i;

	for (i = 0; i < ledger->entry_count; i++)
		if (ledger->entries[i].salt == voice->salt &&
		    ledger->entries[i].inside == voice->inside)
			ledger->entries[i].round = ledger->round;
}

/* Processes that have ended; what they counted is in the groups. */
static void forget_ended(struct ledger *ledger)
{
	size_t i, kept = 0;

	for (i = 0; i < ledger->entry_count; i++)
		if (ledger->entries[i].round == ledger->round)
			ledger->entries[kept++] = ledger->entries[i];
	ledger->entry_count = kept;
}

int ledger_take(struct ledger *ledger, struct question *question)
{
	struct voices voices;
	size_t i;
	int ret;

	question->request = "totals";
	ret = ask(question, &voices);
	if (ret == 0)
		begin_round(ledger);
	for (i = 0; i < voices.count; i++) {
		if (voices.all[i].wrong) {
			ledger->silent++;
			keep_silent(ledger, &voices.all[i]);
		} else {
			ledger->answered++;
			ledger_read(ledger, &voices.all[i]);
		}
	}
	if (ret == 0)
		forget_ended(ledger);
	ask_free(&voices);
	return ret;
}

void ledger_free(struct ledger *ledger)
{
	free(ledger->groups);
	free(ledger->entries);
	*ledger = (struct ledger){ .by = ledger->by };
}
