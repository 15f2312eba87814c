/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the connections of this process have carried, and how their joins and
 * retreats went: a row for each rule that has decided one. A connection counts
 * for itself as long as it lives, and is added to its row when it ends, so
 * that sending and receiving share nothing with anybody; tally_read() adds up
 * both. Any thread, no locks held but those of the connection.
 *
 * A forked child begins at zero; what it inherited counts for its parent.
 */
#ifndef CONN_TALLY_H
#define CONN_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn/state.h"
#include "diag/channel.h"
#include "diag/reason.h"

struct conn;

/* Rules that are told apart; those that come later share the last row. */
#define TALLY_ROWS 64
#define TALLY_OTHER "(other)"

struct tally_times {
	uint64_t sum_us;
	uint64_t buckets[CHANNEL_BOUNDS + 1];	/* not cumulative */
};

/* A row, as it is told. */
struct tally_view {
	char rule[48];
	uint64_t connections;	/* that were looked at for a greeting */
	uint64_t joined, unjoined, ended;	/* joins, by their outcome */
	uint64_t retreats;	/* lanes that were left */
	uint64_t open_tcp, open_rdma;	/* now; what is plain is not known */
	uint64_t bytes[FLOWS], messages[FLOWS];
	struct tally_times join, retreat;
};

/* Of a new connection: find its rule's row. */
void tally_begin(struct conn *conn);
/* It is plain, dead or about to be freed: add it to its row, once. */
void tally_end(struct conn *conn);
/* With the connection's lock: it has taken a step. */
void tally_step(struct conn *conn, enum conn_state from, enum conn_state to,
		enum reason reason);

/* What it has carried until now. */
void tally_carried(const struct conn *conn, uint64_t bytes[FLOWS],
		   uint64_t messages[FLOWS]);

/*
 * All rows, with what the living connections `conns` have carried. No number
 * is smaller than in an earlier answer. Returns how many.
 */
size_t tally_read(struct conn *const *conns, size_t count,
		  struct tally_view views[TALLY_ROWS]);

void tally_after_fork(void);

#endif
