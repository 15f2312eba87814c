/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the lanes of this process may take: the policy's section limits, and
 * RLIMIT_MEMLOCK. Who makes a lane takes one first, and gives it back when the
 * rsocket has been closed, because until then its memory is pinned. Any
 * thread, no locks held.
 */
#ifndef CONN_LIMITS_H
#define CONN_LIMITS_H

#include "conn/conn.h"

/*
 * One more lane, for conn: REASON_none, or the limit it would be over.
 * `pinned`: its rsocket is there already. Tens of microseconds.
 */
enum reason limits_take(struct conn *conn, bool pinned);
/* The lane is joined, so the kernel counts its memory. */
void limits_arrived(struct conn *conn);
/* The rsocket is closed, or there was none. Any number of times. */
void limits_give(struct conn *conn);

/* Would one more be over a limit now? For the greeting; takes nothing. */
enum reason limits_look(const struct conn *conn);

/* One more lane is being made. False: too many are. */
bool limits_join_begin(void);
void limits_join_end(void);

/* For people: each limit by name, what is used of it, and the most. */
struct limits_use {
	const char *name;
	uint64_t now, most;	/* UINT64_MAX: auto */
};
#define LIMITS_USES 4
void limits_uses(struct limits_use uses[LIMITS_USES]);

void limits_after_fork(void);

#endif
