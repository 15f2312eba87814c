/* SPDX-License-Identifier: BSD-2-Clause */
/* For the policy's unit tests: load texts, collect problems, ask questions. */
#ifndef UNIT_POLICY_HELP_H
#define UNIT_POLICY_HELP_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "diag/log.h"
#include "policy/load.h"

#define MAX_LINES 64

/* What a load said. */
struct said {
	char line[MAX_LINES][PROBLEM_MAX];
	unsigned count;
};

static inline void said_put(void *arg, const char *line)
{
	struct said *said = arg;

	cr_assert_lt(said->count, MAX_LINES);
	strcpy(said->line[said->count++], line);
}

/* Load a file's text (or NULL) with some variables, for a program (or NULL). */
static inline struct policy *load_with(const char *text,
				       const char *const *variables,
				       const struct program *program,
				       struct said *said)
{
	struct environment environment = { .count = 0 };
	struct problems problems = { said ? said_put : NULL, said, 0 };
	struct load_result result;
	struct load_request request = {
		.path = text ? "dir/t.conf" : NULL,
		.text = text,
		.length = text ? strlen(text) : 0,
		.environment = &environment,
		.program = program,
	};

	if (said)
		said->count = 0;
	environment_take(&environment, variables);
	load_policy(&request, &result, &problems);
	cr_assert_eq(result.policy == NULL, problems.count != 0);
	environment_free(&environment);
	load_done(&result);
	return result.policy;
}

static inline struct policy *load_text(const char *text)
{
	static struct said said;
	struct policy *policy = load_with(text, NULL, NULL, &said);

	cr_assert_not_null(policy, "%s", said.line[0]);
	return policy;
}

static inline struct policy_decision ask(const struct policy *policy,
					 enum policy_role role,
					 const char *address)
{
	struct policy_query query = { .role = role };
	struct policy_decision decision;

	cr_assert_eq(addr_parse(address, &query.remote), 0, "%s", address);
	query.port = addr_port(&query.remote);
	policy_decide(policy, &query, &decision);
	return decision;
}

/* The mode a connect() gets. */
static inline enum policy_mode mode_of(const struct policy *policy,
				       const char *address)
{
	return ask(policy, POLICY_CONNECT, address).mode;
}

#endif
