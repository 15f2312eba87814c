/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The replay ring: the bytes a sender has put on the lane and the peer has not
 * acknowledged consuming, so that the lane can be left at any moment. Owned by
 * a connection, under its send lock.
 *
 * It is a copy that grows as needed up to its limit; or it is *lent*: memory of
 * the carrier's, of one size, in which what was sent is anyway. That is read
 * while the lane is there, and made a copy of when it goes (replay_own()). The
 * carrier sends no byte for which it would lose one that the peer needs; so
 * there is always room in it, and bytes are dropped at its size.
 */
#ifndef CONN_REPLAY_H
#define CONN_REPLAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define REPLAY_FIRST 4096	/* bytes; what a ring has at first, always */

struct replay {
	uint8_t *bytes;
	size_t size;		/* a power of two if it is ours, or 0 */
	size_t shift;		/* where offset 0 was, or would have been */
	atomic_bool lent;	/* read without the lock, too */
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
 * Just begun, and nothing sent: what is sent will be in these bytes, the next
 * of it at `at`. They count as no memory of a ring. If they are more than its
 * limit it stays a copy.
 */
void replay_lend(struct replay *replay, uint8_t *bytes, size_t size, size_t at);

/*
 * The lent bytes are about to be freed: have them in memory of our own, which
 * counts, and may be over the limit of all rings, because it is had in place of
 * them. Where there is none, they are no longer here.
 */
void replay_own(struct replay *replay);

/*
 * How many more bytes may be sent and kept now, at most `want`; makes room
 * for them. 0: the peer has to acknowledge some first. SIZE_MAX without a
 * ring, or with a lent one.
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
 * by the first REPLAY_FIRST bytes of each, and by what the owed ones hold, and
 * those that were lent; and what they have now. Any thread.
 */
void replay_limit_all(uint64_t bytes);
uint64_t replay_all(void);

#endif
