// SPDX-License-Identifier: BSD-2-Clause
/* mark_parse_syn(), on SYNs made by hand. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mark/mark.h"

TestSuite(mark_syn, .timeout = 20);

#define SYN_ROOM 512

/* A SYN, as TCP_SAVED_SYN has it: IP header, TCP header. */
struct syn {
	uint8_t bytes[SYN_ROOM];
	size_t size, tcp;	/* tcp: where its header begins */
};

/* `words`: of IP options. */
static void begin_ipv4(struct syn *syn, unsigned ttl, unsigned words)
{
	memset(syn, 0, sizeof(*syn));
	memset(syn->bytes + 20, 1, words * 4);	/* no operation */
	syn->bytes[0] = (uint8_t)(0x45 + words);
	syn->bytes[8] = (uint8_t)ttl;
	syn->bytes[9] = 6;	/* TCP */
	syn->tcp = 20 + words * 4;
	syn->size = syn->tcp + 20;
}

static void begin_ipv6(struct syn *syn, unsigned ttl)
{
	memset(syn, 0, sizeof(*syn));
	syn->bytes[0] = 0x60;
	syn->bytes[6] = 6;
	syn->bytes[7] = (uint8_t)ttl;
	syn->tcp = 40;
	syn->size = 60;
}

/* TCP options; filled up with ends of the list. */
static void end(struct syn *syn, const void *options, size_t size)
{
	memcpy(syn->bytes + syn->size, options, size);
	syn->size += (size + 3) / 4 * 4;
	syn->bytes[syn->tcp + 12] = (uint8_t)((syn->size - syn->tcp) / 4 << 4);
	syn->bytes[syn->tcp + 13] = 2;	/* SYN */
}

/* As a program under valgrind or ASan must not read behind the end. */
static struct mark_client parsed(const struct syn *syn, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct mark_client client;

	cr_assert_not_null(copy);
	memcpy(copy, syn->bytes, size);
	memset(&client, 0xa5, sizeof(client));
	mark_parse_syn(copy, size, &client);
	free(copy);
	return client;
}

static void says(const struct syn *syn, bool seen, unsigned mss)
{
	struct mark_client client = parsed(syn, syn->size);

	cr_assert(client.seen == seen && client.mss == mss, "%d, %u",
		  client.seen, client.mss);
}

#define MSS(value) 2, 4, (value) >> 8, (value) & 255

/* What Linux sends, with the MSS 1459, 1460, and so on. */
static void end_like_linux(struct syn *syn, unsigned mss)
{
	uint8_t options[] = { MSS(mss), 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0,
			      1, 3, 3, 7 };

	end(syn, options, sizeof(options));
}

Test(mark_syn, ipv4_with_options_of_every_length)
{
	struct syn syn;

	for (unsigned words = 0; words <= 10; words++) {
		begin_ipv4(&syn, 0, words);
		end_like_linux(&syn, 1459);
		says(&syn, true, 1459);
		begin_ipv4(&syn, 0, words);
		end_like_linux(&syn, 1460);
		says(&syn, false, 0);
	}
}

Test(mark_syn, ipv6)
{
	struct syn syn;

	begin_ipv6(&syn, 0);
	end_like_linux(&syn, 1427);
	says(&syn, true, 1427);
	begin_ipv6(&syn, 0);
	end_like_linux(&syn, 1440);
	says(&syn, false, 0);
	begin_ipv6(&syn, 0);
	end_like_linux(&syn, 1427);
	syn.bytes[6] = 0;	/* an extension header is not looked behind */
	says(&syn, false, 0);
}

Test(mark_syn, every_mss)
{
	for (unsigned mss = 0; mss < 65536; mss++) {
		bool marked = mss >= 536 && mss <= 32767 && mss % 16 == 3;
		struct syn syn;

		begin_ipv4(&syn, 0, 0);
		end_like_linux(&syn, mss);
		says(&syn, marked, marked ? mss : 0);
	}
}

/* The TTL is looked at where TCP_MAXSEG cannot say it, and only there. */
Test(mark_syn, the_ttl_counts_above_what_an_mss_can_say)
{
	static const unsigned values[] = { 536, 1460, 32767, 32768, 65483,
					   65495, 65535 };
	struct syn syn;

	for (unsigned i = 0; i < 7; i++) {
		for (unsigned ttl = 0; ttl < 256; ttl++) {
			bool seen = values[i] > 32767 && ttl == 191;

			begin_ipv4(&syn, ttl, i);
			end_like_linux(&syn, values[i]);
			says(&syn, seen, 0);
			begin_ipv6(&syn, ttl);
			end_like_linux(&syn, values[i]);
			says(&syn, seen, 0);
		}
	}
	for (unsigned ttl = 0; ttl < 256; ttl++) {
		begin_ipv4(&syn, ttl, 0);
		end_like_linux(&syn, 1459);
		says(&syn, true, 1459);
		begin_ipv4(&syn, ttl, 0);
		end(&syn, "", 0);	/* it says no MSS */
		says(&syn, false, 0);
	}
}

static void cut_everywhere(const struct syn *syn)
{
	for (size_t size = 0; size < syn->size; size++) {
		struct mark_client client = parsed(syn, size);

		cr_assert(!client.seen && client.mss == 0, "cut at %zu of %zu",
			  size, syn->size);
	}
	cr_assert(parsed(syn, syn->size).seen);
}

Test(mark_syn, cut_at_every_byte)
{
	struct syn syn;

	for (unsigned words = 0; words <= 10; words++) {
		begin_ipv4(&syn, 0, words);
		end_like_linux(&syn, 1459);
		cut_everywhere(&syn);
		begin_ipv4(&syn, 191, words);
		end_like_linux(&syn, 65495);
		cut_everywhere(&syn);
	}
	begin_ipv6(&syn, 0);
	end_like_linux(&syn, 1427);
	cut_everywhere(&syn);
}

/* Option lists as they may come; which MSS they say, or 0. */
static const struct {
	uint8_t bytes[40];
	size_t size;
	unsigned mss;
} lists[] = {
	{ { MSS(1459) }, 4, 1459 },
	{ { 1, MSS(1459) }, 5, 1459 },
	{ { 1, 1, 1, 1, 1, 1, 1, MSS(1459) }, 11, 1459 },
	{ { 3, 3, 7, MSS(1459) }, 7, 1459 },
	{ { 254, 2, MSS(1459) }, 6, 1459 },	/* unknown, without data */
	{ { 34, 18, [18] = MSS(1459) }, 22, 1459 },	/* Fast Open */
	{ { 1, 1, 1, 1, [36] = MSS(1459) }, 40, 0 },	/* behind the end */
	{ { [0] = 5, 36, [36] = MSS(1459) }, 40, 1459 },	/* the very last */
	{ { 0, MSS(1459) }, 5, 0 },
	{ { 1, 0, MSS(1459) }, 6, 0 },
	{ { 3, 0, 7, MSS(1459) }, 7, 0 },	/* of no length: for ever */
	{ { 3, 1, MSS(1459) }, 6, 0 },
	{ { 3, 255, MSS(1459) }, 6, 0 },	/* over the end */
	{ { 2, 0, 5, 179 }, 4, 0 },
	{ { 2, 1, 5, 179 }, 4, 0 },
	{ { 2, 2, 5, 179 }, 4, 0 },
	{ { 2, 3, 5, MSS(1459) }, 7, 1459 },	/* this one is passed over */
	{ { 2, 5, 5, 180, 1, MSS(1459) }, 9, 1459 },
	{ { 2, 6, 5, 179, 0, 0 }, 6, 0 },
	{ { 2, 5, 5, 179 }, 4, 0 },
	{ { 2, 255, 5, 179 }, 4, 0 },
	{ { 1, 1, 1, 2 }, 4, 0 },	/* its length is behind the end */
	{ { 1, 1, 2, 4 }, 4, 0 },
	{ { 1, 2, 4, 5 }, 4, 0 },
	{ { MSS(1460), MSS(1459) }, 8, 0 },	/* the first counts */
	{ { MSS(1459), MSS(1460) }, 8, 1459 },
};

Test(mark_syn, option_lists)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct mark_client client;
		struct syn syn;

		begin_ipv4(&syn, 0, 0);
		end(&syn, lists[i].bytes, lists[i].size);
		client = parsed(&syn, syn.size);
		cr_expect_eq(client.mss, lists[i].mss, "list %zu: %u", i,
			     client.mss);
		cr_expect_eq(client.seen, lists[i].mss != 0);
	}
}

Test(mark_syn, headers_that_lie)
{
	struct syn syn;

	for (unsigned length = 0; length < 16; length++) {
		begin_ipv4(&syn, 0, 0);
		end_like_linux(&syn, 1459);
		syn.bytes[0] = (uint8_t)(0x40 | length);
		says(&syn, length == 5, length == 5 ? 1459 : 0);
		begin_ipv4(&syn, 0, 0);
		end_like_linux(&syn, 1459);
		syn.bytes[syn.tcp + 12] = (uint8_t)(length << 4);
		/* 10 words are the whole; 6 hold the MSS already */
		says(&syn, length >= 6 && length <= 10,
		     length >= 6 && length <= 10 ? 1459 : 0);
	}
	for (unsigned version = 0; version < 16; version++) {
		begin_ipv4(&syn, 0, 0);
		end_like_linux(&syn, 1459);
		syn.bytes[0] = (uint8_t)(version << 4 | 5);
		says(&syn, version == 4, version == 4 ? 1459 : 0);
	}
	begin_ipv4(&syn, 0, 0);
	end_like_linux(&syn, 1459);
	syn.bytes[9] = 17;	/* UDP */
	says(&syn, false, 0);
}
