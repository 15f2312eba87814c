/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fd table: fd number -> what shunt knows of it. Numbers it does not
 * know are plain kernel fds and cost one atomic load.
 *
 * The protocol
 *  - find and hold are one step: fdtab_hold() looks the number up under its
 *    shard's lock and takes a reference on the object; fdtab_release() drops
 *    it. The object cannot go while held, whatever happens to the number.
 *  - removal precedes the free: an entry leaves the table first, then its own
 *    reference is dropped; a thread that holds the object finishes with it.
 *  - every insertion gets a new generation. Who works on an fd number over a
 *    system call (close, dup2) removes only the generation that it saw.
 *  - a number that the kernel hands out as new cannot be known: whoever gets
 *    a new fd from the kernel calls fdtab_evict() on it first.
 *  - dup'ed numbers are entries of their own that share one object; the last
 *    reference to go ends it.
 * Memory follows the tracked numbers (uthash in shards); nothing is sized by
 * RLIMIT_NOFILE. Locks: fdtab (one shard), never two, never over a call out.
 */
#ifndef FDTAB_FDTAB_H
#define FDTAB_FDTAB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What an entry points to. Embedded first in the object (struct conn ...).
 * `references` counts table entries and holders; `last` is called, without a
 * lock, by the release that brings it to zero.
 */
struct fdtab_object {
	atomic_uint references;
	void (*last)(struct fdtab_object *object);
};

#define FDTAB_SLOTS 1024	/* a filter, not a limit */
extern atomic_uint fdtab_slots[FDTAB_SLOTS];

/*
 * May the number be in the table? False is certain, and whoever took the
 * number's entry out is done with the number: this acquires what a removal
 * released, so that a close() comes after it. The fast path.
 */
static inline bool fdtab_maybe(int fd)
{
	unsigned in = atomic_load_explicit(
		&fdtab_slots[(unsigned)fd % FDTAB_SLOTS],
		memory_order_acquire);

	return __builtin_expect(in != 0, 0);
}

/* Enter a number; evicts a stale entry. Takes a reference. -ENOMEM. */
int fdtab_insert(int fd, struct fdtab_object *object);

/* The object, held, or NULL. *generation may be NULL. */
struct fdtab_object *fdtab_hold(int fd, uint64_t *generation);

void fdtab_take(struct fdtab_object *object);	 /* one more reference */
void fdtab_release(struct fdtab_object *object); /* may call ->last */

/* Remove the number if it still has this generation. True: it had. */
bool fdtab_remove(int fd, uint64_t generation);

/* Remove whatever the number stood for. */
void fdtab_evict(int fd);

/* How many numbers are known; for limits and tests. */
unsigned fdtab_count(void);

/*
 * Call visit for every entry, object held, no lock held during the call.
 * Linear. Entries made or removed meanwhile may or may not be seen.
 */
void fdtab_each(void (*visit)(int fd, struct fdtab_object *object, void *arg),
		void *arg);

/* Around fork(2): no shard is half changed in the child. */
void fdtab_before_fork(void);
void fdtab_after_fork(void);
/*
 * In a child before that: its parent's other threads were in calls, and are not
 * here to give back what these hold. Not in a call of this thread's own.
 */
void fdtab_recount(void);
/* In a child before that, if nobody called fdtab_before_fork(). */
void fdtab_forked_unseen(void);

#endif
