// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/option.h"
#include "read_source.h"

#define FOR_EACH_OPTION(o) \
	for (const struct policy_option *o = options; \
	     o < options + OPTION_COUNT_ALL; o++)

Test(policy_option, defaults_are_in_range_and_set)
{
	char text[OPTION_TEXT_MAX], why[OPTION_WHY_MAX];
	int64_t value;

	FOR_EACH_OPTION(option) {
		cr_assert_null(option_check(option, option->initial, why));
		cr_assert_eq(option_get(option, &settings_initial),
			     option->initial, "%s", option->key);
		option_format(option, option->initial, text);
		cr_assert_null(option_parse(option, text, &value), "%s", text);
		cr_assert_eq(value, option->initial, "%s", text);
	}
}

Test(policy_option, set_is_got_back)
{
	struct settings settings = settings_initial;

	FOR_EACH_OPTION(option) {
		option_set(option, &settings, option->most);
		cr_assert_eq(option_get(option, &settings), option->most);
		option_set(option, &settings, option->least);
		cr_assert_eq(option_get(option, &settings), option->least);
	}
}

Test(policy_option, what_is_out_of_range)
{
	char why[OPTION_WHY_MAX];

	FOR_EACH_OPTION(option) {
		cr_assert_null(option_check(option, option->most, why));
		cr_assert_null(option_check(option, option->least, why));
		cr_assert_not_null(option_check(option, option->most + 1, why));
		if (option->least != 0 || (option->kind != OPTION_AUTO_US &&
					   option->kind != OPTION_AUTO_SIZE))
			cr_assert_not_null(option_check(option,
						option->least - 1, why));
	}
}

/* What a listener may be marked with: 1 modulo 16, or auto. */
Test(policy_option, marks)
{
	const struct policy_option *mark = option_find("handshake", "mark");
	char why[OPTION_WHY_MAX], text[OPTION_TEXT_MAX];
	int64_t value;

	for (value = mark->least; value <= mark->most; value++)
		cr_assert_eq(!option_check(mark, value, why), value % 16 == 1,
			     "%" PRId64, value);
	cr_assert_null(option_check(mark, -1, why));
	cr_assert_str_eq(option_format(mark, -1, text), "auto");
	cr_assert_str_eq(option_format(mark, 1457, text), "1457");
	cr_assert_null(option_parse(mark, "auto", &value));
	cr_assert_eq(value, -1);
	cr_assert_null(option_parse(mark, "1457", &value));
	cr_assert_eq(value, 1457);
	cr_assert_not_null(option_parse(mark, "1KiB", &value));
	cr_assert_str_eq(option_check(mark, 1456, why),
			 "not 1 modulo 16; 1441 and 1457 are the nearest");
	cr_assert_str_eq(option_check(mark, 1458, why),
			 "not 1 modulo 16; 1457 and 1473 are the nearest");
}

Test(policy_option, formats)
{
	const struct policy_option *size = option_find("lane", "replay");
	const struct policy_option *ms = option_find("handshake", "timeout");
	const struct policy_option *us = option_find("lane", "busy_poll");
	const struct policy_option *grace = option_find("handshake", "grace");
	const struct policy_option *pinned = option_find("limits", "pinned");
	char text[OPTION_TEXT_MAX];

	cr_assert_str_eq(option_format(size, 0, text), "0");
	cr_assert_str_eq(option_format(size, 1025, text), "1025");
	cr_assert_str_eq(option_format(size, 3 << 20, text), "3MiB");
	cr_assert_str_eq(option_format(ms, 250, text), "250ms");
	cr_assert_str_eq(option_format(ms, 60000, text), "60s");
	cr_assert_str_eq(option_format(us, 0, text), "0us");
	cr_assert_str_eq(option_format(us, 1500, text), "1500us");
	cr_assert_str_eq(option_format(grace, -1, text), "auto");
	cr_assert_str_eq(option_format(pinned, -1, text), "auto");
	cr_assert_str_eq(option_format(pinned, 1 << 20, text), "1MiB");
}

Test(policy_option, parses_by_kind)
{
	const struct policy_option *ms = option_find("handshake", "timeout");
	const struct policy_option *us = option_find("lane", "busy_poll");
	const struct policy_option *grace = option_find("handshake", "grace");
	const struct policy_option *level = option_find("log", "level");
	const struct policy_option *pinned = option_find("limits", "pinned");
	int64_t value;

	cr_assert_null(option_parse(ms, "2s", &value));
	cr_assert_eq(value, 2000);
	cr_assert_not_null(option_parse(ms, "1500us", &value));
	cr_assert_null(option_parse(us, "1ms", &value));
	cr_assert_eq(value, 1000);
	cr_assert_not_null(option_parse(us, "auto", &value));
	cr_assert_null(option_parse(grace, "auto", &value));
	cr_assert_eq(value, -1);
	cr_assert_null(option_parse(grace, "2ms", &value));
	cr_assert_eq(value, 2000);
	cr_assert_not_null(option_parse(grace, "soon", &value));
	cr_assert_null(option_parse(pinned, "auto", &value));
	cr_assert_eq(value, -1);
	cr_assert_null(option_parse(pinned, "64MiB", &value));
	cr_assert_eq(value, 64 << 20);
	cr_assert_not_null(option_parse(pinned, "much", &value));
	cr_assert_null(option_parse(level, "debug", &value));
	cr_assert_not_null(option_parse(level, "loud", &value));
}

Test(policy_option, profiles)
{
	const struct policy_option *profile = option_find("lane", "profile");
	struct settings settings = settings_initial;
	char text[OPTION_TEXT_MAX];
	int64_t value;

	option_set(profile, &settings, PROFILE_normal);
	cr_assert_arr_eq(&settings, &settings_initial, sizeof(settings));
	cr_assert_null(option_parse(profile, "many", &value));
	cr_assert_eq(value, PROFILE_many);
	cr_assert_str_eq(option_format(profile, value, text), "many");
	cr_assert_not_null(option_parse(profile, "few", &value));
	cr_assert_not_null(option_parse(profile, "", &value));
	option_set(profile, &settings, PROFILE_many);
	cr_assert_eq(settings.lane.send_buffer, 32 << 10);
	cr_assert_eq(settings.lane.receive_buffer, 32 << 10);
	cr_assert_eq(settings.lane.replay, 128 << 10);
	cr_assert_eq(settings.lane.after_bytes,
		     settings_initial.lane.after_bytes);
	/* Rows are applied in order: those by name stand. */
	cr_assert_eq(profile - options, OPTION_lane_profile);
	cr_assert_lt(OPTION_lane_profile, OPTION_lane_send_buffer);
	cr_assert_lt(OPTION_lane_profile, OPTION_lane_receive_buffer);
	cr_assert_lt(OPTION_lane_profile, OPTION_lane_replay);
}

Test(policy_option, found_by_both_names)
{
	char name[OPTION_NAME_MAX];

	FOR_EACH_OPTION(option) {
		cr_assert_eq(option_find(option->section, option->key), option);
		option_env_name(option, name);
		cr_assert_eq(option_find_env(name), option);
	}
	cr_assert_str_eq(option_env_name(option_find("lane", "busy_poll"),
					 name), "SHUNT_LANE_BUSY_POLL");
	cr_assert_null(option_find("lane", "timeout"));
	cr_assert_null(option_find_env("SHUNT_LANE_"));
	cr_assert(option_is_section("handshake"));
	cr_assert_not(option_is_section("rules"));
}

Test(policy_option, the_manual_has_every_row)
{
	const char *manual = read_source("man/shunt.conf.5");
	char want[200], initial[OPTION_TEXT_MAX];

	FOR_EACH_OPTION(option) {
		snprintf(want, sizeof(want),
			 "\n.It Cm %s.%s No = Li \\(dq%s\\(dq\n",
			 option->section, option->key,
			 option_format(option, option->initial, initial));
		cr_assert_not_null(strstr(manual, want), "%s", want);
	}
#define KEY(name, help) \
	cr_assert(strstr(manual, "\n.It Cm " #name "\n") || \
		  strstr(manual, "\n.It Cm " #name " , ") || \
		  strstr(manual, " , " #name "\n"), "%s", #name);
#include "policy/keys.def"
#undef KEY
}

Test(policy_option, the_example_has_every_row)
{
	const char *example = read_source("etc/shunt.conf");

	FOR_EACH_OPTION(option)
		cr_assert_not_null(strstr(example, option->key), "%s",
				   option->key);
}
