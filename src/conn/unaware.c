// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is known of destinations, for a while. A small direct-mapped cache: a
 * collision forgets one early, which costs one greeting.
 */
#include <string.h>

#include "base/addr.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/lock.h"
#include "conn/unaware.h"

static struct lock lock = LOCK_INIT(unaware);
static struct {
	struct sockaddr_storage remote;
	uint64_t until_ms;
} places[BOUND_unaware];

/* FNV-1a over host and port. */
static unsigned place_of(const struct sockaddr_storage *remote)
{
	size_t i, size;
	const uint8_t *bytes = addr_bytes(remote, &size);
	uint32_t hash = 2166136261u ^ addr_port(remote);

	for (i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return (hash ^ (hash >> 15)) % BOUND_unaware;
}

void unaware_remember(const struct sockaddr_storage *remote, uint32_t for_ms)
{
	unsigned i = place_of(remote);

	lock_acquire(&lock);
	places[i].remote = *remote;
	places[i].until_ms = clock_ms() + for_ms;
	lock_release(&lock);
}

void unaware_after_fork(void)
{
	if (pthread_mutex_trylock(&lock.mutex) == 0) {
		pthread_mutex_unlock(&lock.mutex);
		return;
	}
	/* Who had it may have been writing. */
	memset(places, 0, sizeof(places));
	lock_init(&lock, LOCK_unaware);
}

bool unaware_known(const struct sockaddr_storage *remote)
{
	unsigned i = place_of(remote);
	bool known;

	lock_acquire(&lock);
	known = places[i].until_ms && addr_same(&places[i].remote, remote) &&
		clock_ms() < places[i].until_ms;
	lock_release(&lock);
	return known;
}
