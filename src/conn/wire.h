/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of include/shunt/wire.h as C structs. Pure functions: bytes in,
 * struct out, and back. Input is untrusted and may be cut anywhere. No locks.
 */
#ifndef CONN_WIRE_H
#define CONN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shunt/wire.h"

struct wire_hello {
	uint32_t flags;		/* WIRE_HELLO_* */
	struct sockaddr_storage local, remote;	/* as the client sees them */
	uint8_t mark[WIRE_TOKEN_SIZE];
};

struct wire_reply {
	uint32_t flags;		/* WIRE_REPLY_* */
	uint16_t reason;	/* why it declines */
	uint8_t token[WIRE_TOKEN_SIZE];
	uint8_t mark[WIRE_TOKEN_SIZE];
	int count;
	struct sockaddr_storage addresses[WIRE_REPLY_MAX_ADDRESSES];
};

struct wire_lane {
	enum wire_type type;
	uint8_t token[WIRE_TOKEN_SIZE];
	uint64_t boundary;
	uint32_t replay_kib;	/* JOINED, SWITCH: the sender keeps so much */
	bool signed_;		/* it has a MAC */
	uint8_t mac[WIRE_MAC_SIZE];
};

struct wire_record {
	uint8_t type;
	uint32_t flags;
	uint64_t offset;
};

/*
 * Does the input start a message, and how long is it? > 0: its whole length;
 * -EAGAIN: a prefix so far; -ENOMSG: something else, from the first bytes on;
 * -EPROTO: the magic, then nonsense.
 */
int wire_length(const uint8_t *in, size_t size);

/* Encoders return the message's length; `out` holds the type's maximum. */
size_t wire_put_hello(uint8_t *out, const struct wire_hello *hello);
size_t wire_put_reply(uint8_t *out, const struct wire_reply *reply);
size_t wire_put_lane(uint8_t *out, const struct wire_lane *lane);
/* How long is a lane message, by its first WIRE_LANE_SIZE bytes? -EPROTO. */
int wire_lane_length(const uint8_t *in);
size_t wire_put_record(uint8_t *out, const struct wire_record *record);
/* RETURN, with at most WIRE_RECORD_MAX - WIRE_RECORD_SIZE bytes. */
size_t wire_put_return(uint8_t *out, uint64_t offset, const uint8_t *bytes,
		       size_t size);

/*
 * Decoders of one whole message: 0, -EPROTO, or -EPROTONOSUPPORT for another
 * version. wire_get_record: the record's length, -EAGAIN for a part of one.
 */
int wire_get_hello(const uint8_t *in, size_t size, struct wire_hello *hello);
int wire_get_reply(const uint8_t *in, size_t size, struct wire_reply *reply);
int wire_get_lane(const uint8_t *in, size_t size, struct wire_lane *lane);
int wire_get_record(const uint8_t *in, size_t size,
		    struct wire_record *record);

#endif
