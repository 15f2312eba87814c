/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire format: every byte that shunt itself puts on a connection.
 * docs/PROTOCOL.md says what the messages mean and when they may be sent;
 * this header is their layout. Numbers are big-endian. All offsets are from
 * the start of the message.
 */
#ifndef SHUNT_WIRE_H
#define SHUNT_WIRE_H

#define WIRE_VERSION 1

/*
 * First bytes of HELLO, REPLY and lane messages. The first is neither 0x16
 * (a TLS record) nor printable, and the first four are, as a length in either
 * byte order, over 1 GiB, so that common servers refuse it at once.
 */
#define WIRE_MAGIC "\xf5shunt\xf4\xc1"
#define WIRE_MAGIC_SIZE 8
#define WIRE_TOKEN_SIZE 16

/* The head that HELLO, REPLY and lane messages share. */
#define WIRE_AT_MAGIC 0
#define WIRE_AT_VERSION 8	/* 1 byte */
#define WIRE_AT_TYPE 9		/* 1 byte, enum wire_type */
#define WIRE_AT_LENGTH 10	/* 2 bytes, the whole message */
#define WIRE_AT_FLAGS 12	/* 4 bytes */
#define WIRE_HEAD_SIZE 16

enum wire_type {
	WIRE_HELLO = 1,		/* TCP, active to passive */
	WIRE_REPLY = 2,		/* TCP, passive to active */
	WIRE_JOIN = 3,		/* lane, active: here is your token */
	WIRE_JOINED = 4,	/* lane, passive: welcome; my boundary */
	WIRE_SWITCH = 5,	/* lane, active: seen; my boundary */
	WIRE_CONFIRM = 6,	/* lane, passive: seen */
	WIRE_DONE = 7,		/* lane, active: both know; data follows */
	WIRE_REFUSED = 8,	/* lane, passive: not with who said JOIN */
};

/* An address: family (4, 6), zero, port, 16 bytes (4 used for IPv4). */
#define WIRE_ADDRESS_SIZE 20

/* HELLO: head, client's local and remote address, its mark, CR LF CR LF. */
#define WIRE_HELLO_AUTH 1u	/* flag: I have a key (PROTOCOL.md, 2) */
#define WIRE_HELLO_LOCAL 16
#define WIRE_HELLO_REMOTE 36
#define WIRE_HELLO_MARK 56
#define WIRE_HELLO_TAIL 72
#define WIRE_HELLO_SIZE 76
#define WIRE_HELLO_MAX 512	/* a later version's may be longer */

/* REPLY: head, reason, address count, zero, token, mark, addresses. */
#define WIRE_REPLY_ACCEPT 1u	/* flag: the passive side offers a lane */
#define WIRE_REPLY_REQUIRE 2u	/* flag: no data before the lane is joined */
#define WIRE_REPLY_AUTH 4u	/* flag: lane messages have a MAC */
#define WIRE_REPLY_REASON 16	/* 2 bytes, enum reason */
#define WIRE_REPLY_COUNT 18	/* 1 byte */
#define WIRE_REPLY_TOKEN 20
#define WIRE_REPLY_MARK 36
#define WIRE_REPLY_ADDRESSES 52
#define WIRE_REPLY_MAX_ADDRESSES 8
#define WIRE_REPLY_MAX (52 + 8 * WIRE_ADDRESS_SIZE)

/*
 * Lane messages: head (JOINED, SWITCH: flags are the size of the sender's
 * replay ring in KiB), token (JOIN only), boundary (JOINED, SWITCH).
 */
#define WIRE_LANE_TOKEN 16
#define WIRE_LANE_BOUNDARY 32	/* 8 bytes */
#define WIRE_LANE_SIZE 40
#define WIRE_LANE_MAC 40	/* 32 bytes, if REPLY has WIRE_REPLY_AUTH */
#define WIRE_MAC_SIZE 32
#define WIRE_LANE_MAX 72

/*
 * Control records, on the TCP leg behind the boundary. The first of a
 * direction is preceded by the sender's mark (16 bytes).
 */
#define WIRE_RECORD_TYPE 0	/* 1 byte */
#define WIRE_RECORD_VERSION 1	/* 1 byte */
#define WIRE_RECORD_LENGTH 2	/* 2 bytes, the whole record */
#define WIRE_RECORD_FLAGS 4	/* 4 bytes */
#define WIRE_RECORD_OFFSET 8	/* 8 bytes */
#define WIRE_RECORD_SIZE 16
#define WIRE_RECORD_MAX 256
#define WIRE_MAY_IGNORE 0x80	/* bit of the type */

enum wire_record_type {
	WIRE_CLOSE = 1,
	WIRE_ACK = 2,
	WIRE_RETREAT = 3,
	WIRE_RESUME = 4,
	WIRE_PROBE = 5,
	WIRE_LEAVE = 6,
	WIRE_RETURN = 7,	/* and bytes, to the record's end */
};
#define WIRE_RECORD_TYPES 7

/* Flag of ACK. */
#define WIRE_ACK_CLOSE 1u	/* your CLOSE with WIRE_CLOSE_FULL is in */

/* Flags of CLOSE. */
#define WIRE_CLOSE_FULL 1u	/* I will not read any more either */
#define WIRE_CLOSE_RESET 2u	/* and I had not read all that you sent */

#endif
