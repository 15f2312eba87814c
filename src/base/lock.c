// SPDX-License-Identifier: BSD-2-Clause
#include "base/lock.h"

#include "base/critical.h"

static const char *const names[] = {
#define LOCK(name, guards) #name,
#include "base/locks.def"
#undef LOCK
};

bool lock_is_free(struct lock *lock)
{
	if (pthread_mutex_trylock(&lock->mutex) != 0)
		return false;
	pthread_mutex_unlock(&lock->mutex);
	return true;
}

const char *lock_name(enum lock_class class)
{
	return (unsigned)class < LOCK_CLASSES ? names[class] : "unknown";
}

#ifdef SHUNT_DEBUG

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/real.h"

/* The classes this thread holds, in the order it took them. */
static __thread enum lock_class held[LOCK_CLASSES];
static __thread unsigned held_count;

static void violation(const char *what, enum lock_class class,
		      enum lock_class other)
{
	char line[160];

	snprintf(line, sizeof(line), "shunt: lock %s %s while holding %s\n",
		 lock_name(class), what, lock_name(other));
	real.write(STDERR_FILENO, line, strlen(line));
	abort();
}

/* The stack is sorted, so its top is the only one to look at. */
static void rank_take(enum lock_class class)
{
	if (held_count && held[held_count - 1] >= class)
		violation("taken", class, held[held_count - 1]);
	held[held_count++] = class;
}

static void rank_drop(enum lock_class class)
{
	unsigned i = held_count;

	while (i > 0 && held[i - 1] != class)
		i--;
	if (!i)
		violation("released but not held", class,
			  held_count ? held[held_count - 1] : LOCK_CLASSES);
	memmove(&held[i - 1], &held[i], (held_count - i) * sizeof(held[0]));
	held_count--;
}

#else

static inline void rank_take(enum lock_class class)
{
	(void)class;
}

static inline void rank_drop(enum lock_class class)
{
	(void)class;
}

#endif

void lock_init(struct lock *lock, enum lock_class class)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->class = class;
}

void lock_destroy(struct lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

void lock_acquire(struct lock *lock)
{
	critical_enter();
	rank_take(lock->class);
	pthread_mutex_lock(&lock->mutex);
}

void lock_release(struct lock *lock)
{
	rank_drop(lock->class);
	pthread_mutex_unlock(&lock->mutex);
	critical_leave();
}
