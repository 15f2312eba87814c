// SPDX-License-Identifier: BSD-2-Clause
/* What wins: order, roles, families, programs, built-in exclusions. */
#include "policy_help.h"

Test(policy_table, the_first_match_wins)
{
	struct policy *policy = load_text(
		"version = 1; rules = (\n"
		"{ name = \"a\"; remote = \"10.1.0.0/16\"; port = \"80-90\";\n"
		"  mode = \"tcp\"; },\n"
		"{ name = \"b\"; remote = \"10.0.0.0/8\"; mode = \"prefer\"; },\n"
		"{ name = \"c\"; remote = \"10.1.0.0/16\"; mode = \"require\"; },\n"
		"{ name = \"d\"; port = 85; mode = \"require\"; } );");

	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "10.1.0.1:85").rule, "a");
	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "10.1.0.1:91").rule, "b");
	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "10.2.0.1:85").rule, "b");
	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "11.0.0.1:85").rule, "d");
	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "[fd00::1]:85").rule,
			 "d");
	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "[fd00::1]:86").rule,
			 "default");
	table_free(policy);
}

Test(policy_table, roles)
{
	struct policy *policy = load_text(
		"version = 1; rules = (\n"
		"{ name = \"c\"; role = \"connect\"; port = 1; mode = \"prefer\"; },\n"
		"{ name = \"l\"; role = \"listen\"; port = 1; mode = \"prefer\"; },\n"
		"{ name = \"any\"; port = 2; mode = \"tcp\"; } );");

	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "1.1.1.1:1").rule, "c");
	cr_assert_str_eq(ask(policy, POLICY_LISTEN, "1.1.1.1:1").rule, "l");
	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "1.1.1.1:2").rule, "any");
	cr_assert_str_eq(ask(policy, POLICY_LISTEN, "1.1.1.1:2").rule, "any");
	table_free(policy);
}

Test(policy_table, all_tcp_by_role)
{
	struct policy *policy = load_text(
		"version = 1; rules = (\n"
		"{ role = \"connect\"; mode = \"tcp\"; },\n"
		"{ role = \"listen\"; port = 1; mode = \"prefer\"; } );");

	cr_assert(policy_all_tcp(policy, POLICY_CONNECT));
	cr_assert_not(policy_all_tcp(policy, POLICY_LISTEN));
	table_free(policy);
	policy = load_text("version = 1; default = \"prefer\";");
	cr_assert_not(policy_all_tcp(policy, POLICY_CONNECT));
	cr_assert_not(policy_all_tcp(policy, POLICY_LISTEN));
	table_free(policy);
}

/* remote of a rule, an address, and whether the rule may have it */
static const struct {
	const char *remote, *address;
	bool named;
} special[] = {
	{ "*", "127.0.0.1:1", false }, { "0.0.0.0/0", "127.0.0.1:1", false },
	{ "64.0.0.0/2", "127.0.0.1:1", false },
	{ "127.0.0.0/8", "127.0.0.1:1", true },
	{ "127.0.0.1", "127.0.0.1:1", true },
	{ "127.0.0.1", "127.0.0.2:1", false },
	{ "127.0.0.1", "[::ffff:127.0.0.1]:1", true },
	{ "*", "[::1]:1", false }, { "::/0", "[::1]:1", false },
	{ "::/127", "[::1]:1", false }, { "::1", "[::1]:1", true },
	{ "*", "169.254.1.1:1", false },
	{ "169.0.0.0/8", "169.254.1.1:1", false },
	{ "169.254.0.0/16", "169.254.1.1:1", true },
	{ "fe00::/9", "[fe80::1]:1", false },
	{ "fe80::/10", "[fe80::1]:1", true },
	{ "fe80::/64", "[fe80::1%3]:1", true },
	{ "*", "169.254.169.254:80", false },
	{ "169.254.0.0/16", "169.254.169.254:80", false },
	{ "169.254.169.254", "169.254.169.254:80", true },
	{ "fd00::/8", "[fd00:ec2::254]:80", false },
	{ "fd00:ec2::254", "[fd00:ec2::254]:80", true },
	{ "fd00::/8", "[fd00:ec2::255]:80", true },
	{ "*", "0.0.0.0:1", false }, { "0.0.0.0", "0.0.0.0:1", true },
	{ "*", "[::]:1", false }, { "::", "[::]:1", true },
	{ "*", "224.0.0.1:1", false }, { "224.0.0.0/4", "224.0.0.1:1", true },
	{ "ff02::/16", "[ff02::1]:1", true }, { "*", "[ff02::1]:1", false },
	{ "*", "255.255.255.255:1", false },
	{ "*", "128.0.0.1:1", true }, { "*", "[fd00::1]:1", true },
};

Test(policy_table, special_addresses_must_be_named)
{
	struct policy_decision decision;
	struct policy *policy;
	char text[300];

	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
		/* the first rule is one that never names any */
		snprintf(text, sizeof(text), "version = 1; rules = (\n"
			 "{ mode = \"require\"; remote = \"200.0.0.0/8\"; },\n"
			 "{ mode = \"prefer\"; remote = \"%s\"; } );",
			 special[i].remote);
		policy = load_text(text);
		decision = ask(policy, POLICY_CONNECT, special[i].address);
		cr_assert_eq(decision.mode == POLICY_PREFER, special[i].named,
			     "%s %s", special[i].remote, special[i].address);
		if (!special[i].named) {
			cr_assert_eq(decision.reason, REASON_excluded);
			cr_assert_str_eq(decision.rule, "built-in");
		}
		table_free(policy);
	}
}

Test(policy_table, the_default_never_takes_special_addresses)
{
	struct policy *policy =
		load_text("version = 1; default = \"require\";");

	cr_assert_eq(mode_of(policy, "10.0.0.1:1"), POLICY_REQUIRE);
	cr_assert_eq(mode_of(policy, "[fd00::1]:1"), POLICY_REQUIRE);
	cr_assert_eq(mode_of(policy, "127.0.0.1:1"), POLICY_TCP);
	cr_assert_eq(mode_of(policy, "[fe80::1]:1"), POLICY_TCP);
	table_free(policy);
}

Test(policy_table, other_families_are_tcp)
{
	struct policy *policy = load_text("version = 1; default = \"require\";"
					  "rules = ( { mode = \"prefer\"; } );");
	struct policy_query query = { .remote.ss_family = AF_UNIX };
	struct policy_decision decision;

	policy_decide(policy, &query, &decision);
	cr_assert_eq(decision.mode, POLICY_TCP);
	table_free(policy);
}

static const char programs[] =
	"version = 1; rules = (\n"
	"{ name = \"redis\"; program = [ \"redis-*\", \"/opt/*/bin/r\" ];\n"
	"  mode = \"prefer\"; },\n"
	"{ name = \"rest\"; port = 1; mode = \"require\"; } );";

static void expect_rule(const char *name, const char *rule)
{
	static struct program program;
	struct policy *policy;

	if (name)
		program_named(&program, name);
	policy = load_with(programs, NULL, name ? &program : NULL, NULL);
	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "1.1.1.1:1").rule, rule);
	table_free(policy);
}

Test(policy_table, programs)
{
	expect_rule("redis-server", "redis");
	expect_rule("/usr/bin/redis-cli", "redis");
	expect_rule("/opt/x/bin/r", "redis");
	expect_rule("/opt/x/bin/r2", "rest");
	expect_rule("xredis-cli", "rest");
	/* nobody in particular is none of them */
	expect_rule(NULL, "rest");
}

Test(policy_table, a_program_has_several_names)
{
	struct program program = {
		.path = "/usr/bin/python3.11", .comm = "app", .argv0 = "py",
	};

	cr_assert(program_matches(&program, "python3*"));
	cr_assert(program_matches(&program, "/usr/bin/python3*"));
	cr_assert(program_matches(&program, "app"));
	cr_assert(program_matches(&program, "py"));
	cr_assert(program_matches(&program, "*"));
	cr_assert_not(program_matches(&program, "python3"));
	cr_assert_not(program_matches(&program, "bin/*"));
	program.every = true;
	cr_assert(program_matches(&program, "nothing"));
}

Test(policy_table, the_process_itself)
{
	struct program program;
	char path[PATH_MAX];

	cr_assert_not_null(realpath("/proc/self/exe", path));
	program_self(&program);
	cr_assert_str_eq(program.path, path);
	cr_assert_gt(strlen(program.comm), 0);
	cr_assert_null(strchr(program.comm, '\n'));
	cr_assert_gt(strlen(program.argv0), 0);
	cr_assert_null(strchr(program.argv0, '/'));
}

Test(policy_table, a_decision_outlives_its_policy)
{
	struct policy *policy = load_text(
		"version = 1; rules = ( { name = \"n\"; mode = \"prefer\"; } );");
	struct policy_decision decision =
		ask(policy, POLICY_CONNECT, "1.1.1.1:1");

	table_free(policy);
	cr_assert_str_eq(decision.rule, "n");
	cr_assert_str_eq(decision.source, "t.conf:1");
}

/* t.conf with many rules, each from `format` and its number, twice. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static struct policy *many(unsigned count, const char *format)
{
	char *text = malloc(200 * count + 100), *end = text;
	struct policy *policy;

	end = stpcpy(end, "version = 1; rules = (\n");
	for (unsigned i = 0; i < count; i++)
		end += sprintf(end, format, i ? "," : "", i >> 8, i & 255, i);
	strcpy(end, ");\n");
	policy = load_text(text);
	free(text);
	return policy;
}
#pragma GCC diagnostic pop

static unsigned steps_of(const struct policy *policy, const char *address)
{
	struct policy_query query = { .role = POLICY_CONNECT };
	struct policy_decision decision;
	unsigned steps = 0;

	addr_parse(address, &query.remote);
	query.port = addr_port(&query.remote);
	table_decide(policy, &query, &decision, &steps);
	return steps;
}

/* The manual's "a few microseconds" is this many nodes and intervals. */
Test(policy_table, ten_thousand_rules_of_a_prefix_each)
{
	struct policy *policy = many(10000, "%s { remote = \"10.%u.%u.0/24\"; "
				     "name = \"r%u\"; mode = \"prefer\"; }\n");

	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "10.0.255.1:1").rule,
			 "r255");
	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "10.39.15.1:1").rule,
			 "r9999");
	cr_assert_eq(mode_of(policy, "10.39.16.1:1"), POLICY_TCP);
	cr_assert_leq(steps_of(policy, "10.20.0.1:1"), 20);
	cr_assert_leq(steps_of(policy, "10.39.16.1:1"), 20);
	table_free(policy);
}

Test(policy_table, ten_thousand_rules_of_a_port_each)
{
	struct policy *policy = many(10000, "%s { name = \"%u.%u\"; "
				     "port = %u; mode = \"prefer\"; }\n");

	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "[fd00::1]:9999").rule,
			 "39.15");
	cr_assert_eq(mode_of(policy, "1.1.1.1:10000"), POLICY_TCP);
	cr_assert_leq(steps_of(policy, "1.1.1.1:5000"), 20);
	table_free(policy);
}

/* The worst there is: a prefix of each length around one address. */
Test(policy_table, nested_prefixes_cost_a_climb)
{
	char text[20000], *end = stpcpy(text, "version = 1; rules = (\n");
	struct policy *policy;

	for (unsigned i = 0; i <= 128; i++)
		end += sprintf(end, "%s { remote = \"::/%u\"; port = [ \"%u\", "
			       "\"%u\" ]; mode = \"prefer\"; }",
			       i ? "," : "", i, i, 1000 + i);
	strcpy(end, ");\n");
	policy = load_text(text);
	cr_assert_eq(steps_of(policy, "[::2]:9") > 100, true);
	cr_assert_leq(steps_of(policy, "[::2]:9"), 8 + 129 * 4);
	cr_assert_str_eq(ask(policy, POLICY_CONNECT, "[::2]:9").rule,
			 "rules[9]");
	table_free(policy);
}

Test(policy_table, too_many_claims_are_refused)
{
	char *text = malloc(1 << 20), *end = text;
	struct said said;

	end = stpcpy(end, "version = 1; rules = ( { mode = \"tcp\"; port = [");
	for (unsigned i = 0; i < 1100; i++)
		end += sprintf(end, "%s\"%u\"", i ? "," : "", i);
	end = stpcpy(end, "]; remote = [");
	for (unsigned i = 0; i < 1100; i++)
		end += sprintf(end, "%s\"10.%u.%u.0/24\"", i ? "," : "",
			       i >> 8, i & 255);
	strcpy(end, "]; } );");
	cr_assert_null(load_with(text, NULL, NULL, &said));
	cr_assert_str_eq(said.line[0], "dir/t.conf: the rules have more than "
			 "a million prefixes and port ranges");
	free(text);
}
