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

/* Count one connection that stays or ends for this reason. Atomic. */
void reason_count(enum reason reason);

/* How often reason_count() was called for it in this process. */
uint64_t reason_counted(enum reason reason);

#endif
