// SPDX-License-Identifier: BSD-2-Clause
/*
 * Early bytes: what has been taken off TCP, or off a lane that is being left,
 * before the application asked for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "conn/early.h"
#include "conn/parts.h"
#include "conn/ration.h"

#define PULL_STEP 65536

uint64_t conn_pulled(const struct conn *conn)
{
	return conn->rx.bytes + conn->rx.early.size;
}

/*
 * With receive: room for `size` bytes, of `most` that will be at most. Another
 * piece of memory each time, twice as large, because the end of the heap, if it
 * grew there, would not go back to the kernel.
 */
static bool grow(struct conn *conn, size_t size, uint64_t most)
{
	struct early *early = &conn->rx.early;
	size_t twice = early->room * 2;
	uint8_t *grown;

	if (twice > size && twice <= most && ration_take(conn, twice))
		size = twice;
	else if (!ration_take(conn, size))
		return false;
	grown = memory_resize(NULL, size);
	if (!grown)
		return false;		/* counted until the others go */
	if (early->size)
		memcpy(grown, early->bytes, early->size);
	memory_free(early->bytes);
	early->bytes = grown;
	early->room = size;
	return true;
}

size_t conn_early_room(struct conn *conn, uint64_t end, uint8_t **room)
{
	size_t size = conn->rx.early.size, want = PULL_STEP;

	if (want > end - conn_pulled(conn))
		want = end - conn_pulled(conn);
	if (want == 0)
		return 0;
	if (conn->rx.early.at) {
		memmove(conn->rx.early.bytes,
			conn->rx.early.bytes + conn->rx.early.at, size);
		conn->rx.early.at = 0;
	}
	if (size + want > conn->rx.early.room &&
	    !grow(conn, size + want, size + (end - conn_pulled(conn))))
		return 0;
	*room = conn->rx.early.bytes + size;
	return want;
}

ssize_t conn_early_receive(struct conn *conn, const struct iovec *iov,
			   int count, int flags)
{
	size_t size = conn->rx.early.size, at = conn->rx.early.at, moved = 0,
	       raw;
	int i;

	for (i = 0; i < count && moved < size; i++) {
		size_t part = iov[i].iov_len < size - moved ? iov[i].iov_len
							    : size - moved;

		if (!(flags & MSG_TRUNC))
			memcpy(iov[i].iov_base,
			       conn->rx.early.bytes + at + moved, part);
		moved += part;
	}
	if (flags & MSG_PEEK)
		return moved;
	raw = moved < conn->rx.early.raw ? moved : conn->rx.early.raw;
	conn->rx.bytes += moved;
	conn->rx.raw += raw;
	conn->rx.early.raw -= raw;
	conn->rx.early.at += moved;
	conn->rx.early.size = size - moved;
	if (size == moved) {
		memory_free(conn->rx.early.bytes);
		conn->rx.early.bytes = NULL;
		conn->rx.early.at = 0;
		ration_give(conn);
	}
	return moved;
}
