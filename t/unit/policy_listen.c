// SPDX-License-Identifier: BSD-2-Clause
/* policy_may_listen(), case by case and against the decision on addresses. */
#include "policy_help.h"

#define RULES 8
#define ROUNDS 3000
#define DEFAULT_MS 5000	/* of a rule: its number and one */

/* The timeout of who decides (a rule's own), or 0: all is tcp. */
static unsigned may_listen(const struct policy *policy, uint16_t port)
{
	struct policy_handshake handshake = { .timeout_ms = 77 };
	bool may = policy_may_listen(policy, port, &handshake);
	struct policy_decision decision;

	cr_assert(may || handshake.timeout_ms == 77);
	cr_assert_eq(policy_decide_listener(policy, port, &decision), may);
	cr_assert_eq(decision.mode != POLICY_TCP, may);
	cr_assert_eq(decision.reason == REASON_none, may);
	cr_assert(!may || decision.handshake.timeout_ms ==
				  handshake.timeout_ms);
	return may ? handshake.timeout_ms : 0;
}

/* Rules as the file has them, and what a listener on port 80 gets. */
static const struct {
	const char *rules;
	unsigned timeout;
} cases[] = {
	{ "", 0 },
	{ "{ mode = \"prefer\"; }", DEFAULT_MS },
	{ "{ port = 80; mode = \"prefer\"; }", DEFAULT_MS },
	{ "{ port = \"81-90\"; mode = \"prefer\"; }", 0 },
	{ "{ mode = \"prefer\"; role = \"connect\"; }", 0 },
	{ "{ mode = \"require\"; role = \"listen\"; }", DEFAULT_MS },
	{ "{ mode = \"prefer\"; program = \"other\"; }", 0 },
	{ "{ mode = \"prefer\"; program = \"me*\"; }", DEFAULT_MS },
	{ "{ mode = \"prefer\"; handshake = { timeout = \"2ms\"; }; }", 2 },
	/* the first of several; tcp and other ports are not it */
	{ "{ port = 80; remote = \"10.0.0.0/8\"; mode = \"tcp\";\n"
	  "  handshake = { timeout = \"1ms\"; }; },\n"
	  "{ port = 81; mode = \"prefer\"; handshake = { timeout = \"2ms\"; }; },\n"
	  "{ port = 80; remote = \"11.0.0.0/8\"; mode = \"prefer\";\n"
	  "  handshake = { timeout = \"3ms\"; }; },\n"
	  "{ mode = \"prefer\"; handshake = { timeout = \"4ms\"; }; }", 3 },
	/* earlier rules leave it nothing */
	{ "{ port = 80; mode = \"tcp\"; }, { mode = \"prefer\"; }", 0 },
	{ "{ remote = [ \"0.0.0.0/0\", \"::/0\" ]; mode = \"tcp\"; },\n"
	  "{ mode = \"prefer\"; }", 0 },
	{ "{ remote = [ \"0.0.0.0/1\", \"128.0.0.0/1\", \"::/1\", \"8000::/1\" ];\n"
	  "  mode = \"tcp\"; }, { mode = \"prefer\"; }", 0 },
	{ "{ remote = \"10.0.0.0/8\"; mode = \"tcp\"; },\n"
	  "{ remote = \"10.1.0.0/16\"; mode = \"prefer\"; }", 0 },
	/* earlier rules leave it something */
	{ "{ remote = \"0.0.0.0/0\"; mode = \"tcp\"; }, { mode = \"prefer\"; }",
	  DEFAULT_MS },
	{ "{ remote = [ \"0.0.0.0/1\", \"128.0.0.0/2\", \"::/0\" ];\n"
	  "  mode = \"tcp\"; }, { mode = \"prefer\"; }", DEFAULT_MS },
	{ "{ remote = \"10.1.0.0/16\"; mode = \"tcp\"; },\n"
	  "{ remote = \"10.0.0.0/8\"; mode = \"prefer\"; }", DEFAULT_MS },
	{ "{ port = \"1-79\"; mode = \"tcp\"; }, { mode = \"prefer\"; }",
	  DEFAULT_MS },
	/* 11.0.0.0/8 alone, which no prefix begins at */
	{ "{ remote = [ \"10.0.0.0/9\", \"10.128.0.0/10\", \"10.192.0.0/11\",\n"
	  "  \"10.224.0.0/12\", \"10.240.0.0/13\", \"10.248.0.0/14\",\n"
	  "  \"10.252.0.0/15\", \"10.254.0.0/16\", \"10.255.0.0/16\" ];\n"
	  "  mode = \"tcp\"; }, { remote = \"10.0.0.0/7\"; mode = \"prefer\"; }",
	  DEFAULT_MS },
	/* excluded addresses must be named, and a catch-all does not hit them */
	{ "{ remote = \"127.0.0.0/8\"; mode = \"prefer\"; }", DEFAULT_MS },
	{ "{ mode = \"tcp\"; }, { remote = \"127.0.0.1\"; mode = \"prefer\"; }",
	  DEFAULT_MS },
	{ "{ remote = \"127.0.0.0/8\"; mode = \"tcp\"; },\n"
	  "{ remote = \"127.0.0.1\"; mode = \"prefer\"; }", 0 },
	{ "{ remote = [ \"128.0.0.0/1\", \"64.0.0.0/2\", \"32.0.0.0/3\",\n"
	  "  \"16.0.0.0/4\", \"8.0.0.0/5\", \"4.0.0.0/6\", \"2.0.0.0/7\",\n"
	  "  \"1.0.0.0/8\", \"0.0.0.0/8\", \"::/0\" ]; mode = \"tcp\"; },\n"
	  "{ remote = \"64.0.0.0/2\"; mode = \"prefer\"; }", 0 },
};

Test(policy_listen, cases)
{
	struct program program;
	struct policy *policy;
	char text[1500];

	program_named(&program, "me-too");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "version = 1; rules = (\n%s );",
			 cases[i].rules);
		policy = load_with(text, NULL, &program, NULL);
		cr_assert_not_null(policy, "%s", cases[i].rules);
		cr_assert_eq(may_listen(policy, 80), cases[i].timeout, "%s: %u",
			     cases[i].rules, may_listen(policy, 80));
		table_free(policy);
	}
}

Test(policy_listen, the_default_and_the_sections)
{
	struct policy *policy = load_text(
		"version = 1; default = \"prefer\";\n"
		"handshake = { timeout = \"9ms\"; mark = 1457; };\n"
		"rules = ( { port = 80; mode = \"tcp\"; },\n"
		"{ port = 81; remote = \"10.0.0.0/8\"; mode = \"prefer\";\n"
		"  handshake = { mark = 1393; }; } );");
	struct policy_handshake handshake;

	cr_assert_not(policy_may_listen(policy, 80, &handshake));
	cr_assert(policy_may_listen(policy, 81, &handshake));
	cr_assert_eq(handshake.mark, 1393);
	cr_assert_eq(handshake.timeout_ms, 9);
	cr_assert(policy_may_listen(policy, 82, &handshake));
	cr_assert_eq(handshake.mark, 1457);
	table_free(policy);
}

Test(policy_listen, nothing_where_all_is_refused)
{
	const char *off[] = { "SHUNT_MODE=off", NULL };
	const char *rules[] = { "SHUNT_RULES=listen *:80 prefer", NULL };
	struct policy *policy = load_with(NULL, off, NULL, NULL);

	cr_assert_eq(may_listen(policy, 80), 0);
	table_free(policy);
	policy = table_refusing(REASON_bad_policy);
	cr_assert_eq(may_listen(policy, 80), 0);
	table_free(policy);
	policy = load_with(NULL, NULL, NULL, NULL);
	cr_assert_eq(may_listen(policy, 80), 0);
	table_free(policy);
	policy = load_with(NULL, rules, NULL, NULL);
	cr_assert_eq(may_listen(policy, 80), DEFAULT_MS);
	cr_assert_eq(may_listen(policy, 79), 0);
	table_free(policy);
}

/* Rules, and which one `shunt explain` names for port 80. */
static const struct {
	const char *rules, *rule;
	enum reason reason;	/* none: it may leave TCP */
} deciders[] = {
	{ "", "default", REASON_default_tcp },
	{ "{ name = \"a\"; port = 81; mode = \"prefer\"; }", "default",
	  REASON_default_tcp },
	{ "{ name = \"a\"; port = 80; mode = \"tcp\"; }", "a",
	  REASON_rule_tcp },
	{ "{ name = \"a\"; port = 80; remote = \"10.0.0.0/8\"; mode = \"tcp\"; }",
	  "default", REASON_default_tcp },
	{ "{ name = \"a\"; remote = \"0.0.0.0/0\"; mode = \"tcp\"; },\n"
	  "{ name = \"b\"; mode = \"tcp\"; }", "a", REASON_rule_tcp },
	{ "{ name = \"a\"; remote = \"10.0.0.0/8\"; mode = \"tcp\"; },\n"
	  "{ name = \"b\"; mode = \"prefer\"; },\n"
	  "{ name = \"c\"; mode = \"require\"; }", "b", REASON_none },
	{ "{ name = \"a\"; mode = \"tcp\"; },\n"
	  "{ name = \"b\"; remote = \"127.0.0.1\"; mode = \"prefer\"; }", "b",
	  REASON_none },
};

Test(policy_listen, who_decides)
{
	struct policy_decision decision;
	struct policy *policy;
	char text[500];

	for (size_t i = 0; i < sizeof(deciders) / sizeof(*deciders); i++) {
		snprintf(text, sizeof(text), "version = 1; rules = (\n%s );",
			 deciders[i].rules);
		policy = load_text(text);
		policy_decide_listener(policy, 80, &decision);
		cr_expect_str_eq(decision.rule, deciders[i].rule, "%s: %s",
				 deciders[i].rules, decision.rule);
		cr_expect_eq(decision.reason, deciders[i].reason, "%s: %s",
			     deciders[i].rules, reason_name(decision.reason));
		table_free(policy);
	}
	policy = table_refusing(REASON_bad_policy);
	cr_expect_not(policy_decide_listener(policy, 80, &decision));
	cr_expect_eq(decision.reason, REASON_bad_policy);
	cr_expect_str_eq(decision.rule, "built-in");
	table_free(policy);
}

static uint64_t state = 88172645463325252u;

static unsigned below(unsigned limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % limit);
}

/* A prefix that every_address() has the first address of, and one behind. */
static char *put_prefix(char *end)
{
	static const char *const named[] = {
		"*", "0.0.0.0/0", "::/0", "127.0.0.0/8", "127.0.0.1",
		"169.254.0.0/16", "169.254.169.254", "224.0.0.0/4", "::1",
		"fe80::/10", "ff00::/8", "fd00:ec2::254", "::ffff:0:0/96",
		"::ffff:10.0.0.0/104", "0.0.0.0", "255.255.255.255",
	};
	unsigned length = below(3), bits;

	if (below(3))
		return stpcpy(end, named[below(16)]);
	length = below(3) ? length : below(9);
	bits = length ? below(1u << length) << (8 - length) : 0;
	if (below(2))
		return end + sprintf(end, "%u.0.0.0/%u", bits, length);
	return end + sprintf(end, "%x::/%u", bits << 8, length);
}

static char *put_rule(char *end, unsigned number)
{
	static const char *const modes[] = { "tcp", "tcp", "prefer", "require" };
	static const char *const roles[] = { "any", "listen", "listen",
					     "connect" };
	unsigned from = below(5), remotes = below(6);

	end += sprintf(end, "%s{ role = \"%s\"; mode = \"%s\";\n"
		       "  handshake = { timeout = \"%ums\"; };\n",
		       number ? ",\n" : "", roles[below(4)], modes[below(4)],
		       number + 1);
	if (below(2))
		end += sprintf(end, "  port = \"%u-%u\";\n", from,
			       from + below(3));
	for (unsigned i = 0; i < remotes; i++) {
		end = stpcpy(end, i ? ", \"" : "  remote = [ \"");
		end = stpcpy(put_prefix(end), "\"");
	}
	return stpcpy(end, remotes ? " ]; }" : "}");
}

static void put_policy(char *text)
{
	unsigned rules = below(RULES + 1);

	text += sprintf(text, "version = 1; default = \"%s\"; rules = (\n",
			below(3) ? "tcp" : "prefer");
	for (unsigned i = 0; i < rules; i++)
		text = put_rule(text, i);
	strcpy(text, " );");
}

/* The least timeout of those that may have a peer like this, or `least`. */
static unsigned least_of(const struct policy *policy, uint16_t port,
			 const char *address, unsigned least)
{
	struct policy_decision decision;
	struct policy_query query = { .role = POLICY_LISTEN, .port = port };
	char text[100];

	snprintf(text, sizeof(text),
		 strchr(address, ':') ? "[%s]:1" : "%s:1", address);
	cr_assert_eq(addr_parse(text, &query.remote), 0, "%s", text);
	policy_decide(policy, &query, &decision);
	if (decision.mode == POLICY_TCP)
		return least;
	if (!least || decision.handshake.timeout_ms < least)
		return decision.handshake.timeout_ms;
	return least;
}

/* One address at least of each stretch that the prefixes cut. */
static unsigned every_address(const struct policy *policy, uint16_t port)
{
	static const char *const more[] = {
		"::", "::1", "::2", "fd00:ec2::254", "fd00:ec2::255",
		"fe80::1", "fec0::", "127.0.0.2", "169.254.169.254",
		"169.254.169.255", "169.255.0.0", "0.0.0.1",
		"255.255.255.254", "255.255.255.255",
	};
	unsigned least = 0;
	char text[100];

	for (unsigned i = 0; i < sizeof(more) / sizeof(*more); i++)
		least = least_of(policy, port, more[i], least);
	for (unsigned i = 0; i < 256; i++) {
		snprintf(text, sizeof(text), "%u.0.0.0", i);
		least = least_of(policy, port, text, least);
		snprintf(text, sizeof(text), "%u.254.0.1", i);
		least = least_of(policy, port, text, least);
		snprintf(text, sizeof(text), "%u.0.0.1", i);
		least = least_of(policy, port, text, least);
		snprintf(text, sizeof(text), "%x::", i << 8);
		least = least_of(policy, port, text, least);
	}
	return least;
}

/* Random rules in a small world, of which each address can be tried. */
Test(policy_listen, as_the_decisions_of_all_addresses)
{
	unsigned got, want, none = 0, by_default = 0;
	struct policy *policy;
	char text[RULES * 600];
	uint16_t port;

	for (unsigned round = 0; round < ROUNDS; round++) {
		put_policy(text);
		policy = load_text(text);
		port = (uint16_t)below(7);
		got = may_listen(policy, port);
		want = every_address(policy, port);
		cr_assert_eq(got, want, "port %u: %u, not %u:\n%s", port, got,
			     want, text);
		none += !want;
		by_default += want == DEFAULT_MS;
		table_free(policy);
	}
	cr_assert_gt(none, ROUNDS / 20);
	cr_assert_gt(by_default, ROUNDS / 20);
	cr_assert_gt(ROUNDS - none - by_default, ROUNDS / 20);
}
