/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all processes have counted, added up by process, by rule, or as one, for
 * `shunt metrics`. Sums over processes do not fall when one of them ends, or
 * does not answer once: what it had counted stays in.
 */
#ifndef CLI_LEDGER_H
#define CLI_LEDGER_H

#include "cli/ask.h"
#include "diag/reason.h"

enum ledger_by { BY_PROCESS, BY_RULE, BY_NONE };

/* Places in `counts`. */
enum {
	COUNT_CONNECTIONS, COUNT_JOINED, COUNT_FAILED, COUNT_ENDED,
	COUNT_RETREATS,
	COUNT_BYTES,
	COUNT_MESSAGES = COUNT_BYTES + FLOWS,
	COUNT_JOIN_US = COUNT_MESSAGES + FLOWS,
	COUNT_JOIN_BUCKETS,
	COUNT_RETREAT_US = COUNT_JOIN_BUCKETS + CHANNEL_BOUNDS + 1,
	COUNT_RETREAT_BUCKETS,
	COUNT_REASONS = COUNT_RETREAT_BUCKETS + CHANNEL_BOUNDS + 1,
	COUNTS = COUNT_REASONS + REASON_COUNT
};

/* Gauges: what a process uses of its limits, in the order of the enum. */
enum {
	USE_LANES, USE_PINNED, USE_RING, USE_JOINS, USE_MEMLOCK, USES
};

#define LEDGER_LABEL_MAX 256

struct ledger_group {
	/* As Prometheus writes them, without braces; "" for the sum. */
	char labels[LEDGER_LABEL_MAX];
	bool tallies;		/* counts (but reasons) and open are there */
	bool places;		/* the last three are */
	uint64_t counts[COUNTS];
	uint64_t open_tcp, open_rdma;
	uint64_t used[USES], most[USES];
	bool limited[USES];	/* `most` is one, in some process */
};

struct ledger {
	enum ledger_by by;
	struct ledger_group *groups;
	size_t count, room;
	unsigned answered, silent;
	struct ledger_entry *entries;	/* what each process has said last */
	size_t entry_count, entry_room;
	unsigned round;
};

/* Ask, and bring it up to date. -errno as of ask(). */
int ledger_take(struct ledger *ledger, struct question *question);
/* The lines of one answer, whose text is cut into pieces. */
void ledger_read(struct ledger *ledger, const struct voice *voice);
void ledger_free(struct ledger *ledger);

#endif
