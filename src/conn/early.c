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

#define PULL_STEP 65536

uint64_t conn_pulled(const struct conn *conn)
{
	return conn->rx.bytes + conn->rx.early.size;
}

size_t conn_early_room(struct conn *conn, uint64_t end, uint8_t **room)
{
	size_t size = conn->rx.early.size, want = PULL_STEP;
	uint8_t *grown;

	if (want > end - conn_pulled(conn))
		want = end - conn_pulled(conn);
	if (want == 0)
		return 0;
	if (conn->rx.early.at) {
		memmove(conn->rx.early.bytes,
			conn->rx.early.bytes + conn->rx.early.at, size);
		conn->rx.early.at = 0;
	}
	grown = memory_resize(conn->rx.early.bytes, size + want);
	if (!grown)
		return 0;
	conn->rx.early.bytes = grown;
	*room = grown + size;
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
	}
	return moved;
}
