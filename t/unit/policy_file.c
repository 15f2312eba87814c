// SPDX-License-Identifier: BSD-2-Clause
#include <sys/stat.h>
#include <unistd.h>

#include "policy_help.h"

/* Every error names file, line, key and value; the text is exact here. */
static const struct {
	const char *text, *problem;
} errors[] = {
	{ "", "dir/t.conf:1: version: missing (write \"version = 1;\")" },
	{ "version = 2;",
	  "dir/t.conf:1: version: 2: this release reads version 1" },
	{ "version = \"1\";",
	  "dir/t.conf:1: version: \"1\": this release reads version 1" },
	{ "version = 1;\ndefault = \"maybe\";",
	  "dir/t.conf:2: default: \"maybe\": "
	  "not a mode (tcp, prefer or require)" },
	{ "version = 1;\ndefault = 3;",
	  "dir/t.conf:2: default: 3: must be a string" },
	{ "version = 1;\nnothing = 1;",
	  "dir/t.conf:2: nothing: 1: unknown key" },
	{ "version = 1;\nrules = { };",
	  "dir/t.conf:2: rules: { }: must be a list: ( { ... }, ... )" },
	{ "version = 1;\nrules = [ 1 ];",
	  "dir/t.conf:2: rules: ( ): must be a list: ( { ... }, ... )" },
	{ "version = 1;\nrules = 1;",
	  "dir/t.conf:2: rules: 1: must be a list: ( { ... }, ... )" },
	{ "version = 1;\nrules = (\n7\n);",
	  "dir/t.conf:3: rules[0]: 7: a rule must be a group: { ... }" },
	{ "version = 1;\nlane = 1;",
	  "dir/t.conf:2: lane: 1: must be a group: { ... }" },
	{ "version = 1;\nlane = { zap = 1.5; };",
	  "dir/t.conf:2: lane.zap: 1.5: unknown key" },
	{ "version = 1;\nlimits = { joins = 5000; };",
	  "dir/t.conf:2: limits.joins: 5000: out of range (0 to 4096)" },
	{ "version = 1;\nlimits = { pinned = \"all\"; };",
	  "dir/t.conf:2: limits.pinned: \"all\": "
	  "not a size (bytes, or with KiB, MiB or GiB)" },
	{ "version = 1;\nlane = { replay = 1.5; };",
	  "dir/t.conf:2: lane.replay: 1.5: must be a string" },
	{ "version = 1;\nlane = { replay = -1; };",
	  "dir/t.conf:2: lane.replay: -1: "
	  "not a size (bytes, or with KiB, MiB or GiB)" },
	{ "version = 1;\nlane = { send_buffer = 1; };",
	  "dir/t.conf:2: lane.send_buffer: 1: out of range (4KiB to 1GiB)" },
	{ "version = 1;\nlane = { stall_timeout = 3; };",
	  "dir/t.conf:2: lane.stall_timeout: 3: "
	  "not a duration (a number with us, ms, s, min or h)" },
	{ "version = 1;\nlane = { busy_poll = \"2s\"; };",
	  "dir/t.conf:2: lane.busy_poll: \"2s\": out of range (0us to 1s)" },
	{ "version = 1;\nlane = { after_messages = \"1KiB\"; };",
	  "dir/t.conf:2: lane.after_messages: \"1KiB\": not a whole number" },
	{ "version = 1;\nhandshake = { timeout = \"1500us\"; };",
	  "dir/t.conf:2: handshake.timeout: \"1500us\": "
	  "not a whole number of milliseconds" },
	{ "version = 1;\nhandshake = { grace = true; };",
	  "dir/t.conf:2: handshake.grace: true: must be a string" },
	{ "version = 1;\nhandshake = { mark = 544; };",
	  "dir/t.conf:2: handshake.mark: 544: out of range (545 to 21841)" },
	{ "version = 1;\nhandshake = { mark = \"546\"; };",
	  "dir/t.conf:2: handshake.mark: \"546\": "
	  "not 1 modulo 16; 545 and 561 are the nearest" },
	{ "version = 1;\nhandshake = { mark = \"big\"; };",
	  "dir/t.conf:2: handshake.mark: \"big\": "
	  "not a whole number, nor auto" },
	{ "version = 1;\nhandshake = { hold = \"17MiB\"; };",
	  "dir/t.conf:2: handshake.hold: \"17MiB\": "
	  "out of range (0 to 16MiB)" },
	{ "version = 1;\nlog = { level = \"loud\"; };",
	  "dir/t.conf:2: log.level: \"loud\": "
	  "not a level (off, error, warn, info or debug)" },
	/* libconfig's own, with the line it happened on */
	{ "version = 1;\nversion = 1;",
	  "dir/t.conf:2: \"version = 1;\": duplicate setting name" },
	{ "version = 1;\nlane = {\n  replay = ;\n};",
	  "dir/t.conf:3: \"replay = ;\": syntax error" },
	{ "version = 1;\nrules = ( { port = [ 1, \"2\" ]; } );",
	  "dir/t.conf:2: \"rules = ( { port = [ 1, \"2\" ]; } );\": "
	  "mismatched element type in array" },
};

Test(policy_file, errors)
{
	struct said said;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		cr_assert_null(load_with(errors[i].text, NULL, NULL, &said),
			       "%s", errors[i].text);
		cr_assert_eq(said.count, 1, "%s", errors[i].text);
		cr_assert_str_eq(said.line[0], errors[i].problem);
	}
}

/* A rule's line, and what is wrong with it. */
static const struct {
	const char *key, *problem;
} rule_errors[] = {
	{ "name = \"\"", "name: \"\": a name may not be empty" },
	{ "name = 1", "name: 1: must be a string" },
	{ "name = \"a\\nb\"",
	  "name: \"a?b\": a name may not hold control characters" },
	{ "role = \"both\"",
	  "role: \"both\": not a role (connect, listen or any)" },
	{ "role = [ \"connect\" ]", "role: ( ): must be a string" },
	{ "remote = \"10.0.0.0/33\"", "remote: \"10.0.0.0/33\": the prefix "
	  "length must be 0-32 (IPv4) or 0-128 (IPv6)" },
	{ "remote = [ \"*\", \"10.0.0.1/8\" ]", "remote[1]: \"10.0.0.1/8\": "
	  "bits are set beyond the prefix length" },
	{ "remote = ( \"host\" )", "remote[0]: \"host\": not an IPv4 or IPv6 "
	  "address, a prefix or *" },
	{ "remote = 10", "remote: 10: must be a string" },
	{ "remote = [ ]",
	  "remote: ( ): is empty (leave the key out to match all)" },
	{ "port = \"70000\"",
	  "port: \"70000\": not a port or port range (0-65535)" },
	{ "port = 70000", "port: 70000: not a port or port range (0-65535)" },
	{ "port = -1", "port: -1: not a port or port range (0-65535)" },
	{ "port = 80L", "port: 80: must be a string" },
	{ "port = [ \"1\", \"9-8\" ]",
	  "port[1]: \"9-8\": the port range ends before it begins" },
	{ "port = ( 1, true )", "port[1]: true: must be a string" },
	{ "port = ( )",
	  "port: ( ): is empty (leave the key out to match all)" },
	{ "program = \"\"",
	  "program: \"\": a program pattern may not be empty" },
	{ "program = ( 1 )", "program[0]: 1: must be a string" },
	{ "greeting = \"friend\"",
	  "greeting: \"friend\": not a greeting (mark, probe or trusted)" },
	{ "greeting = true", "greeting: true: must be a string" },
	{ "peer = \"trusted\"", "peer: \"trusted\": this key is greeting now: "
	  "peer = \"trusted\" is greeting = \"trusted\"" },
	{ "nat = \"yes\"", "nat: \"yes\": must be true or false" },
	{ "nat = 1", "nat: 1: must be true or false" },
	{ "limits = { lanes = 1; }", "limits: { }: unknown key" },
	{ "drain = 0.5", "drain: 0.5: must be true or false" },
	{ "lane = 1", "lane: 1: must be a group: { ... }" },
	{ "lane = { replay = \"1MB\"; }", "lane.replay: \"1MB\": "
	  "not a size (bytes, or with KiB, MiB or GiB)" },
	{ "handshake = { replay = 1; }", "handshake.replay: 1: unknown key" },
	{ "log = { level = \"warn\"; }", "log: { }: unknown key" },
	{ "local = \"*\"", "local: \"*\": unknown key" },
	{ "auth = \"/etc/k\"", "auth: \"/etc/k\": must be a group: "
	  "{ key_file = \"/etc/shunt.key\"; }" },
	{ "auth = { }", "auth: auth has no key_file" },
	{ "auth = { required = false; }", "auth: auth has no key_file" },
	{ "auth = { required = 1; }",
	  "auth.required: 1: must be true or false" },
	{ "auth = { key_file = 1; }", "auth.key_file: 1: must be a string" },
	{ "auth = { key_file = \"k\"; }", "auth.key_file: \"k\": "
	  "not an absolute path" },
	{ "auth = { keys = \"/etc/k\"; }",
	  "auth.keys: \"/etc/k\": unknown key" },
};

Test(policy_file, errors_of_a_rule)
{
	char text[300], problem[300];
	struct said said;

	for (size_t i = 0; i < sizeof(rule_errors) / sizeof(*rule_errors);
	     i++) {
		snprintf(text, sizeof(text), "version = 1;\nrules = (\n"
			 "{ mode = \"tcp\"; },\n{ mode = \"tcp\";\n%s; }\n);",
			 rule_errors[i].key);
		snprintf(problem, sizeof(problem), "dir/t.conf:5: rules[1].%s",
			 rule_errors[i].problem);
		cr_assert_null(load_with(text, NULL, NULL, &said), "%s", text);
		cr_assert_eq(said.count, 1, "%s", text);
		cr_assert_str_eq(said.line[0], problem);
	}
}

/* With keys in a file; without, the whole policy is refused. */
Test(policy_file, auth)
{
	char path[64], text[512], problem[128];
	struct policy_decision decision;
	struct policy *policy;
	struct said said;
	FILE *keys;

	snprintf(path, sizeof(path), "/tmp/shunt-policy.%d", getpid());
	snprintf(text, sizeof(text),
		 "version = 1; rules = (\n"
		 "{ mode = \"prefer\"; port = 1; auth = { key_file = \"%s\"; }; },\n"
		 "{ mode = \"prefer\"; port = 2; auth = { required = false; key_file = \"%s\"; }; },\n"
		 "{ mode = \"prefer\"; }\n);", path, path);
	cr_assert_null(load_with(text, NULL, NULL, &said));
	snprintf(problem, sizeof(problem), "%s: cannot be read: ", path);
	cr_assert_eq(strncmp(said.line[0], problem, strlen(problem)), 0, "%s",
		     said.line[0]);
	umask(077);
	keys = fopen(path, "w");
	fprintf(keys, "%064d\n", 0);
	fclose(keys);
	policy = load_text(text);
	unlink(path);
	decision = ask(policy, POLICY_CONNECT, "1.1.1.1:1");
	cr_assert(decision.auth && decision.auth_required);
	decision = ask(policy, POLICY_CONNECT, "1.1.1.1:2");
	cr_assert(decision.auth && !decision.auth_required);
	decision = ask(policy, POLICY_CONNECT, "1.1.1.1:3");
	cr_assert(!decision.auth && !decision.auth_required);
	table_free(policy);
}

Test(policy_file, mode_is_required_and_checked)
{
	struct said said;

	load_with("version = 1; rules = ( { port = 1; } );", NULL, NULL, &said);
	cr_assert_str_eq(said.line[0],
			 "dir/t.conf:1: rules[0]: the rule has no mode");
	load_with("version = 1; rules = ( { mode = \"on\"; } );", NULL, NULL,
		  &said);
	cr_assert_str_eq(said.line[0], "dir/t.conf:1: rules[0].mode: \"on\": "
			 "not a mode (tcp, prefer or require)");
}

Test(policy_file, every_problem_is_told)
{
	struct said said;

	load_with("version = 3;\n"
		  "rules = (\n"
		  "  { port = [ \"x\", \"1\", \"y\" ]; zap = 1; },\n"
		  "  { mode = \"no\"; }\n"
		  ");\n"
		  "lane = { replay = \"x\"; what = 1; };\n", NULL, NULL, &said);
	cr_assert_eq(said.count, 8);
}

Test(policy_file, long_values_are_cut_and_clean)
{
	char text[2000];
	struct said said;

	memset(text, 'x', sizeof(text));
	memcpy(text, "version=1;default=\"\\x1b", 23);
	strcpy(text + 1500, "\";");
	load_with(text, NULL, NULL, &said);
	cr_assert_eq(said.count, 1);
	cr_assert_lt(strlen(said.line[0]), 200);
	cr_assert_not_null(strstr(said.line[0], "\"?xxx"));
	cr_assert_not_null(strstr(said.line[0], "x...\""));
}

Test(policy_file, sections)
{
	struct policy *policy = load_text(
		"version = 1;\n"
		"lane = { after_bytes = \"1MiB\"; after_messages = 7;\n"
		"  send_buffer = 8192; receive_buffer = \"64KiB\";\n"
		"  replay = \"0\"; stall_timeout = \"1min\";\n"
		"  busy_poll = \"20us\"; };\n"
		"handshake = { timeout = \"1s\"; forget_after = \"1h\";\n"
		"  probe_timeout = \"2s\"; hold = \"128KiB\";\n"
		"  grace = \"2ms\"; mark = 8945; };\n"
		"log = { level = \"debug\"; };\n");
	struct policy_decision decision =
		ask(policy, POLICY_CONNECT, "10.0.0.1:80");

	cr_assert_eq(decision.lane.after_bytes, 1 << 20);
	cr_assert_eq(decision.lane.after_messages, 7);
	cr_assert_eq(decision.lane.send_buffer, 8192);
	cr_assert_eq(decision.lane.receive_buffer, 65536);
	cr_assert_eq(decision.lane.replay, 0);
	cr_assert_eq(decision.lane.stall_timeout_ms, 60000);
	cr_assert_eq(decision.lane.busy_poll_us, 20);
	cr_assert_eq(decision.handshake.timeout_ms, 1000);
	cr_assert_eq(decision.handshake.forget_after_ms, 3600000);
	cr_assert_eq(decision.handshake.grace_us, 2000);
	cr_assert_eq(decision.handshake.probe_timeout_ms, 2000);
	cr_assert_eq(decision.handshake.hold, 128 << 10);
	cr_assert_eq(decision.handshake.mark, 8945);
	cr_assert_eq(policy->settings[0].level, LOG_DEBUG);
	table_free(policy);
}

Test(policy_file, defaults)
{
	struct policy *policy = load_text("version = 1;");
	struct policy_decision decision =
		ask(policy, POLICY_LISTEN, "[fd00::1]:80");

	cr_assert_eq(decision.mode, POLICY_TCP);
	cr_assert_eq(decision.reason, REASON_default_tcp);
	cr_assert_str_eq(decision.rule, "default");
	cr_assert_str_eq(decision.source, "");
	cr_assert_eq(decision.lane.replay, 1 << 20);
	cr_assert_eq(decision.handshake.grace_us, -1);
	cr_assert_eq(decision.handshake.probe_timeout_ms, 250);
	cr_assert_eq(decision.handshake.hold, 64 << 10);
	cr_assert_eq(decision.handshake.mark, -1);
	cr_assert_eq(decision.greeting, POLICY_GREETING_MARK);
	table_free(policy);
}

Test(policy_file, keys_of_a_rule)
{
	struct policy *policy = load_text(
		"version = 1;\n"
		"lane = { replay = \"2MiB\"; };\n"
		"rules = (\n"
		"  { name = \"all\"; role = \"listen\"; remote = \"10.0.0.0/8\";\n"
		"    port = 80; greeting = \"trusted\"; nat = true; drain = true;\n"
		"    any_path = true; lane_remote = [ \"peer\", \"fd00::/8\" ];\n"
		"    lane = { replay = \"3MiB\"; };\n"
		"    handshake = { timeout = \"1s\"; }; mode = \"prefer\"; },\n"
		"  { mode = \"require\"; role = \"listen\"; }\n"
		");\n");
	struct policy_decision decision =
		ask(policy, POLICY_LISTEN, "10.0.0.1:80");

	cr_assert_eq(decision.mode, POLICY_PREFER);
	cr_assert_eq(decision.reason, REASON_none);
	cr_assert_str_eq(decision.rule, "all");
	cr_assert_str_eq(decision.source, "t.conf:4");
	cr_assert_eq(decision.greeting, POLICY_GREETING_TRUSTED);
	cr_assert(decision.nat && decision.any_path && decision.drain);
	cr_assert(decision.lane_remote.peer);
	cr_assert_eq(decision.lane_remote.count, 1);
	cr_assert_eq(decision.lane_remote.prefixes[0].length, 8);
	cr_assert_eq(decision.lane.replay, 3 << 20);
	cr_assert_eq(decision.lane.send_buffer, 128 << 10);
	cr_assert_eq(decision.handshake.timeout_ms, 1000);

	decision = ask(policy, POLICY_LISTEN, "10.0.0.1:81");
	cr_assert_eq(decision.mode, POLICY_REQUIRE);
	cr_assert_str_eq(decision.rule, "rules[1]");
	cr_assert_str_eq(decision.source, "t.conf:9");
	cr_assert_eq(decision.greeting, POLICY_GREETING_MARK);
	cr_assert_not(decision.nat || decision.any_path || decision.drain);
	cr_assert_not(decision.lane_remote.peer || decision.lane_remote.count);
	cr_assert_eq(decision.lane.replay, 2 << 20);
	cr_assert_eq(decision.handshake.timeout_ms, 5000);
	table_free(policy);
}

Test(policy_file, lists_arrays_and_single_values)
{
	struct policy *policy = load_text(
		"version = 1; rules = (\n"
		"{ port = ( 1, \"3-4\" ); remote = [ \"1.0.0.0/8\", \"fd00::/8\" ];\n"
		"  mode = \"prefer\"; },\n"
		"{ port = [ 10, 11 ]; mode = \"require\"; } );");

	cr_assert_eq(mode_of(policy, "1.0.0.1:1"), POLICY_PREFER);
	cr_assert_eq(mode_of(policy, "1.0.0.1:2"), POLICY_TCP);
	cr_assert_eq(mode_of(policy, "[fd00::1]:4"), POLICY_PREFER);
	cr_assert_eq(mode_of(policy, "2.0.0.1:4"), POLICY_TCP);
	cr_assert_eq(mode_of(policy, "2.0.0.1:11"), POLICY_REQUIRE);
	table_free(policy);
}

Test(policy_file, no_rules_in_an_empty_list_or_array)
{
	table_free(load_text("version = 1; rules = ( );"));
	table_free(load_text("version = 1; rules = [ ];"));
}

Test(policy_file, a_long_file_name_keeps_its_line)
{
	struct load_request request = {
		.text = "version = 1; rules = ( { mode = \"tcp\"; } );",
	};
	struct problems problems = { .put = NULL };
	struct policy_decision decision;
	struct load_result result;
	char path[300];

	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	request.path = path;
	request.length = strlen(request.text);
	cr_assert_not_null(load_policy(&request, &result, &problems));
	decision = ask(result.policy, POLICY_CONNECT, "1.1.1.1:1");
	cr_assert_eq(strlen(decision.source), sizeof(decision.source) - 1);
	cr_assert_str_eq(strchr(decision.source, ':'), ":1");
	table_free(result.policy);
}
