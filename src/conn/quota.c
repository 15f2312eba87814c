// SPDX-License-Identifier: BSD-2-Clause
#include "conn/quota.h"

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

struct quota {
	struct quota *next;
	struct key key;
	unsigned holders;
	unsigned process;	/* forks before it */
	uint64_t held[QUOTAS];
};

static struct lock lock = LOCK_INIT(quotas);
static struct quota *buckets[BUCKETS];
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

static struct quota **bucket_of(const struct key *key)
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

struct quota *quota_hold(const struct sockaddr_storage *address)
{
	struct key key = key_of(address);
	struct quota *made = memory_new(sizeof(*made)), *quota;

	lock_acquire(&lock);
	quota = *bucket_of(&key);
	while (quota && !same(&quota->key, &key))
		quota = quota->next;
	if (!quota && made) {
		quota = made;
		made = NULL;
		quota->key = key;
		quota->process = process;
		quota->next = *bucket_of(&key);
		*bucket_of(&key) = quota;
	}
	if (quota)
		quota->holders++;
	lock_release(&lock);
	memory_free(made);
	return quota;
}

struct quota *quota_again(struct quota *quota)
{
	if (!quota)
		return NULL;
	lock_acquire(&lock);
	quota->holders++;
	lock_release(&lock);
	return quota;
}

void quota_drop(struct quota *quota)
{
	struct quota **link;
	bool last;

	if (!quota)
		return;
	lock_acquire(&lock);
	last = --quota->holders == 0;
	if (last && quota->process == process) {
		link = bucket_of(&quota->key);
		while (*link != quota)
			link = &(*link)->next;
		*link = quota->next;
	}
	lock_release(&lock);
	if (last)
		memory_free(quota);
}

/* With lock. The part is rounded up: whoever holds nothing may have one. */
static bool allows(const struct quota *quota, enum quota_of of,
		   uint64_t amount, uint64_t left)
{
	uint64_t held = quota->held[of], all, part;

	if (amount > left)
		return false;
	if (left > UINT64_MAX - held)
		return true;		/* there is no limit */
	all = held + left;
	part = all / 100 * percent + (all % 100 * percent + 99) / 100;
	return held + amount <= part;
}

bool quota_may(const struct quota *quota, enum quota_of of, uint64_t amount,
	       uint64_t left)
{
	bool may;

	if (!quota)
		return amount <= left;
	lock_acquire(&lock);
	may = allows(quota, of, amount, left);
	lock_release(&lock);
	return may;
}

bool quota_take(struct quota *quota, enum quota_of of, uint64_t amount,
		uint64_t left)
{
	bool may;

	if (!quota)
		return amount <= left;
	lock_acquire(&lock);
	may = allows(quota, of, amount, left);
	if (may)
		quota->held[of] += amount;
	lock_release(&lock);
	return may;
}

void quota_add(struct quota *quota, enum quota_of of, uint64_t amount)
{
	if (!quota)
		return;
	lock_acquire(&lock);
	quota->held[of] += amount;
	lock_release(&lock);
}

void quota_give(struct quota *quota, enum quota_of of, uint64_t amount)
{
	if (!quota)
		return;
	lock_acquire(&lock);
	quota->held[of] -= amount;
	lock_release(&lock);
}

void quota_limit(uint64_t most)
{
	lock_acquire(&lock);
	percent = most;
	lock_release(&lock);
}

void quota_after_fork(void)
{
	lock_init(&lock, LOCK_quotas);
	memset(buckets, 0, sizeof(buckets));
	process++;
}
