/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The replay ring: a copy of the bytes a sender has put on the lane and the
 * peer has not acknowledged consuming, so that the lane can be left at any
 * moment. Grows as needed up to its limit. Owned by a connection, under its
 * send lock.
 */
#ifndef CONN_REPLAY_H
#define CONN_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define REPLAY_FIRST 4096	/* bytes; what a ring has at first, always */

struct replay {
	uint8_t *bytes;
	size_t size;		/* allocated, a power of two, or 0 */
	size_t limit;		/* most bytes kept; 0: none are kept */
	uint64_t first, end;	/* stream offsets kept: [first, end) */
	bool owed;		/* it may be over the limit of all rings */
	/*
	 * Why the last replay_room() said 0 although the limit is not reached:
	 * -ENOMEM, or -EDQUOT for that of all rings; else 0.
	 */
	int denied;
};

/* Begin at this stream offset. */
void replay_begin(struct replay *replay, size_t limit, uint64_t offset);

/*
 * How many more bytes may be sent and kept now, at most `want`; makes room
 * for them. 0: the peer has to acknowledge some first. SIZE_MAX without a
 * ring.
 */
size_t replay_room(struct replay *replay, size_t want);

/* `size` bytes of the vectors were sent; replay_room() has allowed them. */
void replay_keep(struct replay *replay, const struct iovec *iov, size_t size);

/* The peer has consumed the stream up to `offset`. */
void replay_drop(struct replay *replay, uint64_t offset);

/* Are the bytes from `offset` to the end of what was sent all here? */
bool replay_has(const struct replay *replay, uint64_t offset);

/* A contiguous piece from `offset` on; its size, 0 at the end. */
size_t replay_piece(const struct replay *replay, uint64_t offset,
		    const uint8_t **piece);

void replay_free(struct replay *replay);

/*
 * The most memory of all rings of the process together, which may be over it
 * by the first REPLAY_FIRST bytes of each, and by what the owed ones hold; and
 * what they have now. Any thread.
 */
void replay_limit_all(uint64_t bytes);
uint64_t replay_all(void);

#endif
