// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is taken in before it is asked for, in pieces as small as a peer likes:
 * the order is kept, and each byte is copied a few times only.
 */
#include <string.h>

#include "base/bounds.h"
#include "conn/early.h"
#include "conn/quota.h"
#include "conn/ration.h"
#include "conn_help.h"

#define PIECE 1000

static unsigned copies;		/* of what is there, by its new place */

static uint8_t byte_at(uint64_t offset)
{
	return offset % 251;
}

/* A piece comes in, if there is room for one byte of it. */
static size_t come(struct conn *conn, uint64_t end)
{
	const struct early *early = &conn->rx.early;
	const uint8_t *bytes = early->bytes;
	size_t at = early->at, size = early->size, i, got;
	uint64_t offset = conn_pulled(conn);
	uint8_t *room;

	got = conn_early_room(conn, end, &room);
	copies += size > 0 && (early->bytes != bytes || early->at != at);
	if (got > PIECE)
		got = PIECE;
	for (i = 0; i < got; i++)
		room[i] = byte_at(offset + i);
	conn->rx.early.size += got;
	return got;
}

static void read_some(struct conn *conn, size_t most)
{
	static uint8_t bytes[PIECE];
	struct iovec iov = { bytes, most < PIECE ? most : PIECE };
	uint64_t offset = conn->rx.bytes;
	ssize_t got = conn_early_receive(conn, &iov, 1, 0);
	ssize_t i;

	for (i = 0; i < got; i++)
		cr_assert_eq(bytes[i], byte_at(offset + i));
}

static void read_all(struct conn *conn)
{
	while (conn->rx.early.size)
		read_some(conn, PIECE);
	cr_assert_eq(conn->rx.early.room, 0);
	cr_assert_null(conn->rx.early.bytes);
}

/* An end that is no power of two: the last step is as long as is needed. */
Test(early, small_pieces_are_not_copied_each_time)
{
	struct conn *conn = conn_alone();
	uint64_t end = 15 << 20;

	while (come(conn, end))
		;
	cr_assert_eq(conn_pulled(conn), end);
	cr_assert_leq(conn->rx.early.room, end);
	cr_assert_lt(copies, 16, "%u", copies);
	read_all(conn);
	cr_assert_eq(conn->rx.bytes, end);
}

/* The last step is not all of what is left, but more than a quarter. */
Test(early, less_than_the_rest_may_be_had)
{
	struct conn *conn = conn_alone(), *other = conn_alone();
	uint64_t end = 15 << 20;

	quota_limit(100);
	while (conn_pulled(conn) < 8 << 20)
		cr_assert(come(conn, end));
	cr_assert_eq(conn->rx.early.room, 8 << 20);
	cr_assert(ration_take(other, BOUND_early_all - (12 << 20)));
	cr_assert(come(conn, end));
	cr_assert_gt(conn->rx.early.room, 10 << 20);
	cr_assert_leq(conn->rx.early.room, 12 << 20);
	read_all(conn);
}

/* One piece is read for each that comes, behind much that is not. */
Test(early, what_is_read_makes_room_seldom)
{
	struct conn *conn = conn_alone();
	uint64_t end = BOUND_early_bytes, most = 0;

	while (conn_pulled(conn) < 3 << 20)
		cr_assert(come(conn, end));
	while (come(conn, end)) {
		read_some(conn, PIECE);
		if (most < conn->rx.early.room)
			most = conn->rx.early.room;
	}
	cr_assert_lt(copies, 32, "%u", copies);
	cr_assert_leq(most, 8 << 20);
	read_all(conn);
	cr_assert_eq(conn->rx.bytes, end);
}

/* What all may keep is nearly gone: no step is less than a quarter. */
Test(early, little_is_left_for_it)
{
	struct conn *conn = conn_alone(), *other = conn_alone();
	uint64_t end = BOUND_early_bytes;

	quota_limit(100);
	while (conn_pulled(conn) < 2 << 20)
		cr_assert(come(conn, end));
	cr_assert(ration_take(other, BOUND_early_all - (5 << 20)));
	while (come(conn, end))
		;
	cr_assert_lt(copies, 12, "%u", copies);
	cr_assert_gt(conn->rx.early.size, 3 << 20);
	cr_assert_leq(conn->rx.early.room, 5 << 20);
	/* As others read, or it does, more comes. */
	read_some(conn, PIECE);
	cr_assert_eq(come(conn, end), 0);
	while (conn_pulled(conn) < end) {
		read_some(conn, PIECE);
		come(conn, end);
	}
	cr_assert_lt(copies, 256, "%u", copies);	/* 64 KiB each */
	read_all(conn);
	cr_assert_eq(conn->rx.bytes, end);
}
