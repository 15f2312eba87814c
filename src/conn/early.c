// SPDX-License-Identifier: BSD-2-Clause
/*
 * Early bytes: what has been taken off TCP, or off a lane that is being left,
 * before the application asked for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/internal.h"

#define PULL_STEP 65536
#define PULL_AGAIN_MS 100	/* others may have given some back */

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

/*
 * With receive: one step of conn_pull(). False: no more now. *end: the leg has
 * come to it, before the boundary.
 */
static bool pull_step(struct conn *conn, enum leg_end *end)
{
	uint8_t *room;
	size_t want = conn_early_room(conn, conn->rx.boundary, &room);
	ssize_t got;

	if (want == 0) {
		if (conn_pulled(conn) < conn->rx.boundary)
			timer_by(conn, clock_ms() + PULL_AGAIN_MS);
		return false;
	}
	got = real.recv(conn->tcp, room, want, MSG_DONTWAIT);
	if (got > 0) {
		conn->rx.early.size += got;
		conn->rx.early.raw += got;
	} else if (got == 0)
		*end = LEG_FIN;
	else if (errno != EAGAIN && errno != EINTR)
		*end = LEG_RST;
	return got > 0;
}

void conn_pull(struct conn *conn)
{
	enum conn_state state = conn_state(conn);
	enum leg_end end = LEG_OPEN;
	int left = BOUND_round_pieces;

	if (conn->rx.stage != RX_RAW || conn->rx.boundary == OFFSET_NEVER ||
	    (state != STATE_on_rdma && state != STATE_retreating))
		return;
	lock_acquire(&conn->rx.lock);
	if (conn->rx.stage == RX_RAW && conn->rx.boundary != OFFSET_NEVER)
		while (left > 0 && pull_step(conn, &end))
			left--;
	lock_release(&conn->rx.lock);
	if (left == 0)
		timer_by(conn, clock_ms() + 1);
	conn_cross(conn);
	if (end == LEG_OPEN || conn->leg.end != LEG_OPEN)
		return;
	if (state == STATE_on_rdma || !conn->rx.early.size || conn->close.begun)
		control_ended(conn, end);
	else			/* what came is read; who writes hears of it */
		conn_reset(conn, ECONNRESET);
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
