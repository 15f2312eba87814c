// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <string.h>

#include "policy/value.h"

typedef const char *parse_number(const char *text, int64_t *number);

struct number_case {
	const char *text;
	int64_t number;		/* -1: refused */
};

static void try_numbers(parse_number *parse, const struct number_case *cases)
{
	int64_t number;

	for (; cases->text; cases++) {
		number = 0;
		if (cases->number < 0) {
			cr_assert_not_null(parse(cases->text, &number), "%s",
					   cases->text);
			continue;
		}
		cr_assert_null(parse(cases->text, &number), "%s", cases->text);
		cr_assert_eq(number, cases->number, "%s", cases->text);
	}
}

Test(policy_value, sizes)
{
	static const struct number_case cases[] = {
		{ "0", 0 }, { "512", 512 }, { "7B", 7 }, { "16KiB", 16384 },
		{ "1MiB", 1 << 20 }, { "2GiB", INT64_C(2) << 30 },
		{ "", -1 }, { "KiB", -1 }, { "1KB", -1 }, { "1k", -1 },
		{ "-1", -1 }, { "+1", -1 }, { " 1", -1 }, { "1 KiB", -1 },
		{ "1.5MiB", -1 }, { "0x10", -1 }, { "9223372036854775807",
		  INT64_MAX }, { "9223372036854775808", -1 },
		{ "9223372036854775807KiB", -1 }, { NULL, 0 },
	};

	try_numbers(value_size, cases);
}

Test(policy_value, counts)
{
	static const struct number_case cases[] = {
		{ "0", 0 }, { "12", 12 }, { "", -1 }, { "1KiB", -1 },
		{ "-3", -1 }, { NULL, 0 },
	};

	try_numbers(value_count, cases);
}

Test(policy_value, durations)
{
	static const struct number_case cases[] = {
		{ "0", 0 }, { "0us", 0 }, { "20us", 20 }, { "250ms", 250000 },
		{ "60s", 60000000 }, { "5min", 300000000 },
		{ "1h", INT64_C(3600000000) }, { "5", -1 }, { "", -1 },
		{ "ms", -1 }, { "1m", -1 }, { "1 s", -1 }, { "1.5s", -1 },
		{ "-1s", -1 }, { "9223372036854775807s", -1 }, { NULL, 0 },
	};

	try_numbers(value_duration, cases);
}

Test(policy_value, ports)
{
	static const struct {
		const char *text;
		int from, to;		/* from -1: refused */
	} cases[] = {
		{ "0", 0, 0 }, { "6379", 6379, 6379 }, { "65535", 65535, 65535 },
		{ "7000-7999", 7000, 7999 }, { "5-5", 5, 5 },
		{ "0-65535", 0, 65535 }, { "*", 0, 65535 },
		{ "65536", -1, 0 }, { "1-65536", -1, 0 }, { "9-8", -1, 0 },
		{ "", -1, 0 }, { "-", -1, 0 }, { "1-", -1, 0 }, { "-1", -1, 0 },
		{ "1-2-3", -1, 0 }, { "http", -1, 0 }, { " 1", -1, 0 },
	};
	struct port_range range;
	const char *wrong;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		wrong = value_ports(cases[i].text, &range);
		cr_assert_eq(wrong != NULL, cases[i].from < 0, "%s",
			     cases[i].text);
		if (wrong)
			continue;
		cr_assert_eq(range.from, cases[i].from);
		cr_assert_eq(range.to, cases[i].to);
	}
}

Test(policy_value, words)
{
	enum policy_mode mode;
	unsigned roles;
	enum policy_greeting greeting;

	cr_assert_null(value_mode("tcp", &mode));
	cr_assert_eq(mode, POLICY_TCP);
	cr_assert_null(value_mode("prefer", &mode));
	cr_assert_eq(mode, POLICY_PREFER);
	cr_assert_null(value_mode("require", &mode));
	cr_assert_eq(mode, POLICY_REQUIRE);
	cr_assert_str_eq(value_mode_name(mode), "require");
	cr_assert_not_null(value_mode("Prefer", &mode));
	cr_assert_not_null(value_mode("off", &mode));
	cr_assert_null(value_role("connect", &roles));
	cr_assert_eq(roles, ROLE_CONNECT);
	cr_assert_null(value_role("listen", &roles));
	cr_assert_eq(roles, ROLE_LISTEN);
	cr_assert_null(value_role("any", &roles));
	cr_assert_eq(roles, ROLE_ANY);
	cr_assert_not_null(value_role("accept", &roles));
	cr_assert_null(value_greeting("trusted", &greeting));
	cr_assert_eq(greeting, POLICY_GREETING_TRUSTED);
	cr_assert_null(value_greeting("probe", &greeting));
	cr_assert_eq(greeting, POLICY_GREETING_PROBE);
	cr_assert_null(value_greeting("mark", &greeting));
	cr_assert_eq(greeting, POLICY_GREETING_MARK);
	cr_assert_not_null(value_greeting("unknown", &greeting));
	cr_assert_not_null(value_greeting("", &greeting));
}

Test(policy_value, names_and_globs)
{
	char text[400];

	cr_assert_null(value_name("a rule"));
	cr_assert_not_null(value_name(""));
	cr_assert_not_null(value_name("a\nb"));
	memset(text, 'x', sizeof(text));
	text[VALUE_NAME_MAX] = '\0';
	cr_assert_null(value_name(text));
	text[VALUE_NAME_MAX] = 'x';
	text[VALUE_NAME_MAX + 1] = '\0';
	cr_assert_not_null(value_name(text));
	cr_assert_null(value_glob("redis-*"));
	cr_assert_not_null(value_glob(""));
	text[VALUE_NAME_MAX + 1] = 'x';
	text[256] = '\0';
	cr_assert_not_null(value_glob(text));
}
