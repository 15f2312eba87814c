// SPDX-License-Identifier: BSD-2-Clause
/* The replay ring against a plain copy of the whole stream. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn/replay.h"

#define STREAM 200000

static uint8_t stream[STREAM];

static void make_stream(void)
{
	unsigned i, seed = 1;

	for (i = 0; i < STREAM; i++) {
		seed = seed * 1103515245 + 12345;
		stream[i] = (uint8_t)(seed >> 16);
	}
}

/* Everything from `from` to the end of the ring is the stream's. */
static void check_from(const struct replay *replay, uint64_t from)
{
	const uint8_t *piece;
	size_t size;

	while ((size = replay_piece(replay, from, &piece)) > 0) {
		cr_assert_arr_eq(piece, stream + from, size);
		from += size;
	}
	cr_assert_eq(from, replay->end);
}

Test(replay, keeps_what_is_not_acknowledged)
{
	struct replay replay = { 0 };
	uint64_t acked = 100, sent = 100;
	unsigned seed = 7;

	make_stream();
	replay_begin(&replay, 10000, 100);
	while (sent < STREAM) {
		size_t want, room;
		struct iovec iov[2];

		seed = seed * 1103515245 + 12345;
		want = 1 + (seed >> 8) % 5000;
		if (want > STREAM - sent)
			want = STREAM - sent;
		room = replay_room(&replay, want);
		cr_assert_leq(room, want);
		cr_assert_leq(sent - acked + room, 10000);
		iov[0].iov_base = stream + sent;
		iov[0].iov_len = room / 3;
		iov[1].iov_base = stream + sent + room / 3;
		iov[1].iov_len = room - room / 3;
		replay_keep(&replay, iov, room);
		sent += room;
		check_from(&replay, acked);
		acked += (seed >> 4) % (sent - acked + 1);
		replay_drop(&replay, acked);
		cr_assert(replay_has(&replay, acked));
		cr_assert(replay_has(&replay, sent));
		cr_assert(!replay_has(&replay, sent + 1));
		cr_assert(acked == 100 || !replay_has(&replay, acked - 1));
	}
	replay_free(&replay);
}

Test(replay, a_full_ring_has_no_room)
{
	struct replay replay = { 0 };
	struct iovec iov = { stream, 4096 };

	replay_begin(&replay, 4096, 0);
	cr_assert_eq(replay_room(&replay, 9999), 4096);
	replay_keep(&replay, &iov, 4096);
	cr_assert_eq(replay_room(&replay, 1), 0);
	replay_drop(&replay, 1);
	cr_assert_eq(replay_room(&replay, 9), 1);
	replay_free(&replay);
}

Test(replay, without_a_ring_only_the_end_is_there)
{
	struct replay replay = { 0 };
	struct iovec iov = { stream, 5000 };

	replay_begin(&replay, 0, 10);
	cr_assert_eq(replay_room(&replay, 5000), SIZE_MAX);
	replay_keep(&replay, &iov, 5000);
	cr_assert(replay_has(&replay, 5010));
	cr_assert(!replay_has(&replay, 5009));
	cr_assert_null(replay.bytes);
}

Test(replay, stale_and_wild_acknowledgements_change_nothing)
{
	struct replay replay = { 0 };
	struct iovec iov = { stream, 100 };

	replay_begin(&replay, 4096, 50);
	cr_assert_eq(replay_room(&replay, 100), 100);
	replay_keep(&replay, &iov, 100);
	replay_drop(&replay, 100);
	replay_drop(&replay, 60);
	cr_assert_eq(replay.first, 100);
	replay_drop(&replay, 151);
	cr_assert_eq(replay.first, 100);
	replay_free(&replay);
}

/* Fill a ring as far as it goes; how far. */
static size_t fill(struct replay *replay)
{
	struct iovec iov = { stream, 0 };
	size_t total = 0;

	while ((iov.iov_len = replay_room(replay, 4096)) > 0) {
		replay_keep(replay, &iov, iov.iov_len);
		total += iov.iov_len;
	}
	return total;
}

Test(replay, all_rings_together_have_a_limit)
{
	struct replay one = { 0 }, two = { 0 };

	replay_limit_all(64 << 10);
	replay_begin(&one, 1 << 20, 0);
	replay_begin(&two, 1 << 20, 0);
	cr_assert_eq(fill(&one), 64 << 10);
	cr_assert_eq(one.denied, -EDQUOT);
	cr_assert_eq(fill(&two), REPLAY_FIRST, "its first bytes it has");
	cr_assert_eq(two.denied, -EDQUOT);
	cr_assert_eq(replay_all(), (64 << 10) + REPLAY_FIRST);
	replay_free(&one);
	cr_assert_eq(fill(&two), (64 << 10) - REPLAY_FIRST);
	replay_free(&two);
	replay_free(&two);
	replay_begin(&one, 256 << 10, 0);
	one.owed = true;
	cr_assert_eq(fill(&one), 256 << 10, "what came back has room");
	replay_free(&one);
	cr_assert_eq(replay_all(), 0);
}

/* Its own limit is no denial: the peer will acknowledge. */
Test(replay, a_ring_at_its_limit_is_not_denied)
{
	struct replay replay = { 0 };

	replay_begin(&replay, 8192, 0);
	cr_assert_eq(fill(&replay), 8192);
	cr_assert_eq(replay.denied, 0);
	replay_free(&replay);
}

/* As a carrier fills its own: round and round, from `at` on. */
static void fill_lent(uint8_t *lent, size_t size, size_t *at, uint64_t from,
		      size_t count)
{
	while (count-- > 0) {
		lent[*at] = stream[from++];
		*at = (*at + 1) % size;
	}
}

/* Of any size, not of a power of two; the last bytes are there, and no others. */
Test(replay, what_is_lent_has_the_last_bytes)
{
	static uint8_t lent[7000];
	struct replay replay = { 0 };
	uint64_t acked = 100, sent = 100, first;
	size_t at = 6500;
	unsigned seed = 7;

	make_stream();
	replay_begin(&replay, 10000, 100);
	replay_lend(&replay, lent, sizeof(lent), at);
	while (sent < STREAM) {
		struct iovec iov = { NULL, 0 };	/* not looked at */
		size_t size;

		seed = seed * 1103515245 + 12345;
		size = 1 + (seed >> 8) % 3000;
		if (size > STREAM - sent)
			size = STREAM - sent;
		cr_assert_eq(replay_room(&replay, size), SIZE_MAX);
		fill_lent(lent, sizeof(lent), &at, sent, size);
		replay_keep(&replay, &iov, size);
		sent += size;
		acked += (seed >> 4) % (sent - acked + 1);
		replay_drop(&replay, acked);
		first = sent - acked < sizeof(lent) ? acked
						    : sent - sizeof(lent);
		check_from(&replay, first);
		cr_assert(replay_has(&replay, first));
		cr_assert(replay_has(&replay, sent));
		cr_assert(!replay_has(&replay, sent + 1));
		cr_assert(!replay_has(&replay, first - 1));
		cr_assert(first == acked || !replay_has(&replay, acked),
			  "who lies of what it has gets nothing");
	}
	cr_assert_eq(replay_all(), 0, "no memory of ours");
	replay_free(&replay);
	cr_assert_null(replay.bytes);
}

/* The lane ends, and its memory with it. */
Test(replay, what_was_lent_becomes_our_own)
{
	static uint8_t lent[7000];
	struct replay replay = { 0 };
	struct iovec iov = { NULL, 0 };
	size_t at = 0;

	make_stream();
	replay_limit_all(0);
	replay_begin(&replay, 10000, 0);
	replay_lend(&replay, lent, sizeof(lent), at);
	fill_lent(lent, sizeof(lent), &at, 0, 20000);
	replay_keep(&replay, &iov, 20000);
	replay_drop(&replay, 15000);
	replay_own(&replay);
	memset(lent, 0xdb, sizeof(lent));
	cr_assert_eq(replay.first, 15000);
	check_from(&replay, 15000);
	cr_assert_eq(replay_all(), sizeof(lent));
	replay_own(&replay);
	check_from(&replay, 15000);
	replay_free(&replay);
	cr_assert_eq(replay_all(), 0);

	replay_begin(&replay, 10000, 0);
	replay_lend(&replay, lent, sizeof(lent), 0);
	replay_own(&replay);		/* of nothing */
	cr_assert_null(replay.bytes);
	cr_assert(replay_has(&replay, 0));
}

Test(replay, a_ring_that_may_be_smaller_is_a_copy)
{
	static uint8_t lent[7000];
	struct replay replay = { 0 };

	replay_begin(&replay, 4096, 0);
	replay_lend(&replay, lent, sizeof(lent), 0);
	cr_assert_eq(replay_room(&replay, 9999), 4096);
	replay_free(&replay);
}
