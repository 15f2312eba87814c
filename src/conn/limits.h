/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the lanes of this process may take: the policy's section limits, and
 * RLIMIT_MEMLOCK. Who makes a lane takes one first, and gives it back when the
 * rsocket has been closed, because until then its memory is pinned. Any
 * thread, no locks held.
 */
#ifndef CONN_LIMITS_H
#define CONN_LIMITS_H

#include "conn/parts.h"

/*
 * One more lane, for conn: REASON_none, or the limit it would be over. Tens of
 * microseconds.
 */
enum reason limits_take(struct conn *conn);
/*
 * The same of one that a peer has made. Its claim is the connection's from now
 * on, whatever this says.
 */
enum reason limits_admit(struct conn *conn, struct limits_claim *claim);
/* The lane is joined, so the kernel counts its memory. */
void limits_arrived(struct conn *conn);
/* The rsocket is closed, or there was none. Any number of times. */
void limits_give(struct limits_claim *claim);

/* An rsocket has come from there, and pins this much, whoever it is for. */
void limits_pinned(struct limits_claim *claim,
		   const struct sockaddr_storage *from, uint64_t bytes);
/* It is not joined yet: REASON_none, or the limit that it would be over. */
enum reason limits_stranger_begin(const struct limits_claim *claim);
void limits_stranger_end(struct quota *from);

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
