// SPDX-License-Identifier: BSD-2-Clause
/*
 * MACs: known answers (RFC 4231), two keys, and each field of what a lane
 * message's MAC is of changed one by one.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"
#include "conn/auth.h"
#include "conn/parts.h"
#include "policy/keys.h"

#define OLD "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
#define NEW "4a656665aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Write the text to a file of keys and publish it; its number. */
static uint8_t publish(const char *name, const char *text)
{
	struct keys_loaded loaded = { .count = 0 };
	struct problems problems = { .put = NULL };
	struct stamp stamp;
	char path[64];
	FILE *file;
	bool fresh;

	snprintf(path, sizeof(path), "/tmp/shunt-auth.%d.%s", getpid(), name);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	cr_assert_eq(chmod(path, 0600), 0);
	if (!keys_load(&loaded, NULL, path, &stamp, &fresh, &problems)) {
		unlink(path);
		cr_skip_test("no libsodium");
	}
	cr_assert_eq(keys_publish(&loaded), 0);
	unlink(path);
	return keys_number(path);
}

static void unhex(const char *text, uint8_t *bytes)
{
	unsigned value;

	for (; *text; text += 2) {
		sscanf(text, "%2x", &value);
		*bytes++ = (uint8_t)value;
	}
}

#define ZEROS12 "000000000000000000000000"
#define DD10 "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"

/*
 * RFC 4231, 4.2 to 4.4. HMAC fills a key that is shorter than a block up with
 * zeros, so these are the same keys as there, long enough for a key file.
 */
static const struct {
	const char *key, *text, *mac;
} known[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b" ZEROS12, "Hi There",
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "4a656665" ZEROS12 ZEROS12 "00000000",
	  "what do ya want for nothing?",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" ZEROS12,
	  DD10 DD10 DD10 DD10 DD10,
	  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
};

Test(auth, hmac_has_known_answers)
{
	uint8_t mac[KEYS_MAC], right[KEYS_MAC], number;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		number = publish("known", known[i].key);
		cr_assert_neq(number, 0);
		cr_assert(keys_sign(number, known[i].text,
				    strlen(known[i].text), mac));
		unhex(known[i].mac, right);
		cr_expect_arr_eq(mac, right, sizeof(mac), "%zu", i);
	}
}

Test(auth, sha256_has_known_answers)
{
	uint8_t digest[KEYS_MAC], right[KEYS_MAC];

	publish("digest", OLD "\n");
	cr_assert(keys_digest("abc", 3, digest));
	unhex(
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    right);
	cr_expect_arr_eq(digest, right, sizeof(digest));
}

Test(auth, the_first_key_signs_and_all_verify)
{
	uint8_t mac[KEYS_MAC], number = publish("two", OLD "\n");

	cr_assert(keys_sign(number, "x", 1, mac));
	cr_expect_eq(publish("two", NEW "\n" OLD "\n"), number,
		     "a reload keeps the number");
	cr_expect(keys_verify(number, "x", 1, mac));
	cr_expect_eq(publish("two", NEW "\n"), number);
	cr_expect_not(keys_verify(number, "x", 1, mac));
}

Test(auth, no_keys_sign_and_verify_nothing)
{
	uint8_t mac[KEYS_MAC] = { 0 }, number = publish("gone", OLD "\n");

	publish("other", NEW "\n");
	cr_expect_not(keys_sign(number, "x", 1, mac));
	cr_expect_not(keys_verify(number, "x", 1, mac));
	cr_expect_not(keys_sign(0, "x", 1, mac));
	cr_expect_not(keys_verify(0, "x", 1, mac));
	cr_expect_not(keys_verify(200, "x", 1, mac));
}

/* Two ends that have greeted each other. */
static struct conn ends[2];
static struct wire_hello hello;
static struct wire_reply reply;

static void greet(struct conn *conn, uint8_t number)
{
	uint8_t out[WIRE_REPLY_MAX];

	memset(conn->join.greeted, 0, sizeof(conn->join.greeted));
	conn->decision.auth = number;
	conn->join.authentic = true;
	auth_greeted(conn, out, wire_put_hello(out, &hello));
	auth_greeted(conn, out, wire_put_reply(out, &reply));
}

static void greet_both(uint8_t number)
{
	memset(&hello, 0, sizeof(hello));
	memset(&reply, 0, sizeof(reply));
	hello.flags = WIRE_HELLO_AUTH;
	addr_parse("10.0.0.1:1000", &hello.local);
	addr_parse("10.0.0.2:80", &hello.remote);
	memset(hello.mark, 1, sizeof(hello.mark));
	reply.flags = WIRE_REPLY_ACCEPT | WIRE_REPLY_AUTH;
	memset(reply.token, 2, sizeof(reply.token));
	memset(reply.mark, 3, sizeof(reply.mark));
	reply.count = 1;
	addr_parse("10.0.0.2:7000", &reply.addresses[0]);
	ends[0].role = CONN_ACTIVE;
	ends[1].role = CONN_PASSIVE;
	greet(&ends[0], number);
	greet(&ends[1], number);
}

static void make(uint8_t out[WIRE_LANE_MAX], enum wire_type type,
		 uint64_t boundary)
{
	struct wire_lane lane = { .type = type, .boundary = boundary,
				  .replay_kib = 64, .signed_ = true };

	memset(lane.token, 2, sizeof(lane.token));
	cr_assert_eq(wire_put_lane(out, &lane), WIRE_LANE_MAX);
}

Test(auth, the_exchange_passes)
{
	uint8_t out[WIRE_LANE_MAX], last[2][WIRE_MAC_SIZE] = { { 0 } };
	int type;

	greet_both(publish("pass", OLD "\n"));
	for (type = WIRE_JOIN; type <= WIRE_DONE; type++) {
		int from = (type - WIRE_JOIN) % 2;

		make(out, type, 1000);
		cr_assert(auth_sign(&ends[from], out, last[from]));
		cr_expect(auth_check(&ends[!from], out, last[!from]));
	}
}

Test(auth, every_byte_of_a_message_counts)
{
	uint8_t out[WIRE_LANE_MAX], zero[WIRE_MAC_SIZE], i;

	greet_both(publish("byte", OLD "\n"));
	memset(zero, 0, sizeof(zero));
	make(out, WIRE_JOIN, 0);
	cr_assert(auth_sign(&ends[0], out, zero));
	for (i = 0; i < WIRE_LANE_MAX; i++) {
		memset(zero, 0, sizeof(zero));
		out[i] ^= 0x10;
		cr_expect_not(auth_check(&ends[1], out, zero), "byte %u", i);
		out[i] ^= 0x10;
	}
	memset(zero, 0, sizeof(zero));
	cr_expect(auth_check(&ends[1], out, zero));
}

Test(auth, what_was_said_is_not_good_for_another_place)
{
	uint8_t join[WIRE_LANE_MAX], last[WIRE_MAC_SIZE] = { 0 };
	uint8_t zero[WIRE_MAC_SIZE] = { 0 };

	greet_both(publish("place", OLD "\n"));
	make(join, WIRE_JOIN, 0);
	cr_assert(auth_sign(&ends[0], join, last));
	cr_expect_not(auth_check(&ends[0], join, zero), "reflected");
	cr_expect_not(auth_check(&ends[1], join, last), "a second time");
	cr_expect(auth_check(&ends[1], join, zero));
}

/* What both must have seen alike, one by one. */
static void change(int what)
{
	switch (what) {
	case 0: addr_parse("10.0.0.1:1001", &hello.local); break;
	case 1: addr_parse("10.0.0.3:1000", &hello.local); break;
	case 2: addr_parse("10.0.0.2:81", &hello.remote); break;
	case 3: addr_parse("10.0.0.9:80", &hello.remote); break;
	case 4: hello.mark[15] ^= 1; break;
	case 5: hello.flags = 0; break;
	case 6: reply.token[0] ^= 1; break;
	case 7: reply.mark[0] ^= 1; break;
	case 8: addr_parse("10.0.0.66:7000", &reply.addresses[0]); break;
	case 9: addr_parse("10.0.0.2:7001", &reply.addresses[0]); break;
	case 10: reply.count = 0; break;
	case 11: reply.flags |= WIRE_REPLY_REQUIRE; break;
	}
}

Test(auth, every_field_of_the_greeting_counts)
{
	uint8_t out[WIRE_LANE_MAX], number = publish("field", OLD "\n");
	uint8_t zero[WIRE_MAC_SIZE];
	int what;

	for (what = 0; what < 12; what++) {
		greet_both(number);
		change(what);
		greet(&ends[0], number);
		make(out, WIRE_JOIN, 0);
		memset(zero, 0, sizeof(zero));
		cr_assert(auth_sign(&ends[0], out, zero));
		memset(zero, 0, sizeof(zero));
		cr_expect_not(auth_check(&ends[1], out, zero), "%d", what);
	}
}

Test(auth, boundaries_of_both_count)
{
	uint8_t joined[WIRE_LANE_MAX], last[2][WIRE_MAC_SIZE] = { { 0 } };
	uint8_t lie[WIRE_LANE_MAX];

	greet_both(publish("both", OLD "\n"));
	make(joined, WIRE_JOINED, 1000);
	cr_assert(auth_sign(&ends[1], joined, last[1]));
	memcpy(lie, joined, sizeof(lie));
	lie[WIRE_LANE_BOUNDARY + 7] ^= 1;
	cr_expect_not(auth_check(&ends[0], lie, last[0]));
	cr_expect(auth_check(&ends[0], joined, last[0]));
	/* SWITCH is of the JOINED that was seen, with its boundary */
	make(lie, WIRE_SWITCH, 5);
	memset(last[0], 0, sizeof(last[0]));
	cr_assert(auth_sign(&ends[0], lie, last[0]));
	cr_expect_not(auth_check(&ends[1], lie, last[1]));
}
