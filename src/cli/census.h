/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections of all processes that may be asked, as numbers. */
#ifndef CLI_CENSUS_H
#define CLI_CENSUS_H

#include "cli/ask.h"

struct census_conn {
	const struct voice *voice;
	const char *who;	/* "redis-server/4711" */
	const char *local, *direction, *remote;
	const char *state, *lane, *reason, *rule;
	uint64_t id;		/* within its process */
	uint64_t age_ms;
	uint64_t bytes[FLOWS], messages[FLOWS];
	uint64_t ring;		/* bytes kept for a retreat */
	uint64_t retreats;
	bool rated;		/* it was there before, too */
	uint64_t rates[FLOWS];	/* then: bytes a second */
};

struct census {
	struct voices voices;
	struct census_conn *conns;
	size_t count;
	uint64_t at_us;		/* when it was taken */
};

/*
 * Ask "stat" of whom the question is for. Lines that are not as they should be
 * are left out. If it cannot be known who is there the command ends.
 */
void census_take(struct question *question, struct census *census);
/* The lines of one answer, whose text is cut into pieces. */
void census_read(struct census *census, const struct voice *voice);
void census_free(struct census *census);

/* Fill in the rates since an earlier one, which is put in another order. */
void census_rates(struct census *census, struct census *before);

/* "0.5" -> seconds between two of them, or a usage error. */
double census_interval(const char *text);

#endif
