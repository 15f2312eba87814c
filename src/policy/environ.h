/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SHUNT_ variables: a copy taken once (the application may change its
 * environment at any time), and their meaning. A bad value refuses the
 * policy. An unknown name is told, but does not: container platforms invent
 * variables, and a policy must not depend on what a neighbour is called.
 */
#ifndef POLICY_ENVIRON_H
#define POLICY_ENVIRON_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/draft.h"
#include "policy/problem.h"

struct variable {
	char *name;	/* one allocation with its value */
	const char *value;
};

struct environment {
	struct variable *variables;
	size_t count;
};

/* Over all rules, from SHUNT_MODE. */
enum override {
	OVERRIDE_NONE, OVERRIDE_OFF, OVERRIDE_PREFER, OVERRIDE_REQUIRE
};

/* Copy the SHUNT_ ones of a list as environ is. False: no memory. */
bool environment_take(struct environment *environment,
		      const char *const *list);
void environment_free(struct environment *environment);

/* A variable's value, or NULL. */
const char *environment_get(const struct environment *environment,
			    const char *name);

/* SHUNT_MODE; OVERRIDE_NONE and a problem when its value is bad. */
enum override environment_mode(const struct environment *environment,
			       struct problems *problems);

/* SHUNT_RULES -> rules at the end of the draft. */
void environment_rules(const struct environment *environment,
		       struct draft *draft, struct problems *problems);

/* SHUNT_DEFAULT and SHUNT_<SECTION>_<KEY>, over what the draft has. */
void environment_options(const struct environment *environment,
			 struct draft *draft, struct problems *problems);

/* One problem for each name that nobody knows. */
void environment_unknown(const struct environment *environment,
			 struct problems *problems);

#endif
