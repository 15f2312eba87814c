// SPDX-License-Identifier: BSD-2-Clause
/* The index against the plain meaning of its claims, on random ones. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy/index.h"

#define CLAIMS 60
#define ROUNDS 400

static uint64_t state = 88172645463325252u;

static unsigned below(unsigned limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % limit);
}

/* Few distinct bits, so that prefixes nest and collide. */
static void random_bytes(uint8_t bytes[16], unsigned length)
{
	memset(bytes, 0, 16);
	for (unsigned i = 0; i < length; i++) {
		if (!below(4))
			bytes[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	}
}

static void random_claim(struct index_claim *claim, unsigned widest,
			 uint32_t rule)
{
	claim->length = (uint8_t)below(widest + 1);
	random_bytes(claim->bytes, claim->length);
	claim->ports.from = (uint16_t)(below(3) ? below(20) : 0);
	claim->ports.to = (uint16_t)(below(3) ? claim->ports.from + below(9)
					      : UINT16_MAX);
	claim->rule = rule;
}

static bool in_prefix(const struct index_claim *claim, const uint8_t *bytes)
{
	for (unsigned i = 0; i < claim->length; i++) {
		if ((claim->bytes[i / 8] ^ bytes[i / 8]) & 0x80 >> (i % 8))
			return false;
	}
	return true;
}

static uint32_t plainly(const struct index_claim *claims, size_t count,
			const uint8_t *bytes, unsigned least, uint16_t port)
{
	uint32_t best = INDEX_NONE;

	for (size_t i = 0; i < count; i++) {
		if (in_prefix(&claims[i], bytes) && claims[i].length >= least &&
		    port >= claims[i].ports.from &&
		    port <= claims[i].ports.to && claims[i].rule < best)
			best = claims[i].rule;
	}
	return best;
}

static void compare(unsigned widest, size_t count)
{
	struct index_claim claims[CLAIMS];
	struct index index;
	uint8_t bytes[16];
	unsigned least;
	uint16_t port;

	for (size_t i = 0; i < count; i++)
		random_claim(&claims[i], widest, (uint32_t)(i / 2));
	cr_assert(index_build(&index, claims, count));
	for (unsigned i = 0; i < 200; i++) {
		random_bytes(bytes, widest);
		port = (uint16_t)(below(9) ? below(30) : UINT16_MAX);
		least = below(3) ? 0 : below(widest + 1);
		cr_assert_eq(index_find(&index, bytes, least, port, NULL),
			     plainly(claims, count, bytes, least, port));
	}
	index_free(&index);
}

Test(policy_index, random_claims)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		compare(32, below(CLAIMS + 1));
		compare(128, below(CLAIMS + 1));
		compare(6, below(CLAIMS + 1));
	}
}

Test(policy_index, nothing)
{
	static const uint8_t bytes[16];
	struct index index;

	cr_assert(index_build(&index, NULL, 0));
	cr_assert_eq(index_find(&index, bytes, 0, 0, NULL), INDEX_NONE);
	index_free(&index);
}

Test(policy_index, the_last_port)
{
	struct index_claim claim = {
		.ports = { UINT16_MAX, UINT16_MAX }, .rule = 5,
	};
	static const uint8_t bytes[16] = { 1 };
	struct index index;

	cr_assert(index_build(&index, &claim, 1));
	cr_assert_eq(index_find(&index, bytes, 0, UINT16_MAX, NULL), 5);
	cr_assert_eq(index_find(&index, bytes, 0, UINT16_MAX - 1, NULL),
		     INDEX_NONE);
	index_free(&index);
}
