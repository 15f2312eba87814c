// SPDX-License-Identifier: BSD-2-Clause
#include "base/memory.h"
#include "conn/replay.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_ullong all, all_most = UINT64_MAX;

void replay_limit_all(uint64_t bytes)
{
	atomic_store_explicit(&all_most, bytes, memory_order_relaxed);
}

uint64_t replay_all(void)
{
	return atomic_load(&all);
}

/* Count a ring's growth. False: that would be too much for all of them. */
static bool count_more(size_t from, size_t to, bool owed)
{
	uint64_t more = to - from;

	if (atomic_fetch_add(&all, more) + more <= all_most ||
	    to == REPLAY_FIRST || owed)
		return true;
	atomic_fetch_sub(&all, more);
	return false;
}

void replay_begin(struct replay *replay, size_t limit, uint64_t offset)
{
	replay->limit = limit;
	replay->owed = false;
	replay->lent = false;
	replay->shift = 0;
	replay->first = replay->end = offset;
}

void replay_lend(struct replay *replay, uint8_t *bytes, size_t size, size_t at)
{
	if (replay->limit < size)
		return;
	replay->lent = true;
	replay->bytes = bytes;
	replay->size = size;
	replay->shift = (at + size - replay->end % size) % size;
}

void replay_own(struct replay *replay)
{
	const uint8_t *lent = replay->bytes, *piece;
	uint64_t at = replay->first;
	uint8_t *bytes = NULL;
	size_t part;

	if (!replay->lent)
		return;
	if (at < replay->end)
		bytes = memory_resize(NULL, replay->size);
	if (!bytes) {
		replay_free(replay);
		return;
	}
	(void)count_more(0, replay->size, true);
	for (; (part = replay_piece(replay, at, &piece)) > 0; at += part)
		memcpy(bytes + (piece - lent), piece, part);
	replay->bytes = bytes;
	replay->lent = false;
}

static size_t place(const struct replay *replay, uint64_t offset)
{
	return (size_t)((offset + replay->shift) % replay->size);
}

static size_t held(const struct replay *replay)
{
	return (size_t)(replay->end - replay->first);
}

/* Move what is kept into a ring of the new size: 0, -ENOMEM, -EDQUOT. */
static int grow(struct replay *replay, size_t size)
{
	uint8_t *bytes;
	uint64_t at = replay->first;
	const uint8_t *piece;
	size_t part;

	if (!count_more(replay->size, size, replay->owed))
		return -EDQUOT;
	bytes = memory_resize(NULL, size);
	if (!bytes) {
		atomic_fetch_sub(&all, size - replay->size);
		return -ENOMEM;
	}
	for (; (part = replay_piece(replay, at, &piece)) > 0; at += part) {
		size_t to = at & (size - 1), straight = size - to;

		straight = part < straight ? part : straight;
		memcpy(bytes + to, piece, straight);
		memcpy(bytes, piece + straight, part - straight);
	}
	memory_free(replay->bytes);
	replay->bytes = bytes;
	replay->size = size;
	return 0;
}

size_t replay_room(struct replay *replay, size_t want)
{
	size_t size = replay->size ? replay->size : REPLAY_FIRST, most;

	if (replay->limit == 0 || replay->lent)
		return SIZE_MAX;
	replay->denied = 0;
	most = replay->limit - held(replay);
	want = want < most ? want : most;
	while (size < held(replay) + want)
		size *= 2;
	if (size == replay->size || want == 0)
		return want;
	replay->denied = grow(replay, size);
	if (replay->denied)
		want = replay->size - held(replay);
	if (want > 0)
		replay->denied = 0;
	return want;
}

static void keep_piece(struct replay *replay, const uint8_t *from, size_t size)
{
	size_t at = place(replay, replay->end);
	size_t straight = replay->size - at;

	straight = size < straight ? size : straight;
	memcpy(replay->bytes + at, from, straight);
	memcpy(replay->bytes, from + straight, size - straight);
	replay->end += size;
}

void replay_keep(struct replay *replay, const struct iovec *iov, size_t size)
{
	if (replay->limit == 0) {
		replay->first = replay->end += size;
		return;
	}
	if (replay->lent) {
		replay->end += size;
		if (held(replay) > replay->size)
			replay->first = replay->end - replay->size;
		return;
	}
	for (; size > 0; iov++) {
		size_t part = iov->iov_len < size ? iov->iov_len : size;

		keep_piece(replay, iov->iov_base, part);
		size -= part;
	}
}

void replay_drop(struct replay *replay, uint64_t offset)
{
	if (offset > replay->first && offset <= replay->end)
		replay->first = offset;
}

bool replay_has(const struct replay *replay, uint64_t offset)
{
	return offset >= replay->first && offset <= replay->end;
}

size_t replay_piece(const struct replay *replay, uint64_t offset,
		    const uint8_t **piece)
{
	size_t left, at, straight;

	if (replay->size == 0 || offset < replay->first ||
	    offset >= replay->end)
		return 0;
	left = (size_t)(replay->end - offset);
	at = place(replay, offset);
	straight = replay->size - at;
	*piece = replay->bytes + at;
	return left < straight ? left : straight;
}

void replay_free(struct replay *replay)
{
	if (!replay->lent) {
		atomic_fetch_sub(&all, replay->size);
		memory_free(replay->bytes);
	}
	replay->bytes = NULL;
	replay->lent = false;
	replay->size = 0;
	replay->first = replay->end;
}
