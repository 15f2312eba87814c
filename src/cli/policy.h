/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy as the commands load it: from FILE or SHUNT_CONF, with problems
 * told line by line.
 */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "policy/load.h"

/* The SHUNT_ variables of this process. */
void cli_environment(struct environment *environment);

/* The policy file that counts: SHUNT_CONF's, or the default one. */
const char *cli_policy_path(const struct environment *environment,
			    bool *given);

/* A problem line on stdout, for struct problems. */
void cli_put_problem(void *stream, const char *line);

#endif
