// SPDX-License-Identifier: BSD-2-Clause
/* shunt doctor's probes of the policy, and what all probes share. */
#include <errno.h>

#include "doctor_help.h"

TestSuite(doctor_policy, .init = fixture_begin, .fini = fixture_end,
	  .timeout = 60);

#define CONF "/etc/app.conf"

static void put_environment(const char *text, size_t size)
{
	put_bytes("/proc/self/environ", text, size);
}

#define ENVIRONMENT(text) put_environment(text, sizeof(text))

Test(doctor_policy, none)
{
	fixture_read();
	ask("policy.file", PROBE_FAIL);
	finds("there is no " POLICY_PATH);
	ask("policy.verdict", PROBE_FAIL);
	advises("policy.file");
	ask("policy.environment", PROBE_OK);
	finds("none is set");
}

Test(doctor_policy, in_the_environment)
{
	ENVIRONMENT("SHUNT_RULES=connect *:80 prefer");
	fixture_read();
	ask("policy.file", PROBE_OK);
	ask("policy.verdict", PROBE_OK);
	finds("that it makes");
	ask("policy.environment", PROBE_OK);
	details("SHUNT_RULES=connect *:80 prefer\n");
}

Test(doctor_policy, in_a_file)
{
	ENVIRONMENT("SHUNT_CONF=" CONF "\0SHUNT_LIMITS_LANES=7");
	put(CONF, "version = 1; lane = { replay = \"4MiB\"; };\n"
		  "rules = ( { role = \"listen\"; port = 80; mode = \"prefer\"; } );\n");
	fixture_read();
	ask("policy.file", PROBE_OK);
	finds(CONF " (SHUNT_CONF): 1 rules");
	ask("policy.values", PROBE_OK);
	finds("lane.replay = 4MiB (" CONF ")");
	finds("limits.lanes = 7 (SHUNT_LIMITS_LANES)");
	details("lane.send_buffer = 128KiB (default)\n");
	ask("policy.verdict", PROBE_OK);
	finds("that it accepts");
	cr_assert_eq(rulebook_lanes(&rulebook), 7);
}

/* A rule's own sizes count where they are the largest. */
Test(doctor_policy, largest_lane)
{
	ENVIRONMENT("SHUNT_CONF=" CONF);
	put(CONF, "version = 1; rules = ( { mode = \"prefer\"; lane = {\n"
		  "send_buffer = \"1MiB\"; receive_buffer = \"1MiB\"; }; } );\n");
	fixture_read();
	cr_assert_eq(rulebook.lane_bytes, 2 * 1024 * 1024 + 32 * 1024);
}

Test(doctor_policy, not_for_this_program)
{
	ENVIRONMENT("SHUNT_CONF=" CONF);
	put(CONF, "version = 1; rules = ( { mode = \"prefer\"; port = 80;\n"
		  "program = \"nginx\"; } );\n");
	put("/usr/bin/redis", "\177ELF");
	target.program = "/usr/bin/redis";
	fixture_read();
	ask("policy.verdict", PROBE_FAIL);
	finds("no rule matches and the default is tcp");
}

Test(doctor_policy, refused)
{
	ENVIRONMENT("SHUNT_CONF=" CONF);
	put(CONF, "version = 1;\nrules = ( { mode = \"sometimes\"; } );\n");
	fixture_read();
	ask("policy.file", PROBE_FAIL);
	finds("not a mode");
	advises("shunt check " CONF);
	ask("policy.values", PROBE_FAIL);
	ask("policy.verdict", PROBE_FAIL);
	cr_assert_str_eq(rulebook_words(&rulebook), "the default policy");
}

Test(doctor_policy, named_and_missing)
{
	ENVIRONMENT("SHUNT_CONF=/config/app.conf");
	fixture_read();
	ask("policy.file", PROBE_FAIL);
	finds("/config/app.conf, which SHUNT_CONF names, is not there");
	advises("ConfigMap");
}

Test(doctor_policy, turned_off)
{
	ENVIRONMENT("SHUNT_MODE=off\0SHUNT_RULES=connect *:80 prefer");
	fixture_read();
	ask("policy.verdict", PROBE_FAIL);
	advises("unset SHUNT_MODE");
}

Test(doctor_policy, variables)
{
	ENVIRONMENT("SHUNT_LANE_REPLAI=1\0SHUNT_RULES=connect *:80 prefer");
	fixture_read();
	ask("policy.environment", PROBE_WARN);
	finds("SHUNT_LANE_REPLAI: \"1\": unknown variable");
	ENVIRONMENT("SHUNT_LANE_REPLAY=lots");
	target_free(&target);
	target_read(&target);
	ask("policy.environment", PROBE_FAIL);
	finds("SHUNT_LANE_REPLAY: \"lots\"");
}

/* -- key files ----------------------------------------------------------- */

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

static void put_keys(const char *text, mode_t mode)
{
	char path[PATH_MAX];

	ENVIRONMENT("SHUNT_RULES=connect *:80 prefer auth=/etc/keys/one");
	put("/etc/keys/one", text);
	inside(path, "/etc/keys/one");
	cr_assert_eq(chmod(path, mode), 0);
}

Test(doctor_policy, no_keys)
{
	ENVIRONMENT("SHUNT_RULES=connect *:80 prefer");
	fixture_read();
	ask("policy.keys", PROBE_OK);
	finds("no rule has auth");
}

Test(doctor_policy, keys)
{
	put_keys("# old and new\n" KEY KEY, 0640);
	fixture_read();
	ask("policy.keys", PROBE_OK);
	finds("/etc/keys/one: 2 keys");
	details("/etc/keys/one: 2 keys, mode 0640, owner ");
}

Test(doctor_policy, keys_for_everybody)
{
	put_keys(KEY, 0644);
	fixture_read();
	ask("policy.keys", PROBE_FAIL);
	finds("/etc/keys/one: is not used for keys: others may read it");
	cr_assert_eq(strncmp(result.found, "/etc/", 5), 0, "%s", result.found);
}

Test(doctor_policy, keys_of_nobody)
{
	put_keys("0001\n", 0600);
	fixture_read();
	ask("policy.keys", PROBE_FAIL);
	finds("/etc/keys/one:1: a key has 32 to 64 bytes");
}

Test(doctor_policy, keys_not_there)
{
	ENVIRONMENT("SHUNT_RULES=connect *:80 prefer auth=/etc/keys/one");
	fixture_read();
	ask("policy.keys", PROBE_FAIL);
	finds("/etc/keys/one: cannot be read: No such file");
}

/* The command may read it; the program, which has user 1000, may not. */
Test(doctor_policy, keys_of_another_user)
{
	put("/proc/self/status", STATUS_USER);
	put_keys(KEY, 0600);
	fixture_read();
	if (getuid() == 1000)
		cr_skip_test("the file is this user's");
	ask("policy.keys", PROBE_FAIL);
	finds("user 1000 may not read /etc/keys/one (mode 0600");
	advises("chmod 640");
}

Test(doctor_policy, keys_in_a_refused_policy)
{
	put_keys(KEY, 0600);
	ENVIRONMENT("SHUNT_LANE_REPLAY=lots\0"
		    "SHUNT_RULES=connect *:80 prefer auth=/etc/keys/one");
	fixture_read();
	ask("policy.keys", PROBE_WARN);
	finds("/etc/keys/one: 1 key; but the policy is refused");
}

/* -- what all share ------------------------------------------------------- */

Test(doctor_policy, answers_are_cut_and_clean)
{
	static char wide[2 * FOUND_MAX];
	char list[FOUND_MAX] = "";
	int i;

	memset(wide, 'x', sizeof(wide) - 1);
	fixture_read();
	found(&result, PROBE_OK, "a\033[31m%s", wide);
	cr_assert_eq(strlen(result.found), FOUND_MAX - 1);
	cr_assert_eq(result.found[1], '?');
	for (i = 0; i < 1000; i++) {
		detail(&result, "line %d", i);
		list_add(list, "entry%d", i);
	}
	cr_assert_lt(strlen(result.details), DETAILS_MAX);
	cr_assert_lt(strlen(list), FOUND_MAX);
	cr_assert_str_eq(list + strlen(list) - 3, "...");
}

Test(doctor_policy, amounts)
{
	char text[AMOUNT_MAX];

	fixture_read();
	cr_assert_str_eq(amount(0, text), "0 bytes");
	cr_assert_str_eq(amount(288 * 1024, text), "288KiB");
	cr_assert_str_eq(amount(UINT64_C(8) << 20, text), "8MiB");
	cr_assert_str_eq(amount(123456789, text), "117MiB");
	cr_assert_str_eq(amount(UINT64_MAX, text), "unlimited");
}

Test(doctor_policy, every_row_has_an_id_of_its_own)
{
	fixture_read();
	for (int i = 0; i < probe_count; i++) {
		cr_assert_eq(find_probe(probes[i].id), &probes[i]);
		cr_assert_eq(strncmp(probes[i].id, probes[i].area,
				     strlen(probes[i].area)), 0);
	}
}

/* The areas stand together, for people. */
Test(doctor_policy, areas_stand_together)
{
	fixture_read();
	for (int i = 1; i < probe_count; i++) {
		if (!strcmp(probes[i].area, probes[i - 1].area))
			continue;
		for (int j = 0; j < i; j++)
			cr_assert_str_neq(probes[j].area, probes[i].area);
	}
}
