// SPDX-License-Identifier: BSD-2-Clause
#include "conn/wire.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static void put16(uint8_t *at, uint16_t value)
{
	value = htobe16(value);
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htobe32(value);
	memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return be16toh(value);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

static void put_head(uint8_t *out, enum wire_type type, size_t length,
		     uint32_t flags)
{
	memset(out, 0, length);
	memcpy(out + WIRE_AT_MAGIC, WIRE_MAGIC, WIRE_MAGIC_SIZE);
	out[WIRE_AT_VERSION] = WIRE_VERSION;
	out[WIRE_AT_TYPE] = type;
	put16(out + WIRE_AT_LENGTH, length);
	put32(out + WIRE_AT_FLAGS, flags);
}

/* 0, or what is wrong with the head of a message of this type. */
static int check_head(const uint8_t *in, size_t size, enum wire_type type,
		      size_t least)
{
	if (size < WIRE_HEAD_SIZE ||
	    memcmp(in, WIRE_MAGIC, WIRE_MAGIC_SIZE) != 0)
		return -EPROTO;
	if (in[WIRE_AT_VERSION] != WIRE_VERSION)
		return -EPROTONOSUPPORT;
	if (in[WIRE_AT_TYPE] != type || size < least ||
	    get16(in + WIRE_AT_LENGTH) != size)
		return -EPROTO;
	return 0;
}

int wire_length(const uint8_t *in, size_t size)
{
	size_t prefix = size < WIRE_MAGIC_SIZE ? size : WIRE_MAGIC_SIZE;
	uint16_t length;

	if (memcmp(in, WIRE_MAGIC, prefix) != 0)
		return -ENOMSG;
	if (size < WIRE_HEAD_SIZE)
		return -EAGAIN;
	length = get16(in + WIRE_AT_LENGTH);
	if (length < WIRE_HEAD_SIZE || length > WIRE_HELLO_MAX)
		return -EPROTO;
	return length;
}

static void put_address(uint8_t *at, const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in4 = (const void *)address;

	memset(at, 0, WIRE_ADDRESS_SIZE);
	if (address->ss_family == AF_INET) {
		at[0] = 4;
		memcpy(at + 2, &in4->sin_port, 2);
		memcpy(at + 4, &in4->sin_addr, 4);
	} else if (address->ss_family == AF_INET6) {
		at[0] = 6;
		memcpy(at + 2, &in6->sin6_port, 2);
		memcpy(at + 4, &in6->sin6_addr, 16);
	}
}

static int get_address(const uint8_t *at, struct sockaddr_storage *address)
{
	struct sockaddr_in6 *in6 = (void *)address;
	struct sockaddr_in *in4 = (void *)address;

	memset(address, 0, sizeof(*address));
	if (at[0] == 4) {
		in4->sin_family = AF_INET;
		memcpy(&in4->sin_port, at + 2, 2);
		memcpy(&in4->sin_addr, at + 4, 4);
	} else if (at[0] == 6) {
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_port, at + 2, 2);
		memcpy(&in6->sin6_addr, at + 4, 16);
	} else {
		return -EPROTO;
	}
	return 0;
}

size_t wire_put_hello(uint8_t *out, const struct wire_hello *hello)
{
	put_head(out, WIRE_HELLO, WIRE_HELLO_SIZE, hello->flags);
	put_address(out + WIRE_HELLO_LOCAL, &hello->local);
	put_address(out + WIRE_HELLO_REMOTE, &hello->remote);
	memcpy(out + WIRE_HELLO_MARK, hello->mark, WIRE_TOKEN_SIZE);
	memcpy(out + WIRE_HELLO_TAIL, "\r\n\r\n", 4);
	return WIRE_HELLO_SIZE;
}

int wire_get_hello(const uint8_t *in, size_t size, struct wire_hello *hello)
{
	int ret = check_head(in, size, WIRE_HELLO, WIRE_HELLO_SIZE);

	if (ret)
		return ret;
	if (size != WIRE_HELLO_SIZE ||
	    memcmp(in + WIRE_HELLO_TAIL, "\r\n\r\n", 4) != 0 ||
	    get_address(in + WIRE_HELLO_LOCAL, &hello->local) ||
	    get_address(in + WIRE_HELLO_REMOTE, &hello->remote))
		return -EPROTO;
	hello->flags = get32(in + WIRE_AT_FLAGS);
	memcpy(hello->mark, in + WIRE_HELLO_MARK, WIRE_TOKEN_SIZE);
	return 0;
}

size_t wire_put_reply(uint8_t *out, const struct wire_reply *reply)
{
	size_t length = WIRE_REPLY_ADDRESSES +
			(size_t)reply->count * WIRE_ADDRESS_SIZE;
	int i;

	put_head(out, WIRE_REPLY, length, reply->flags);
	put16(out + WIRE_REPLY_REASON, reply->reason);
	out[WIRE_REPLY_COUNT] = reply->count;
	memcpy(out + WIRE_REPLY_TOKEN, reply->token, WIRE_TOKEN_SIZE);
	memcpy(out + WIRE_REPLY_MARK, reply->mark, WIRE_TOKEN_SIZE);
	for (i = 0; i < reply->count; i++)
		put_address(out + WIRE_REPLY_ADDRESSES +
			    i * WIRE_ADDRESS_SIZE, &reply->addresses[i]);
	return length;
}

int wire_get_reply(const uint8_t *in, size_t size, struct wire_reply *reply)
{
	int i, ret = check_head(in, size, WIRE_REPLY, WIRE_REPLY_ADDRESSES);

	if (ret)
		return ret;
	reply->flags = get32(in + WIRE_AT_FLAGS);
	reply->reason = get16(in + WIRE_REPLY_REASON);
	reply->count = in[WIRE_REPLY_COUNT];
	if (reply->count > WIRE_REPLY_MAX_ADDRESSES ||
	    size != WIRE_REPLY_ADDRESSES +
		    (size_t)reply->count * WIRE_ADDRESS_SIZE)
		return -EPROTO;
	memcpy(reply->token, in + WIRE_REPLY_TOKEN, WIRE_TOKEN_SIZE);
	memcpy(reply->mark, in + WIRE_REPLY_MARK, WIRE_TOKEN_SIZE);
	for (i = 0; i < reply->count; i++)
		if (get_address(in + WIRE_REPLY_ADDRESSES +
				i * WIRE_ADDRESS_SIZE, &reply->addresses[i]))
			return -EPROTO;
	return 0;
}

size_t wire_put_lane(uint8_t *out, const struct wire_lane *lane)
{
	size_t length = lane->signed_ ? WIRE_LANE_MAX : WIRE_LANE_SIZE;

	put_head(out, lane->type, length, lane->replay_kib);
	memcpy(out + WIRE_LANE_TOKEN, lane->token, WIRE_TOKEN_SIZE);
	put64(out + WIRE_LANE_BOUNDARY, lane->boundary);
	if (lane->signed_)
		memcpy(out + WIRE_LANE_MAC, lane->mac, WIRE_MAC_SIZE);
	return length;
}

int wire_lane_length(const uint8_t *in)
{
	uint16_t length = get16(in + WIRE_AT_LENGTH);

	return length == WIRE_LANE_SIZE || length == WIRE_LANE_MAX ? length
								   : -EPROTO;
}

int wire_get_lane(const uint8_t *in, size_t size, struct wire_lane *lane)
{
	int ret;

	if (size < WIRE_HEAD_SIZE)
		return -EPROTO;
	ret = check_head(in, size, in[WIRE_AT_TYPE], WIRE_LANE_SIZE);
	if (ret)
		return ret;
	if (wire_lane_length(in) < 0 || in[WIRE_AT_TYPE] < WIRE_JOIN ||
	    in[WIRE_AT_TYPE] > WIRE_REFUSED)
		return -EPROTO;
	lane->signed_ = size == WIRE_LANE_MAX;
	memset(lane->mac, 0, sizeof(lane->mac));
	if (lane->signed_)
		memcpy(lane->mac, in + WIRE_LANE_MAC, sizeof(lane->mac));
	lane->type = in[WIRE_AT_TYPE];
	lane->replay_kib = get32(in + WIRE_AT_FLAGS);
	memcpy(lane->token, in + WIRE_LANE_TOKEN, WIRE_TOKEN_SIZE);
	lane->boundary = get64(in + WIRE_LANE_BOUNDARY);
	return 0;
}

size_t wire_put_record(uint8_t *out, const struct wire_record *record)
{
	out[WIRE_RECORD_TYPE] = record->type;
	out[WIRE_RECORD_VERSION] = WIRE_VERSION;
	put16(out + WIRE_RECORD_LENGTH, WIRE_RECORD_SIZE);
	put32(out + WIRE_RECORD_FLAGS, record->flags);
	put64(out + WIRE_RECORD_OFFSET, record->offset);
	return WIRE_RECORD_SIZE;
}

size_t wire_put_return(uint8_t *out, uint64_t offset, const uint8_t *bytes,
		       size_t size)
{
	struct wire_record record = { WIRE_RETURN, 0, offset };

	wire_put_record(out, &record);
	put16(out + WIRE_RECORD_LENGTH, WIRE_RECORD_SIZE + size);
	memcpy(out + WIRE_RECORD_SIZE, bytes, size);
	return WIRE_RECORD_SIZE + size;
}

int wire_get_record(const uint8_t *in, size_t size,
		    struct wire_record *record)
{
	uint16_t length;

	if (size < 4)
		return -EAGAIN;
	length = get16(in + WIRE_RECORD_LENGTH);
	if (length < WIRE_RECORD_SIZE || length > WIRE_RECORD_MAX ||
	    in[WIRE_RECORD_VERSION] != WIRE_VERSION)
		return -EPROTO;
	if (size < length)
		return -EAGAIN;
	record->type = in[WIRE_RECORD_TYPE];
	record->flags = get32(in + WIRE_RECORD_FLAGS);
	record->offset = get64(in + WIRE_RECORD_OFFSET);
	return length;
}
