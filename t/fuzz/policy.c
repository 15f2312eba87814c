// SPDX-License-Identifier: BSD-2-Clause
/*
 * The policy's parsers. The first byte says where the rest goes: the file,
 * SHUNT_RULES, or (halves parted by a NUL) both. A policy that comes out must
 * answer every question.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the string it was reading at a syntax error. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static void put(void *arg, const char *line)
{
	size_t length = strlen(line);

	if (!length || length >= PROBLEM_MAX)
		abort();
	(void)arg;
}

static void ask_listener(const struct policy *policy, uint16_t port)
{
	struct policy_handshake handshake;
	struct policy_decision decision;
	bool may = policy_decide_listener(policy, port, &decision);

	if (may != policy_may_listen(policy, port, &handshake) ||
	    may != (decision.mode != POLICY_TCP) ||
	    may != (decision.reason == REASON_none))
		abort();
}

static void ask(const struct policy *policy)
{
	static const char *const remotes[] = {
		"10.0.0.1:80", "127.0.0.1:6379", "[fd00::1]:65535", "[::1]:0",
		"169.254.169.254:80", "255.255.255.255:1",
	};
	struct policy_query query = { .role = POLICY_CONNECT };
	struct policy_handshake handshake;
	struct policy_decision decision;

	for (size_t i = 0; i < sizeof(remotes) / sizeof(*remotes); i++) {
		addr_parse(remotes[i], &query.remote);
		query.port = addr_port(&query.remote);
		query.role = i % 2 ? POLICY_CONNECT : POLICY_LISTEN;
		policy_decide(policy, &query, &decision);
		if ((decision.mode == POLICY_TCP) ==
		    (decision.reason == REASON_none))
			abort();
		if (decision.mode != POLICY_TCP &&
		    policy_all_tcp(policy, query.role))
			abort();
		if (decision.mode != POLICY_TCP && i % 2 == 0 &&
		    !policy_may_listen(policy, query.port, &handshake))
			abort();
		ask_listener(policy, query.port);
	}
}

static void load(const char *file, size_t length, const char *rules)
{
	const char *variables[] = { rules, NULL };
	struct environment environment = { .count = 0 };
	struct problems problems = { .put = put };
	struct load_result result;
	struct load_request request = {
		.path = file ? "fuzz.conf" : NULL,
		.text = file,
		.length = length,
		.environment = &environment,
		.no_keys = true,
	};

	if (!environment_take(&environment, variables))
		abort();
	if (load_policy(&request, &result, &problems))
		ask(result.policy);
	if (!result.policy != (problems.count != 0))
		abort();
	table_free(result.policy);
	load_done(&result);
	environment_free(&environment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char prefix[] = "SHUNT_RULES=";
	const char *file = NULL;
	size_t length = 0;
	char *rules;

	if (!size)
		return 0;
	rules = calloc(1, sizeof(prefix) + size);
	if (!rules)
		return 0;
	strcpy(rules, prefix);
	if (data[0] % 3 != 0)
		memcpy(rules + strlen(prefix), data + 1,
		       strnlen((const char *)data + 1, size - 1));
	if (data[0] % 3 == 0) {
		file = (const char *)data + 1;
		length = size - 1;
	} else if (data[0] % 3 == 2) {
		file = memchr(data + 1, '\0', size - 1);
		if (file)
			length = size - (size_t)(++file - (const char *)data);
	}
	load(file, length, rules);
	free(rules);
	return 0;
}
