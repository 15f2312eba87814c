/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes with ranks. A thread may take a lock only if its class stands below
 * (after) every class it holds in locks.def; --enable-debug builds check that
 * and abort with both names. No lock is held across a call that may block,
 * nor into librdmacm, except: receive and send are held over one non-blocking
 * rdma_recv or rdma_send, which are ordered by them alone; and rsocket over one
 * such call (rdma/turns.h). Signals are put off while one is held
 * (base/critical.h).
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

enum lock_class {
#define LOCK(name, guards) LOCK_##name,
#include "base/locks.def"
#undef LOCK
	LOCK_CLASSES
};

struct lock {
	pthread_mutex_t mutex;
	enum lock_class class;
};

#define LOCK_INIT(name) { PTHREAD_MUTEX_INITIALIZER, LOCK_##name }

void lock_init(struct lock *lock, enum lock_class class);
void lock_destroy(struct lock *lock);
void lock_acquire(struct lock *lock);
void lock_release(struct lock *lock);

/* In a child that is alone yet: did no thread of the parent's have it? */
bool lock_is_free(struct lock *lock);

/* The class's name, for messages. */
const char *lock_name(enum lock_class class);

#endif
