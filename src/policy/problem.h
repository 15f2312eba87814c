/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wrong with a policy: one line of text per problem, given to whoever
 * wants it (the log, `shunt check`, a test). One problem refuses the policy;
 * loading goes on to find the others. Not shared between threads.
 */
#ifndef POLICY_PROBLEM_H
#define POLICY_PROBLEM_H

struct problems {
	void (*put)(void *arg, const char *line);
	void *arg;
	unsigned count;
};

#define PROBLEM_MAX 1024	/* longer lines are cut */
#define QUOTE_MAX 80

void problem_add(struct problems *problems, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void problem_no_memory(struct problems *problems);

/* The text in quotes, control characters replaced, cut when it is long. */
char *problem_quote(const char *text, char quoted[QUOTE_MAX]);

#endif
