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
 * With receive: more room, twice as much if so much may be taken, of `most`
 * that will be at most; never less than a quarter more, so that a byte is
 * copied a few times only, in however small pieces they come. Another piece of
 * memory each time, because the end of the heap, if it grew there, would not go
 * back to the kernel.
 */
static bool grow(struct conn *conn, uint64_t most)
{
	struct early *early = &conn->rx.early;
	size_t have = early->room, least = have / 4,
	       more = have ? have : PULL_STEP;
	uint8_t *grown;

	if (more > most - have)
		more = most - have;
	while (!ration_take(conn, have + more)) {
		more /= 2;
		if (more <= least)
			return false;
	}
	grown = memory_resize(NULL, have + more);
	if (!grown)
		return false;		/* counted until the others go */
	if (early->size)
		memcpy(grown, early->bytes + early->at, early->size);
	memory_free(early->bytes);
	early->bytes = grown;
	early->at = 0;
	early->room = have + more;
	return true;
}

/* With receive: what has been read is so much, or all the room needed. */
static bool close_up(struct early *early, size_t least, uint64_t most)
{
	if (!early->at || (early->at < least && most > early->room))
		return false;
	memmove(early->bytes, early->bytes + early->at, early->size);
	early->at = 0;
	return true;
}

size_t conn_early_room(struct conn *conn, uint64_t end, uint8_t **room)
{
	struct early *early = &conn->rx.early;
	uint64_t come = end - conn_pulled(conn), most = early->size + come;
	size_t want;

	if (come == 0)
		return 0;
	if (early->at + early->size == early->room &&
	    !close_up(early, early->room / 4, most) && !grow(conn, most) &&
	    !close_up(early, PULL_STEP, most))	/* others have it all */
		return 0;
	want = early->room - early->at - early->size;
	if (want > PULL_STEP)
		want = PULL_STEP;
	*room = early->bytes + early->at + early->size;
	return want < come ? want : come;
}

void conn_early_drop(struct conn *conn)
{
	struct early *early = &conn->rx.early;

	memory_free(early->bytes);
	early->bytes = NULL;
	early->size = 0;
	early->at = early->raw = early->room = 0;
	ration_give(conn);
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
	if (size == moved)
		conn_early_drop(conn);
	return moved;
}
