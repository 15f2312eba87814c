// SPDX-License-Identifier: BSD-2-Clause
/* The wire format: what is put comes back, whatever is cut or changed fails. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "conn/wire.h"

static struct wire_hello a_hello(void)
{
	struct wire_hello hello;

	memset(&hello, 0, sizeof(hello));
	addr_parse("10.1.2.3:4567", &hello.local);
	addr_parse("[fd00::9]:80", &hello.remote);
	memset(hello.mark, 0x5a, sizeof(hello.mark));
	return hello;
}

Test(wire, hello_comes_back)
{
	struct wire_hello in = a_hello(), out;
	uint8_t bytes[WIRE_HELLO_MAX];
	size_t size = wire_put_hello(bytes, &in);

	cr_assert_eq(size, WIRE_HELLO_SIZE);
	cr_assert_eq(wire_length(bytes, size), WIRE_HELLO_SIZE);
	cr_assert_eq(wire_get_hello(bytes, size, &out), 0);
	cr_assert(addr_same(&in.local, &out.local));
	cr_assert(addr_same(&in.remote, &out.remote));
	cr_assert_arr_eq(in.mark, out.mark, sizeof(in.mark));
	cr_assert_arr_eq(bytes + size - 4, "\r\n\r\n", 4);
}

Test(wire, magic_is_refused_by_common_servers)
{
	const unsigned char *magic = (const unsigned char *)WIRE_MAGIC;

	cr_assert(magic[0] != 0x16 && (magic[0] < 0x20 || magic[0] > 0x7e));
	cr_assert(magic[0] >= 0x40 && magic[3] >= 0x40, "over 1 GiB");
	cr_assert_eq(sizeof(WIRE_MAGIC) - 1, WIRE_MAGIC_SIZE);
}

Test(wire, every_cut_of_hello_is_a_prefix)
{
	struct wire_hello hello = a_hello();
	uint8_t bytes[WIRE_HELLO_MAX];
	size_t cut, size = wire_put_hello(bytes, &hello);

	for (cut = 1; cut < size; cut++) {
		int length = wire_length(bytes, cut);

		cr_expect(length == -EAGAIN || length == (int)size);
		cr_expect_neq(wire_get_hello(bytes, cut, &hello), 0);
	}
}

Test(wire, the_first_byte_that_differs_decides)
{
	uint8_t bytes[WIRE_MAGIC_SIZE];
	int i;

	for (i = 0; i < WIRE_MAGIC_SIZE; i++) {
		memcpy(bytes, WIRE_MAGIC, sizeof(bytes));
		bytes[i] ^= 1;
		cr_expect_eq(wire_length(bytes, i + 1), -ENOMSG);
		if (i > 0)
			cr_expect_eq(wire_length(bytes, i), -EAGAIN);
	}
	cr_expect_eq(wire_length((const uint8_t *)"GET / HTTP", 10), -ENOMSG);
}

Test(wire, another_version_is_said_to_be_one)
{
	struct wire_hello hello = a_hello();
	uint8_t bytes[WIRE_HELLO_MAX];
	size_t size = wire_put_hello(bytes, &hello);

	bytes[WIRE_AT_VERSION] = 2;
	cr_expect_eq(wire_get_hello(bytes, size, &hello), -EPROTONOSUPPORT);
	cr_expect_eq(wire_length(bytes, size), (int)size);
}

Test(wire, reply_comes_back_with_all_addresses)
{
	struct wire_reply in, out;
	uint8_t bytes[WIRE_REPLY_MAX];
	int count, i;

	for (count = 0; count <= WIRE_REPLY_MAX_ADDRESSES; count++) {
		size_t size;

		memset(&in, 0, sizeof(in));
		in.flags = WIRE_REPLY_ACCEPT;
		in.reason = 7;
		in.count = count;
		memset(in.token, 1, sizeof(in.token));
		memset(in.mark, 2, sizeof(in.mark));
		for (i = 0; i < count; i++) {
			addr_parse(i & 1 ? "[fd00::1]:1" : "10.0.0.1:1",
				   &in.addresses[i]);
			addr_set_port(&in.addresses[i], 1000 + i);
		}
		size = wire_put_reply(bytes, &in);
		cr_assert_eq(wire_get_reply(bytes, size, &out), 0);
		cr_expect_eq(out.flags, in.flags);
		cr_expect_eq(out.reason, 7);
		cr_expect_eq(out.count, count);
		cr_expect_arr_eq(out.token, in.token, sizeof(in.token));
		cr_expect_arr_eq(out.mark, in.mark, sizeof(in.mark));
		for (i = 0; i < count; i++)
			cr_expect(addr_same(&in.addresses[i],
					    &out.addresses[i]));
		cr_expect_neq(wire_get_reply(bytes, size - 1, &out), 0);
	}
}

Test(wire, reply_with_a_wrong_count_or_family_fails)
{
	struct wire_reply reply;
	uint8_t bytes[WIRE_REPLY_MAX];
	size_t size;

	memset(&reply, 0, sizeof(reply));
	reply.count = 1;
	addr_parse("10.0.0.1:1", &reply.addresses[0]);
	size = wire_put_reply(bytes, &reply);
	bytes[WIRE_REPLY_COUNT] = 200;
	cr_expect_eq(wire_get_reply(bytes, size, &reply), -EPROTO);
	bytes[WIRE_REPLY_COUNT] = 1;
	bytes[WIRE_REPLY_ADDRESSES] = 5;
	cr_expect_eq(wire_get_reply(bytes, size, &reply), -EPROTO);
}

Test(wire, lane_messages_come_back)
{
	struct wire_lane in = { .type = WIRE_JOINED,
				.boundary = 0x123456789abcdefULL,
				.replay_kib = 1024 }, out;
	uint8_t bytes[WIRE_LANE_SIZE];

	memset(in.token, 9, sizeof(in.token));
	cr_assert_eq(wire_put_lane(bytes, &in), sizeof(bytes));
	cr_assert_eq(wire_get_lane(bytes, sizeof(bytes), &out), 0);
	cr_expect_eq(out.type, in.type);
	cr_expect_eq(out.boundary, in.boundary);
	cr_expect_eq(out.replay_kib, in.replay_kib);
	cr_expect_arr_eq(out.token, in.token, sizeof(in.token));
	bytes[WIRE_AT_TYPE] = WIRE_HELLO;
	cr_expect_eq(wire_get_lane(bytes, sizeof(bytes), &out), -EPROTO);
	bytes[WIRE_AT_TYPE] = WIRE_REFUSED + 1;
	cr_expect_eq(wire_get_lane(bytes, sizeof(bytes), &out), -EPROTO);
}

Test(wire, a_mac_comes_back_and_makes_the_message_longer)
{
	struct wire_lane in = { .type = WIRE_JOIN, .signed_ = true }, out;
	uint8_t bytes[WIRE_LANE_MAX];

	memset(in.mac, 7, sizeof(in.mac));
	cr_assert_eq(wire_put_lane(bytes, &in), WIRE_LANE_MAX);
	cr_expect_eq(wire_lane_length(bytes), WIRE_LANE_MAX);
	cr_assert_eq(wire_get_lane(bytes, sizeof(bytes), &out), 0);
	cr_expect(out.signed_);
	cr_expect_arr_eq(out.mac, in.mac, sizeof(in.mac));
	cr_expect_eq(wire_get_lane(bytes, WIRE_LANE_SIZE, &out), -EPROTO);
	bytes[WIRE_AT_LENGTH + 1] = WIRE_LANE_MAX - 1;
	cr_expect_eq(wire_lane_length(bytes), -EPROTO);
}

Test(wire, records_come_back_and_parts_wait)
{
	struct wire_record in = { WIRE_CLOSE, WIRE_CLOSE_FULL, 1ULL << 40 };
	struct wire_record out;
	uint8_t bytes[WIRE_RECORD_MAX] = { 0 };
	size_t size = wire_put_record(bytes, &in), cut;

	for (cut = 0; cut < size; cut++)
		cr_expect_eq(wire_get_record(bytes, cut, &out), -EAGAIN);
	cr_assert_eq(wire_get_record(bytes, size, &out), (int)size);
	cr_expect_eq(out.type, in.type);
	cr_expect_eq(out.flags, in.flags);
	cr_expect_eq(out.offset, in.offset);
}

Test(wire, a_return_carries_bytes)
{
	uint8_t bytes[WIRE_RECORD_MAX], back[WIRE_RECORD_MAX - WIRE_RECORD_SIZE];
	struct wire_record out;
	size_t size;

	memset(back, 0x5a, sizeof(back));
	size = wire_put_return(bytes, 1ULL << 40, back, sizeof(back));
	cr_assert_eq(size, WIRE_RECORD_MAX);
	cr_expect_eq(wire_get_record(bytes, size - 1, &out), -EAGAIN);
	cr_assert_eq(wire_get_record(bytes, size, &out), WIRE_RECORD_MAX);
	cr_expect_eq(out.type, WIRE_RETURN);
	cr_expect_eq(out.offset, 1ULL << 40);
	cr_expect_arr_eq(bytes + WIRE_RECORD_SIZE, back, sizeof(back));
}

Test(wire, records_that_are_none_fail)
{
	struct wire_record record = { WIRE_ACK, 0, 0 };
	uint8_t bytes[WIRE_RECORD_MAX + 1] = { 0 };

	wire_put_record(bytes, &record);
	bytes[WIRE_RECORD_VERSION] = 9;
	cr_expect_eq(wire_get_record(bytes, sizeof(bytes), &record), -EPROTO);
	bytes[WIRE_RECORD_VERSION] = WIRE_VERSION;
	bytes[WIRE_RECORD_LENGTH + 1] = WIRE_RECORD_SIZE - 1;
	cr_expect_eq(wire_get_record(bytes, sizeof(bytes), &record), -EPROTO);
	bytes[WIRE_RECORD_LENGTH] = 0x7f;
	cr_expect_eq(wire_get_record(bytes, sizeof(bytes), &record), -EPROTO);
}
