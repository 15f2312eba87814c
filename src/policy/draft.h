/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy while it is read: the rules in order, as written. File and
 * SHUNT_RULES both write drafts; table_compile() turns one into the immutable
 * table. Belongs to one loader; end with draft_free().
 */
#ifndef POLICY_DRAFT_H
#define POLICY_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/option.h"
#include "policy/policy.h"
#include "policy/value.h"

/* Option values that somebody has set, by number in options[]. */
struct overrides {
	uint64_t set;			/* bit per option */
	int64_t value[OPTION_COUNT_ALL];
};

struct draft_rule {
	char name[VALUE_NAME_MAX + 1];
	char *source;			/* "shunt.conf:12" */
	unsigned roles;
	enum policy_mode mode;
	enum policy_greeting greeting;
	bool nat, any_path, drain;
	char *auth;			/* its key file, or NULL */
	bool auth_optional;
	struct policy_lane_remote *lane_remote;	/* or NULL: anywhere */
	struct addr_prefix *remotes;	/* none: every address */
	size_t remote_count;
	struct port_range *ports;	/* none: every port */
	size_t port_count;
	char **programs;		/* none: every program */
	size_t program_count;
	struct overrides *overrides;	/* or NULL */
	bool ours;			/* table_compile()'s note */
};

struct draft {
	struct draft_rule *rules;
	size_t rule_count;
	struct overrides overrides;
	bool default_set;
	enum policy_mode default_mode;
	char *default_source;
};

/* The rule's lane_remote, made on first need; NULL: no memory. */
struct policy_lane_remote *draft_lane_remote(struct draft_rule *rule);

/* A new last rule, blank but for its source; NULL: no memory. */
struct draft_rule *draft_add_rule(struct draft *draft, const char *source);

void draft_free(struct draft *draft);

void overrides_set(struct overrides *overrides,
		   const struct policy_option *option, int64_t value);

/* Forget those that a profile sets; so it stands over all set before it. */
void overrides_forget_sizes(struct overrides *overrides);

void overrides_apply(const struct overrides *overrides,
		     struct settings *settings);

#endif
