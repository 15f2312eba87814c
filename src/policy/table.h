/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct policy: the immutable table that a draft is compiled to, for one
 * program: rules for other programs are not in it. Readers need no lock.
 * Only current.c touches the reference-counting members.
 */
#ifndef POLICY_TABLE_H
#define POLICY_TABLE_H

#include <stdatomic.h>

#include "policy/draft.h"
#include "policy/environ.h"
#include "policy/index.h"
#include "policy/policy.h"
#include "policy/program.h"
#include "policy/source.h"

struct rule {
	const char *name;
	const char *source;
	uint32_t settings;	/* in policy->settings */
	uint32_t lane_remote;	/* in policy->lane_remotes */
	uint8_t mode;		/* enum policy_mode */
	uint8_t greeting;	/* enum policy_greeting */
	bool nat, any_path, drain;
	bool auth_required;
	uint8_t auth;		/* of keys.h; 0: none */
};

struct policy {
	_Atomic int64_t balance;
	unsigned slot;
	bool forever;		/* static: never freed */

	enum reason refusal;	/* not none: all is tcp, for this reason */
	enum policy_mode default_mode;
	enum reason default_reason;	/* when the default is tcp */
	const char *default_source;
	bool all_tcp[2];	/* by role */
	struct rule *rules;
	uint32_t rule_count;
	struct settings *settings;	/* [0] is the sections' */
	uint32_t settings_count;
	struct policy_lane_remote *lane_remotes; /* [0] is anywhere */
	uint32_t lane_remote_count;
	char *strings;
	struct index index[2][2];	/* by role, by IPv6 */

	/* For `shunt check`: what was written, other programs' rules too. */
	uint32_t written;
	/* What it was read from, for the reload. */
	struct source_file *files;
	size_t file_count;
};

struct table_request {
	const struct program *program;	/* NULL: a rule with one never wins */
	enum override override;
	enum reason default_reason;
};

/* NULL: no memory, or (-E2BIG in *error) more claims than will fit. */
struct policy *table_compile(struct draft *draft,
			     const struct table_request *request, int *error);

/* Is the rule for this program? NULL: for one of which nothing is known. */
bool table_rule_is_for(const struct draft_rule *rule,
		       const struct program *program);

/* A policy that says tcp, always, for one reason; NULL: no memory. */
struct policy *table_refusing(enum reason reason);

void table_free(struct policy *policy);

/*
 * The first rule for a connection, by its number, or INDEX_NONE: the default
 * decides, unless *least_length, which special_length() has of the address,
 * is not 0. Of a normalized address; *steps as in index_find().
 */
uint32_t table_find(const struct policy *policy, enum policy_role role,
		    const struct sockaddr_storage *remote, uint16_t port,
		    unsigned *least_length, unsigned *steps);

/*
 * The decision that is rule number `rule`'s; with INDEX_NONE the default's, or
 * where *least_length of table_find() is not 0 the built-in one.
 */
void table_answer(const struct policy *policy, uint32_t rule,
		  unsigned least_length, struct policy_decision *decision);

/* policy_decide(), which also adds to *steps (see index_find()). */
void table_decide(const struct policy *policy,
		  const struct policy_query *query,
		  struct policy_decision *decision, unsigned *steps);

#endif
