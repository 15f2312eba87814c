/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One load of a policy: file and environment -> table. For current.c, the
 * command and the tests; the rest of the library asks policy.h.
 */
#ifndef POLICY_LOAD_H
#define POLICY_LOAD_H

#include "policy/environ.h"
#include "policy/problem.h"
#include "policy/program.h"
#include "policy/table.h"

#ifndef SHUNT_SYSCONFDIR
#define SHUNT_SYSCONFDIR "/etc"
#endif

#define POLICY_PATH SHUNT_SYSCONFDIR "/shunt.conf"

struct load_request {
	const char *path;	/* the file; NULL: none */
	bool may_miss;		/* it need not exist */
	const char *text;	/* instead of the file's; path is its name;
				   it may not @include */
	size_t length;
	const char *root;	/* before the paths of key files; or NULL */
	bool no_keys;		/* key files are not read: no rule has auth */
	const struct environment *environment;	/* or NULL */
	const struct program *program;		/* or NULL: see table.h */
};

struct load_result {
	struct policy *policy;	/* NULL: refused, and problems say why */
	/* What was looked at, when refused; a policy has its own. */
	struct source_file *files;
	size_t file_count;
	/* Why the file was not read though it is there: no libconfig. Or "". */
	char note[320];
};

/* Returns result->policy. */
struct policy *load_policy(const struct load_request *request,
			   struct load_result *result,
			   struct problems *problems);

/* Frees result->files; the policy is the caller's (table_free()). */
void load_done(struct load_result *result);

/* Every problem of the environment, for people. Returns how many rules. */
size_t load_check_environment(const struct environment *environment,
			      struct problems *problems);

#endif
