// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/hash.h"

#define ENTRIES 4000
#define CHAIN_MOST 24	/* uthash grows a table from ten on, if that helps */

struct entry {
	int fd;
	UT_hash_handle hh;
};

static unsigned longest_chain(const UT_hash_table *table)
{
	unsigned i, longest = 0;

	for (i = 0; i < table->num_buckets; i++)
		if (table->buckets[i].count > longest)
			longest = table->buckets[i].count;
	return longest;
}

/* Numbers as connections get them of which each takes `stride`. */
static void fill(struct entry *entries, int stride)
{
	struct entry *head = NULL, *found;
	int i;

	for (i = 0; i < ENTRIES; i++) {
		entries[i] = (struct entry){ .fd = 7 + i * stride };
		HASH_ADD_NUMBER(head, fd, &entries[i]);
		cr_assert_not_null(entries[i].hh.tbl);
	}
	cr_assert_leq(longest_chain(head->hh.tbl), CHAIN_MOST,
		      "a chain of %u, every %d",
		      longest_chain(head->hh.tbl), stride);
	for (i = 0; i < ENTRIES; i++) {
		HASH_FIND_NUMBER(head, entries[i].fd, found);
		cr_assert_eq(found, &entries[i]);
	}
	i = 7 + ENTRIES * stride;
	HASH_FIND_NUMBER(head, i, found);
	cr_assert_null(found);
	HASH_CLEAR(hh, head);
}

Test(hash, chains_are_short_whatever_the_stride)
{
	struct entry *entries = calloc(ENTRIES, sizeof(*entries));
	int stride;

	for (stride = 1; stride <= 64; stride++)
		fill(entries, stride);
	for (; stride <= 4096; stride *= 2)
		fill(entries, stride);
	free(entries);
}
