/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reasons: why a connection is on the lane it is on. One row of reason.def
 * each; pure data, callable from anywhere, takes no locks.
 */
#ifndef DIAG_REASON_H
#define DIAG_REASON_H

#include <stdint.h>

enum reason {
#define REASON(name, sentence) REASON_##name,
#include "diag/reason.def"
#undef REASON
	REASON_COUNT
};

/* The row's name ("no_device"); "unknown" for a number out of range. */
const char *reason_name(unsigned reason);

/* The row's sentence, for people; never NULL. */
const char *reason_sentence(unsigned reason);

/*
 * The name as logs have it: "memlock", or "peer_declined: memlock" if that is
 * the reason and `peers`, a number from the peer, says why; 0: it does not.
 */
#define REASON_TEXT_MAX 64
const char *reason_text(unsigned reason, unsigned peers,
			char text[REASON_TEXT_MAX]);

/* The row of that name, or REASON_COUNT. */
unsigned reason_find(const char *name);

/* Count one connection that stays or ends for this reason. Atomic. */
void reason_count(enum reason reason);

/* How often reason_count() was called for it in this process. */
uint64_t reason_counted(enum reason reason);

/*
 * The same of what peers said when they declined: those of peer_declined.
 * Numbers that this release does not know are not counted.
 */
void reason_count_peers(unsigned reason);
uint64_t reason_counted_peers(unsigned reason);

#endif
