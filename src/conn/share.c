// SPDX-License-Identifier: BSD-2-Clause
#include "conn/share.h"

#include <string.h>

#include "base/addr.h"
#include "base/lock.h"
#include "base/memory.h"

#define BUCKETS 256
#define KEY_SIZE 8	/* bytes of an address that count */

struct key {
	sa_family_t family;
	uint8_t bytes[KEY_SIZE];
};

struct share {
	struct share *next;
	struct key key;
	unsigned holders;
	unsigned process;	/* forks before it */
	uint64_t held[SHARES];
};

static struct lock lock = LOCK_INIT(shares);
static struct share *buckets[BUCKETS];
static uint64_t percent = 75;
static unsigned process;

/* What is not an address of ours has a key of its own, too. */
static struct key key_of(const struct sockaddr_storage *address)
{
	struct sockaddr_storage plain;
	struct key key;
	size_t size;

	memset(&key, 0, sizeof(key));
	if (addr_normalize(&plain, (const struct sockaddr *)address,
			   sizeof(*address))) {
		const uint8_t *bytes = addr_bytes(&plain, &size);

		key.family = plain.ss_family;
		memcpy(key.bytes, bytes, size < KEY_SIZE ? size : KEY_SIZE);
	}
	return key;
}

static struct share **bucket_of(const struct key *key)
{
	uint32_t hash = key->family;
	int i;

	for (i = 0; i < KEY_SIZE; i++)
		hash = hash * 31 + key->bytes[i];
	return &buckets[hash % BUCKETS];
}

static bool same(const struct key *a, const struct key *b)
{
	return a->family == b->family &&
	       !memcmp(a->bytes, b->bytes, KEY_SIZE);
}

struct share *share_hold(const struct sockaddr_storage *address)
{
	struct key key = key_of(address);
	struct share *made = memory_new(sizeof(*made)), *share;

	lock_acquire(&lock);
	share = *bucket_of(&key);
	while (share && !same(&share->key, &key))
		share = share->next;
	if (!share && made) {
		share = made;
		made = NULL;
		share->key = key;
		share->process = process;
		share->next = *bucket_of(&key);
		*bucket_of(&key) = share;
	}
	if (share)
		share->holders++;
	lock_release(&lock);
	memory_free(made);
	return share;
}

struct share *share_again(struct share *share)
{
	if (!share)
		return NULL;
	lock_acquire(&lock);
	share->holders++;
	lock_release(&lock);
	return share;
}

void share_drop(struct share *share)
{
	struct share **link;
	bool last;

	if (!share)
		return;
	lock_acquire(&lock);
	last = --share->holders == 0;
	if (last && share->process == process) {
		link = bucket_of(&share->key);
		while (*link != share)
			link = &(*link)->next;
		*link = share->next;
	}
	lock_release(&lock);
	if (last)
		memory_free(share);
}

/* With lock. The part is rounded up: whoever holds nothing may have one. */
static bool allows(const struct share *share, enum share_of of,
		   uint64_t amount, uint64_t left)
{
	uint64_t held = share->held[of], all, part;

	if (amount > left)
		return false;
	if (left > UINT64_MAX - held)
		return true;		/* there is no limit */
	all = held + left;
	part = all / 100 * percent + (all % 100 * percent + 99) / 100;
	return held + amount <= part;
}

bool share_may(const struct share *share, enum share_of of, uint64_t amount,
	       uint64_t left)
{
	bool may;

	if (!share)
		return amount <= left;
	lock_acquire(&lock);
	may = allows(share, of, amount, left);
	lock_release(&lock);
	return may;
}

bool share_take(struct share *share, enum share_of of, uint64_t amount,
		uint64_t left)
{
	bool may;

	if (!share)
		return amount <= left;
	lock_acquire(&lock);
	may = allows(share, of, amount, left);
	if (may)
		share->held[of] += amount;
	lock_release(&lock);
	return may;
}

void share_add(struct share *share, enum share_of of, uint64_t amount)
{
	if (!share)
		return;
	lock_acquire(&lock);
	share->held[of] += amount;
	lock_release(&lock);
}

void share_give(struct share *share, enum share_of of, uint64_t amount)
{
	if (!share)
		return;
	lock_acquire(&lock);
	share->held[of] -= amount;
	lock_release(&lock);
}

void share_limit(uint64_t most)
{
	lock_acquire(&lock);
	percent = most;
	lock_release(&lock);
}

void share_after_fork(void)
{
	lock_init(&lock, LOCK_shares);
	memset(buckets, 0, sizeof(buckets));
	process++;
}
