// SPDX-License-Identifier: BSD-2-Clause
#include "fdtab/fdtab.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/lock.h"
#include "base/memory.h"

#define SHARDS 16

struct entry {
	int fd;
	uint64_t generation;
	struct fdtab_object *object;
	UT_hash_handle hh;
};

static struct shard {
	struct lock lock;
	struct entry *entries;
} shards[SHARDS] = {
	[0 ... SHARDS - 1] = { .lock = LOCK_INIT(fdtab) },
};

atomic_uint fdtab_slots[FDTAB_SLOTS];
static atomic_uint count;
static atomic_ullong generations;

static struct shard *shard_of(int fd)
{
	return &shards[(unsigned)fd % SHARDS];
}

static atomic_uint *slot_of(int fd)
{
	return &fdtab_slots[(unsigned)fd % FDTAB_SLOTS];
}

/* With the shard's lock. */
static struct entry *find(struct shard *shard, int fd)
{
	struct entry *entry;

	HASH_FIND_NUMBER(shard->entries, fd, entry);
	return entry;
}

/* With the shard's lock; the caller frees and releases after unlocking. */
static void unlink_entry(struct shard *shard, struct entry *entry)
{
	HASH_DEL(shard->entries, entry);
	atomic_fetch_sub(slot_of(entry->fd), 1);
	atomic_fetch_sub(&count, 1);
}

static void drop(struct entry *entry)
{
	if (!entry)
		return;
	fdtab_release(entry->object);
	memory_free(entry);
}

int fdtab_insert(int fd, struct fdtab_object *object)
{
	struct shard *shard = shard_of(fd);
	struct entry *old, *entry = memory_new(sizeof(*entry));
	bool full;

	if (!entry)
		return -ENOMEM;
	entry->fd = fd;
	entry->object = object;
	fdtab_take(object);

	lock_acquire(&shard->lock);
	/* Under the lock: a shard's list is in the order of generations. */
	entry->generation = atomic_fetch_add(&generations, 1) + 1;
	old = find(shard, fd);
	if (old)
		unlink_entry(shard, old);
	HASH_ADD_NUMBER(shard->entries, fd, entry);
	full = !entry->hh.tbl;
	if (!full) {
		atomic_fetch_add(slot_of(fd), 1);
		atomic_fetch_add(&count, 1);
	}
	lock_release(&shard->lock);

	/* From here on the entry may be gone: another thread can evict it. */
	drop(old);
	if (full)
		drop(entry);
	return full ? -ENOMEM : 0;
}

struct fdtab_object *fdtab_hold(int fd, uint64_t *generation)
{
	struct shard *shard = shard_of(fd);
	struct fdtab_object *object = NULL;
	struct entry *entry;

	if (!fdtab_maybe(fd))
		return NULL;
	lock_acquire(&shard->lock);
	entry = find(shard, fd);
	if (entry) {
		object = entry->object;
		fdtab_take(object);
		if (generation)
			*generation = entry->generation;
	}
	lock_release(&shard->lock);
	return object;
}

void fdtab_take(struct fdtab_object *object)
{
	atomic_fetch_add(&object->references, 1);
}

void fdtab_release(struct fdtab_object *object)
{
	if (atomic_fetch_sub(&object->references, 1) == 1)
		object->last(object);
}

bool fdtab_remove(int fd, uint64_t generation)
{
	struct shard *shard = shard_of(fd);
	struct entry *entry;

	if (!fdtab_maybe(fd))
		return false;
	lock_acquire(&shard->lock);
	entry = find(shard, fd);
	if (entry && generation && entry->generation != generation)
		entry = NULL;
	if (entry)
		unlink_entry(shard, entry);
	lock_release(&shard->lock);
	drop(entry);
	return entry != NULL;
}

void fdtab_evict(int fd)
{
	if (fdtab_maybe(fd))
		fdtab_remove(fd, 0);
}

unsigned fdtab_count(void)
{
	return atomic_load(&count);
}

/* An entry as a walk has seen it; its object is held during the visit. */
struct stop {
	int fd;
	uint64_t generation;
	struct fdtab_object *object;
};

#define STOPS 32

/*
 * With the shard's lock: the entry after a stop, in the list's order, which is
 * that of generations. Linear in the list only if the stop was removed.
 */
static struct entry *after(struct shard *shard, const struct stop *stop)
{
	struct entry *entry = find(shard, stop->fd);

	if (entry && entry->generation == stop->generation)
		return entry->hh.next;
	entry = shard->entries;
	while (entry && entry->generation <= stop->generation)
		entry = entry->hh.next;
	return entry;
}

/* The stops after stops[0], from there on; how many. Allocates nothing. */
static unsigned collect(struct shard *shard, struct stop stops[STOPS])
{
	struct entry *entry;
	unsigned found = 0;

	lock_acquire(&shard->lock);
	entry = after(shard, &stops[0]);
	for (; entry && found < STOPS; entry = entry->hh.next) {
		fdtab_take(entry->object);
		stops[found++] = (struct stop){ entry->fd, entry->generation,
						entry->object };
	}
	lock_release(&shard->lock);
	return found;
}

void fdtab_each(void (*visit)(int fd, struct fdtab_object *object, void *arg),
		void *arg)
{
	struct stop stops[STOPS];
	unsigned i, k, found;

	for (i = 0; i < SHARDS; i++) {
		stops[0] = (struct stop){ .fd = -1, .generation = 0 };
		while ((found = collect(&shards[i], stops))) {
			for (k = 0; k < found; k++) {
				visit(stops[k].fd, stops[k].object, arg);
				fdtab_release(stops[k].object);
			}
			stops[0] = stops[found - 1];
		}
	}
}

/* The only place that holds several shards: in their order, lock by lock. */
void fdtab_before_fork(void)
{
	int i;

	for (i = 0; i < SHARDS; i++)
		pthread_mutex_lock(&shards[i].lock.mutex);
}

void fdtab_after_fork(void)
{
	int i;

	for (i = SHARDS - 1; i >= 0; i--)
		pthread_mutex_unlock(&shards[i].lock.mutex);
}

void fdtab_recount(void)
{
	struct entry *entry;
	int i;

	for (i = 0; i < SHARDS; i++)
		for (entry = shards[i].entries; entry; entry = entry->hh.next)
			atomic_store(&entry->object->references, 0);
	for (i = 0; i < SHARDS; i++)
		for (entry = shards[i].entries; entry; entry = entry->hh.next)
			fdtab_take(entry->object);
}

void fdtab_forked_unseen(void)
{
	int i;

	for (i = 0; i < SHARDS; i++)
		lock_init(&shards[i].lock, LOCK_fdtab);
	fdtab_before_fork();
}
