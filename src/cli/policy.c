// SPDX-License-Identifier: BSD-2-Clause
#include "cli/policy.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

void cli_environment(struct environment *environment)
{
	*environment = (struct environment){ .count = 0 };
	if (!environment_take(environment, (const char *const *)environ))
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
}

const char *cli_policy_path(const struct environment *environment, bool *given)
{
	const char *path = environment_get(environment, "SHUNT_CONF");

	*given = path && *path;
	return *given ? path : POLICY_PATH;
}

void cli_put_problem(void *stream, const char *line)
{
	fprintf(stream, "%s\n", line);
}
