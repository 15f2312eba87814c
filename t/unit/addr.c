// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>

#include "base/addr.h"

static struct sockaddr_storage parsed(const char *text)
{
	struct sockaddr_storage address;

	cr_assert_eq(addr_parse(text, &address), 0, "%s", text);
	return address;
}

static struct addr_prefix prefix(const char *text)
{
	struct addr_prefix result;

	cr_assert_eq(addr_parse_prefix(text, &result), 0, "%s", text);
	return result;
}

Test(addr, text_there_and_back)
{
	static const char *const texts[] = {
		"10.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535",
		"[fd00::1]:80", "[::]:0", "[::1]:65535", "[fe80::1%7]:443",
		"[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535",
	};
	struct sockaddr_storage address;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		address = parsed(texts[i]);
		cr_assert_str_eq(addr_format(&address, text), texts[i]);
	}
}

Test(addr, what_is_no_address)
{
	static const char *const texts[] = {
		"", ":", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536",
		"10.0.0.1:-1", "10.0.0.1: 80", "10.0.1:80", "host:80",
		"fd00::1:80x", "[fd00::1]", "[fd00::1]:", "[fd00::1:80",
		"[10.0.0.1]:80", "[fd00::1%]:80", "[fd00::1%eth0]:80", "]:80",
		"[]:80", "10.0.0.1:99999999999999999999",
		"11111111111111111111111111111111111111111111111111111111111111"
	};
	struct sockaddr_storage address;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_assert_eq(addr_parse(texts[i], &address), -EINVAL, "%s",
			     texts[i]);
}

Test(addr, mapped_addresses_are_ipv4)
{
	struct sockaddr_storage address = parsed("[::ffff:10.0.0.1]:80");
	char text[ADDR_TEXT_MAX];

	cr_assert_str_eq(addr_format(&address, text), "10.0.0.1:80");
	cr_assert_eq(addr_length(&address), sizeof(struct sockaddr_in));
}

Test(addr, normalize)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(80),
		.sin6_addr.s6_addr = { [10] = 0xff, 0xff, 10, 0, 0, 1 },
	};
	struct sockaddr *from = (struct sockaddr *)&sin6;
	struct sockaddr_storage to, same = parsed("10.0.0.1:80");

	cr_assert(addr_normalize(&to, from, sizeof(sin6)));
	cr_assert(addr_same(&to, &same));
	sin6.sin6_addr.s6_addr[0] = 0xfd;
	sin6.sin6_scope_id = 3;
	cr_assert(addr_normalize(&to, from, sizeof(sin6)));
	cr_assert_eq(((struct sockaddr_in6 *)&to)->sin6_scope_id, 3);
	/* the kernel takes one without scope */
	cr_assert(addr_normalize(&to, from, sizeof(sin6) - 4));
	cr_assert_eq(((struct sockaddr_in6 *)&to)->sin6_scope_id, 0);
	cr_assert_not(addr_normalize(&to, from, sizeof(sin6) - 5));
	cr_assert_not(addr_normalize(&to, from, 1));
	cr_assert_not(addr_normalize(&to, from, 0));
	sin6.sin6_family = AF_UNIX;
	cr_assert_not(addr_normalize(&to, from, sizeof(sin6)));
	sin6.sin6_family = AF_INET;
	cr_assert_not(addr_normalize(&to, from, 15));
	cr_assert(addr_normalize(&to, from, 16));
}

Test(addr, other_families_are_harmless)
{
	struct sockaddr_storage other = { .ss_family = AF_UNIX };
	struct addr_prefix any = prefix("*");
	char text[ADDR_TEXT_MAX];
	size_t size;

	cr_assert_eq(addr_length(&other), 0);
	cr_assert_eq(addr_port(&other), 0);
	cr_assert_null(addr_bytes(&other, &size));
	cr_assert_eq(size, 0);
	cr_assert_str_eq(addr_format(&other, text), "?");
	cr_assert_not(addr_same(&other, &other));
	cr_assert_not(addr_in_prefix(&other, &any));
	cr_assert_not(addr_is_any(&other));
	cr_assert_not(addr_is_loopback(&other));
	cr_assert_not(addr_is_link_local(&other));
}

Test(addr, ports)
{
	struct sockaddr_storage four = parsed("10.0.0.1:80");
	struct sockaddr_storage six = parsed("[fd00::1]:80");

	addr_set_port(&four, 65535);
	addr_set_port(&six, 1);
	cr_assert_eq(addr_port(&four), 65535);
	cr_assert_eq(addr_port(&six), 1);
}

Test(addr, same)
{
	struct sockaddr_storage a = parsed("10.0.0.1:80");
	struct sockaddr_storage b = parsed("10.0.0.1:81");
	struct sockaddr_storage c = parsed("[fe80::1%1]:80");
	struct sockaddr_storage d = parsed("[fe80::1%2]:80");

	cr_assert(addr_same_host(&a, &b));
	cr_assert_not(addr_same(&a, &b));
	cr_assert(addr_same(&a, &a));
	cr_assert_not(addr_same_host(&a, &c));
	cr_assert_not(addr_same_host(&c, &d));
}

Test(addr, prefixes)
{
	static const struct {
		const char *prefix, *address;
		bool in;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.0.1:1", true },
		{ "10.0.0.0/8", "11.0.0.0:1", false },
		{ "10.128.0.0/9", "10.127.0.0:1", false },
		{ "10.128.0.0/9", "10.129.0.0:1", true },
		{ "10.0.0.1", "10.0.0.1:1", true },
		{ "10.0.0.1", "10.0.0.2:1", false },
		{ "0.0.0.0/0", "10.0.0.2:1", true },
		{ "0.0.0.0/0", "[fd00::1]:1", false },
		{ "::/0", "10.0.0.2:1", false },
		{ "::/0", "[fd00::1]:1", true },
		{ "*", "10.0.0.2:1", true },
		{ "*", "[fd00::1]:1", true },
		{ "fd00::/8", "[fdff::1]:1", true },
		{ "fd00::/8", "[fe00::1]:1", false },
		{ "fd00::/127", "[fd00::1]:1", true },
		{ "fd00::/127", "[fd00::2]:1", false },
		{ "::ffff:10.0.0.0/104", "10.1.2.3:1", true },
		{ "::ffff:10.0.0.1", "10.0.0.1:1", true },
		{ "::ffff:0.0.0.0/96", "10.0.0.1:1", true },
	};
	struct sockaddr_storage address;
	struct addr_prefix range;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		address = parsed(cases[i].address);
		range = prefix(cases[i].prefix);
		cr_assert_eq(addr_in_prefix(&address, &range), cases[i].in,
			     "%s in %s", cases[i].address, cases[i].prefix);
	}
}

Test(addr, what_is_no_prefix)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EINVAL }, { "/8", -EINVAL }, { "10/8", -EINVAL },
		{ "x", -EINVAL }, { "**", -EINVAL }, { "10.0.0.0.0", -EINVAL },
		{ "[fd00::]/8", -EINVAL }, { "fe80::1%1", -EINVAL },
		{ "10.0.0.0/", -ERANGE }, { "10.0.0.0/33", -ERANGE },
		{ "10.0.0.0/-1", -ERANGE }, { "10.0.0.0/8x", -ERANGE },
		{ "fd00::/129", -ERANGE }, { "fd00::/ 8", -ERANGE },
		{ "10.0.0.1/8", -EDOM }, { "10.0.0.0/6", -EDOM },
		{ "fd00::1/127", -EDOM }, { "0.0.0.1/0", -EDOM },
		{ "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8",
		  -EINVAL },
	};
	struct addr_prefix range;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		cr_assert_eq(addr_parse_prefix(cases[i].text, &range),
			     cases[i].error, "%s", cases[i].text);
}

Test(addr, kinds)
{
	static const struct {
		const char *text;
		bool any, loopback, link_local;
	} cases[] = {
		{ "0.0.0.0:1", true, false, false },
		{ "[::]:1", true, false, false },
		{ "127.0.0.1:1", false, true, false },
		{ "127.255.0.1:1", false, true, false },
		{ "[::1]:1", false, true, false },
		{ "[::ffff:127.0.0.1]:1", false, true, false },
		{ "169.254.0.1:1", false, false, true },
		{ "[fe80::1]:1", false, false, true },
		{ "[febf::1]:1", false, false, true },
		{ "[fec0::1]:1", false, false, false },
		{ "128.0.0.1:1", false, false, false },
	};
	struct sockaddr_storage address;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		address = parsed(cases[i].text);
		cr_assert_eq(addr_is_any(&address), cases[i].any, "%s",
			     cases[i].text);
		cr_assert_eq(addr_is_loopback(&address), cases[i].loopback,
			     "%s", cases[i].text);
		cr_assert_eq(addr_is_link_local(&address), cases[i].link_local,
			     "%s", cases[i].text);
	}
}
