/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes that peers have made and that are not joined yet: a queue, of which
 * each address has a part of the places, of the threads and of the memory
 * (quota.h), so that the next one's is not behind all of another's. Any thread,
 * no locks held.
 */
#ifndef CONN_STRANGER_H
#define CONN_STRANGER_H

#include <stdbool.h>

#include "conn/limits.h"
#include "diag/reason.h"

struct stranger {
	struct stranger *next;
	int rs;
	struct limits_claim claim;	/* what it pins already */
	struct quota *from;		/* held while a thread has it */
};

/*
 * An rsocket that came, and the bytes that it pins, counted from now on. NULL:
 * no memory, and not counted.
 */
struct stranger *stranger_new(int rs, uint64_t pins);
/* It waits for a thread from now on; else the limit it would be over. */
enum reason stranger_enter(struct stranger *stranger);
/* It does no longer. False: a thread has it. */
bool stranger_withdraw(struct stranger *stranger);
/*
 * For a thread: the next that may have one, or NULL. `done`: the one before,
 * NULL at first; it is freed, and its claim has been taken from it.
 */
struct stranger *stranger_next(struct stranger *done);
/* Until it says something: 0 or -errno; a moment only, if others wait. */
int stranger_await(const struct stranger *stranger);

void stranger_after_fork(void);

#endif
