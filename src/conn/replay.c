// SPDX-License-Identifier: BSD-2-Clause
#include "conn/replay.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 4096

void replay_begin(struct replay *replay, size_t limit, uint64_t offset)
{
	replay->limit = limit;
	replay->first = replay->end = offset;
}

static size_t held(const struct replay *replay)
{
	return (size_t)(replay->end - replay->first);
}

/* Move what is kept into a ring of the new size. */
static bool grow(struct replay *replay, size_t size)
{
	uint8_t *bytes = malloc(size);
	uint64_t at = replay->first;
	const uint8_t *piece;
	size_t part;

	if (!bytes)
		return false;
	for (; (part = replay_piece(replay, at, &piece)) > 0; at += part) {
		size_t to = at & (size - 1), straight = size - to;

		straight = part < straight ? part : straight;
		memcpy(bytes + to, piece, straight);
		memcpy(bytes, piece + straight, part - straight);
	}
	free(replay->bytes);
	replay->bytes = bytes;
	replay->size = size;
	return true;
}

size_t replay_room(struct replay *replay, size_t want)
{
	size_t size = replay->size ? replay->size : FIRST_SIZE, most;

	if (replay->limit == 0)
		return SIZE_MAX;
	most = replay->limit - held(replay);
	want = want < most ? want : most;
	while (size < held(replay) + want)
		size *= 2;
	if (size > replay->size && !grow(replay, size))
		want = replay->size - held(replay);
	return want;
}

static void keep_piece(struct replay *replay, const uint8_t *from, size_t size)
{
	size_t at = replay->end & (replay->size - 1);
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

	if (offset < replay->first || offset >= replay->end)
		return 0;
	left = (size_t)(replay->end - offset);
	at = offset & (replay->size - 1);
	straight = replay->size - at;
	*piece = replay->bytes + at;
	return left < straight ? left : straight;
}

void replay_free(struct replay *replay)
{
	free(replay->bytes);
	replay->bytes = NULL;
	replay->size = 0;
	replay->first = replay->end;
}
