// SPDX-License-Identifier: BSD-2-Clause
/* SHUNT_RULES and the other variables. */
#include "policy_help.h"

static struct policy *load_rules(const char *rules)
{
	const char *variables[] = { NULL, NULL };
	char entry[2000];
	struct policy *policy;
	struct said said;

	snprintf(entry, sizeof(entry), "SHUNT_RULES=%s", rules);
	variables[0] = entry;
	policy = load_with(NULL, variables, NULL, &said);
	cr_assert_not_null(policy, "%s", said.line[0]);
	return policy;
}

Test(policy_rules, the_documented_line)
{
	struct policy *policy = load_rules(
		"connect 10.0.0.0/8:6379 prefer; listen *:6379 prefer; "
		"connect [fd00::/8]:7000-7999 tcp");
	struct policy_decision decision;

	decision = ask(policy, POLICY_CONNECT, "10.1.1.1:6379");
	cr_assert_eq(decision.mode, POLICY_PREFER);
	cr_assert_str_eq(decision.rule, "SHUNT_RULES:1");
	cr_assert_str_eq(decision.source, "SHUNT_RULES:1");
	decision = ask(policy, POLICY_CONNECT, "11.1.1.1:6379");
	cr_assert_eq(decision.mode, POLICY_TCP);
	cr_assert_eq(decision.reason, REASON_default_tcp);
	decision = ask(policy, POLICY_LISTEN, "[2001::1]:6379");
	cr_assert_str_eq(decision.source, "SHUNT_RULES:2");
	decision = ask(policy, POLICY_CONNECT, "[fd00::1]:7999");
	cr_assert_str_eq(decision.source, "SHUNT_RULES:3");
	cr_assert_eq(decision.reason, REASON_rule_tcp);
	table_free(policy);
}

Test(policy_rules, forms)
{
	static const struct {
		const char *rules, *address;
		bool prefer;
	} cases[] = {
		{ "connect * prefer", "10.0.0.1:1", true },
		{ "connect * prefer", "[fd00::1]:1", true },
		{ "connect * prefer", "127.0.0.1:1", false },
		{ "connect *:* prefer", "10.0.0.1:1", true },
		{ "any *:1 prefer", "10.0.0.1:1", true },
		{ "listen *:1 prefer", "10.0.0.1:1", false },
		{ "connect 10.0.0.1 prefer", "10.0.0.1:65535", true },
		{ "connect 10.0.0.1:80,90-99 prefer", "10.0.0.1:95", true },
		{ "connect 10.0.0.1:80,90-99 prefer", "10.0.0.1:81", false },
		{ "connect [fd00::1] prefer", "[fd00::1]:1", true },
		{ "connect [*]:1 prefer", "[fd00::1]:1", true },
		{ "connect 127.0.0.1:1 prefer", "127.0.0.1:1", true },
		{ "  connect\t*:1\nprefer ;; ", "10.0.0.1:1", true },
		{ "", "10.0.0.1:1", false },
		{ " ; ", "10.0.0.1:1", false },
	};
	struct policy *policy;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		policy = load_rules(cases[i].rules);
		cr_assert_eq(mode_of(policy, cases[i].address) ==
			     POLICY_PREFER, cases[i].prefer, "%s: %s",
			     cases[i].rules, cases[i].address);
		table_free(policy);
	}
}

static struct sockaddr_storage at(const char *text)
{
	struct sockaddr_storage address;

	cr_assert_eq(addr_parse(text, &address), 0, "%s", text);
	return address;
}

static bool may(const struct policy_decision *decision, const char *remote,
		const char *lane, bool named)
{
	struct sockaddr_storage a = at(remote), b = at(lane);

	return policy_lane_may_end(decision, &a, &b, named);
}

Test(policy_rules, lane_remote)
{
	struct policy *policy = load_rules(
		"connect *:1 prefer lane_remote=peer;"
		"connect *:2 prefer lane_remote=10.2.0.0/16,fd00::/8;"
		"connect *:3 prefer; connect *:4 prefer lane_remote=169.254.9.0/24,*");
	struct policy_decision peer = ask(policy, POLICY_CONNECT, "1.0.0.1:1"),
			       list = ask(policy, POLICY_CONNECT, "1.0.0.1:2"),
			       none = ask(policy, POLICY_CONNECT, "1.0.0.1:3"),
			       link = ask(policy, POLICY_CONNECT, "1.0.0.1:4");

	cr_assert(may(&peer, "1.0.0.1:1", "1.0.0.1:7", true));
	cr_assert_not(may(&peer, "1.0.0.1:1", "1.0.0.2:7", true));
	cr_assert_not(may(&peer, "1.0.0.1:1", "1.0.0.2:7", false));
	cr_assert(may(&peer, "127.0.0.1:1", "127.0.0.1:7", true));
	cr_assert(may(&list, "1.0.0.1:1", "10.2.3.4:7", true));
	cr_assert(may(&list, "1.0.0.1:1", "[fd00::1]:7", false));
	cr_assert_not(may(&list, "1.0.0.1:1", "1.0.0.1:7", false));
	cr_assert(may(&none, "1.0.0.1:1", "9.9.9.9:7", true));
	cr_assert(may(&none, "1.0.0.1:1", "127.0.0.1:7", false));
	cr_assert_not(may(&none, "1.0.0.1:1", "127.0.0.1:7", true));
	cr_assert(may(&link, "1.0.0.1:1", "169.254.9.1:7", true));
	cr_assert_not(may(&link, "1.0.0.1:1", "169.254.8.1:7", true));
	cr_assert(may(&link, "1.0.0.1:1", "9.9.9.9:7", true));
	table_free(policy);
}

Test(policy_rules, flags)
{
	struct policy *policy = load_rules(
		"connect *:1 prefer trusted nat any_path drain; connect *:2 prefer;"
		"connect *:3 prefer probe; connect *:4 prefer mark drain");
	struct policy_decision decision =
		ask(policy, POLICY_CONNECT, "10.0.0.1:1");

	cr_assert_eq(decision.greeting, POLICY_GREETING_TRUSTED);
	cr_assert(decision.nat && decision.any_path && decision.drain);
	decision = ask(policy, POLICY_CONNECT, "10.0.0.1:2");
	cr_assert_eq(decision.greeting, POLICY_GREETING_MARK);
	cr_assert_not(decision.nat || decision.any_path || decision.drain);
	decision = ask(policy, POLICY_CONNECT, "10.0.0.1:3");
	cr_assert_eq(decision.greeting, POLICY_GREETING_PROBE);
	decision = ask(policy, POLICY_CONNECT, "10.0.0.1:4");
	cr_assert_eq(decision.greeting, POLICY_GREETING_MARK);
	cr_assert(decision.drain);
	table_free(policy);
}

/* One variable and the problem it makes. */
static const struct {
	const char *variable, *problem;
} errors[] = {
	{ "SHUNT_RULES=dial *:1 tcp", "SHUNT_RULES:1: \"dial\": "
	  "not a role (connect, listen or any)" },
	{ "SHUNT_RULES=;connect", "SHUNT_RULES:1: \"connect\": "
	  "a rule is: ROLE REMOTE[:PORTS] MODE" },
	{ "SHUNT_RULES=connect *:1", "SHUNT_RULES:1: \"connect\": "
	  "a rule is: ROLE REMOTE[:PORTS] MODE" },
	{ "SHUNT_RULES=connect *:1 tcp; connect *:99999 tcp",
	  "SHUNT_RULES:2: \"99999\": not a port or port range (0-65535)" },
	{ "SHUNT_RULES=connect *:1,,2 tcp",
	  "SHUNT_RULES:1: \"\": not a port or port range (0-65535)" },
	{ "SHUNT_RULES=connect *: tcp", "SHUNT_RULES:1: \"*\": "
	  "not ADDRESS:PORTS, PREFIX:PORTS or [IPV6-PREFIX]:PORTS" },
	{ "SHUNT_RULES=connect [fd00::/8 tcp", "SHUNT_RULES:1: \"[fd00::/8\": "
	  "not ADDRESS:PORTS, PREFIX:PORTS or [IPV6-PREFIX]:PORTS" },
	{ "SHUNT_RULES=connect [fd00::]/8:1 tcp", "SHUNT_RULES:1: \"[fd00::\": "
	  "not ADDRESS:PORTS, PREFIX:PORTS or [IPV6-PREFIX]:PORTS" },
	{ "SHUNT_RULES=connect 10.0.0.1/8:1 tcp", "SHUNT_RULES:1: "
	  "\"10.0.0.1/8\": bits are set beyond the prefix length" },
	{ "SHUNT_RULES=connect *:1 on", "SHUNT_RULES:1: \"on\": "
	  "not a mode (tcp, prefer or require)" },
	{ "SHUNT_RULES=connect *:1 tcp fast", "SHUNT_RULES:1: \"fast\": "
	  "not mark, probe, trusted, nat, any_path, drain, lane_remote=WHERE, auth=FILE or try_auth=FILE" },
	{ "SHUNT_RULES=connect *:1 tcp lane_remote=peer,10.0.0.0/33",
	  "SHUNT_RULES:1: \"10.0.0.0/33\": "
	  "the prefix length must be 0-32 (IPv4) or 0-128 (IPv6)" },
	{ "SHUNT_RULES=connect *:1 tcp lane_remote=1.1.1.1,2.1.1.1,3.1.1.1,"
	  "4.1.1.1,5.1.1.1,6.1.1.1,7.1.1.1,8.1.1.1,9.1.1.1",
	  "SHUNT_RULES:1: \"9.1.1.1\": "
	  "lane_remote takes eight prefixes at most" },
	{ "SHUNT_MODE=on", "SHUNT_MODE: \"on\": not off, prefer or require" },
	{ "SHUNT_DEFAULT=off", "SHUNT_DEFAULT: \"off\": "
	  "not a mode (tcp, prefer or require)" },
	{ "SHUNT_LANE_REPLAY=1MB", "SHUNT_LANE_REPLAY: \"1MB\": "
	  "not a size (bytes, or with KiB, MiB or GiB)" },
	{ "SHUNT_LANE_BUSY_POLL=", "SHUNT_LANE_BUSY_POLL: \"\": "
	  "not a duration (a number with us, ms, s, min or h)" },
	{ "SHUNT_HANDSHAKE_TIMEOUT=61s", "SHUNT_HANDSHAKE_TIMEOUT: \"61s\": "
	  "out of range (1ms to 60s)" },
	{ "SHUNT_HANDSHAKE_MARK=1460", "SHUNT_HANDSHAKE_MARK: \"1460\": "
	  "not 1 modulo 16; 1457 and 1473 are the nearest" },
	{ "SHUNT_HANDSHAKE_MARK=-1", "SHUNT_HANDSHAKE_MARK: \"-1\": "
	  "not a whole number, nor auto" },
	{ "SHUNT_LOG_LEVEL=7", "SHUNT_LOG_LEVEL: \"7\": "
	  "not a level (off, error, warn, info or debug)" },
};

Test(policy_rules, errors_of_variables_refuse_the_policy)
{
	const char *variables[] = { NULL, NULL };
	struct said said;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		variables[0] = errors[i].variable;
		cr_assert_null(load_with("version = 1;", variables, NULL,
					 &said), "%s", variables[0]);
		cr_assert_eq(said.count, 1);
		cr_assert_str_eq(said.line[0], errors[i].problem);
	}
}

Test(policy_rules, all_variables_are_checked_at_once)
{
	const char *variables[] = {
		"SHUNT_MODE=x", "SHUNT_RULES=a;b", "HOME=/",
		"SHUNT_LANE_REPLAY=x", NULL,
	};
	struct said said;

	cr_assert_null(load_with("version = 2;", variables, NULL, &said));
	cr_assert_eq(said.count, 5);
}

Test(policy_rules, unknown_names_are_told_and_refuse_nothing)
{
	const char *variables[] = {
		"SHUNT_MODEE=off", "SHUNT_LANE=1", "SHUNT_=", "SHUNT",
		"XSHUNT_FOO=1", "SHUNT_CONF=x", "SHUNT_MODE=prefer",
		"SHUNT_RULES=", "SHUNT_RDMA_LIBRARY=x", "SHUNT_LOG_FD=2",
		"SHUNT_LOG_LEVEL=warn", "SHUNT_T_ANY=1", "SHUNT_PORT=x",
		"SHUNT_PORT_80_TCP=x", "SHUNT_SERVICE_HOST=x", NULL,
	};
	struct environment environment = { .count = 0 };
	struct said said = { .count = 0 };
	struct problems problems = { .put = said_put, .arg = &said };

	cr_assert(environment_take(&environment, variables));
	cr_assert_eq(load_check_environment(&environment, &problems), 0);
	cr_assert_eq(said.count, 3);
	cr_assert_str_eq(said.line[0],
			 "SHUNT_MODEE: \"off\": unknown variable");
	cr_assert_str_eq(said.line[1], "SHUNT_LANE: \"1\": unknown variable");
	cr_assert_str_eq(said.line[2], "SHUNT_: \"\": unknown variable");
	environment_free(&environment);
	table_free(load_with("version = 1;", variables, NULL, &said));
	cr_assert_eq(said.count, 0);
}

static const char file[] =
	"version = 1; lane = { replay = \"2MiB\"; busy_poll = \"1us\"; };\n"
	"rules = ( { name = \"file\"; port = 1; mode = \"prefer\"; \n"
	"  lane = { replay = \"3MiB\"; busy_poll = \"2us\"; }; },\n"
	"{ port = 2; mode = \"tcp\"; }, { port = 3; mode = \"require\"; } );";

Test(policy_rules, variables_over_the_file)
{
	const char *variables[] = {
		"SHUNT_LANE_REPLAY=4MiB", "SHUNT_DEFAULT=require",
		"SHUNT_RULES=connect *:2 prefer", NULL,
	};
	struct policy *policy = load_with(file, variables, NULL, NULL);
	struct policy_decision decision;

	/* also over a rule's own */
	decision = ask(policy, POLICY_CONNECT, "10.0.0.1:1");
	cr_assert_eq(decision.lane.replay, 4 << 20);
	cr_assert_eq(decision.lane.busy_poll_us, 2);
	decision = ask(policy, POLICY_CONNECT, "10.0.0.1:2");
	cr_assert_str_eq(decision.rule, "SHUNT_RULES:1");
	cr_assert_eq(decision.lane.busy_poll_us, 1);
	decision = ask(policy, POLICY_CONNECT, "10.0.0.1:9");
	cr_assert_eq(decision.mode, POLICY_REQUIRE);
	cr_assert_str_eq(decision.rule, "default");
	cr_assert_str_eq(decision.source, "SHUNT_DEFAULT");
	table_free(policy);
}

static const char profiles[] =
	"version = 1; lane = { profile = \"many\"; replay = \"2MiB\"; };\n"
	"rules = ( { port = 1; mode = \"prefer\"; },\n"
	"{ port = 2; mode = \"prefer\"; lane = { send_buffer = \"1MiB\"; }; },\n"
	"{ port = 3; mode = \"prefer\"; lane = { profile = \"normal\"; }; } );";

static void expect_sizes(const struct policy *policy, const char *remote,
			 uint32_t send, uint32_t receive, uint64_t replay)
{
	struct policy_decision decision = ask(policy, POLICY_CONNECT, remote);

	cr_assert_eq(decision.lane.send_buffer, send << 10, "%s", remote);
	cr_assert_eq(decision.lane.receive_buffer, receive << 10, "%s", remote);
	cr_assert_eq(decision.lane.replay, replay << 10, "%s", remote);
}

/* By name over the profile, a rule's over the file's, variables over both. */
Test(policy_rules, profiles)
{
	const char *many[] = { "SHUNT_LANE_PROFILE=many", NULL };
	const char *both[] = { "SHUNT_LANE_REPLAY=0",
			       "SHUNT_LANE_PROFILE=many", NULL };
	struct policy *policy = load_with(profiles, NULL, NULL, NULL);

	expect_sizes(policy, "10.0.0.1:1", 32, 32, 2048);
	expect_sizes(policy, "10.0.0.1:2", 1024, 32, 2048);
	expect_sizes(policy, "10.0.0.1:3", 128, 128, 1024);
	table_free(policy);
	policy = load_with(profiles, many, NULL, NULL);
	for (const char *port = "123"; *port; port++) {
		char remote[] = "10.0.0.1:0";

		remote[sizeof(remote) - 2] = *port;
		expect_sizes(policy, remote, 32, 32, 128);
	}
	table_free(policy);
	policy = load_with(profiles, both, NULL, NULL);
	expect_sizes(policy, "10.0.0.1:2", 32, 32, 0);
	table_free(policy);
}

static void expect_modes(const char *mode, enum policy_mode one,
			 enum policy_mode two, enum policy_mode three)
{
	const char *variables[] = { mode, NULL };
	struct policy *policy = load_with(file, variables, NULL, NULL);

	cr_assert_eq(mode_of(policy, "10.0.0.1:1"), one, "%s", mode);
	cr_assert_eq(mode_of(policy, "10.0.0.1:2"), two, "%s", mode);
	cr_assert_eq(mode_of(policy, "10.0.0.1:3"), three, "%s", mode);
	cr_assert_eq(mode_of(policy, "10.0.0.1:4"), POLICY_TCP, "%s", mode);
	table_free(policy);
}

/* What says tcp stays so: prefer and require only change places. */
Test(policy_rules, mode_over_all_rules)
{
	expect_modes("SHUNT_MODE=", POLICY_PREFER, POLICY_TCP,
		     POLICY_REQUIRE);
	expect_modes("SHUNT_MODE=prefer", POLICY_PREFER, POLICY_TCP,
		     POLICY_PREFER);
	expect_modes("SHUNT_MODE=require", POLICY_REQUIRE, POLICY_TCP,
		     POLICY_REQUIRE);
	expect_modes("SHUNT_MODE=off", POLICY_TCP, POLICY_TCP, POLICY_TCP);
}

Test(policy_rules, mode_off_reads_no_file)
{
	const char *variables[] = {
		"SHUNT_MODE=off", "SHUNT_LOG_LEVEL=info", NULL,
	};
	struct policy *policy = load_with("garbage", variables, NULL, NULL);
	struct policy_decision decision;

	decision = ask(policy, POLICY_CONNECT, "10.0.0.1:1");
	cr_assert_eq(decision.reason, REASON_mode_off);
	cr_assert_str_eq(decision.rule, "built-in");
	cr_assert(policy_all_tcp(policy, POLICY_CONNECT));
	cr_assert(policy_all_tcp(policy, POLICY_LISTEN));
	cr_assert_eq(policy->settings[0].level, LOG_INFO);
	table_free(policy);
}

Test(policy_rules, no_policy_at_all)
{
	struct policy *policy = load_with(NULL, NULL, NULL, NULL);

	cr_assert_eq(ask(policy, POLICY_CONNECT, "10.0.0.1:1").reason,
		     REASON_no_policy);
	cr_assert(policy_all_tcp(policy, POLICY_LISTEN));
	table_free(policy);
}
