/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which connections `shunt ss` and `shunt top` show: words KEY=VALUE or
 * KEY!=VALUE. A connection is shown if it is as each key says; words of one key
 * are alternatives.
 */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include "cli/census.h"

struct filter;

/* NULL, with a sentence in `wrong`, if a word is none. free() it. */
#define FILTER_WRONG_MAX 160
struct filter *filter_parse(char *const *words, int count,
			    char wrong[FILTER_WRONG_MAX]);
bool filter_takes(const struct filter *filter, const struct census_conn *conn);

/* Leave those that it takes. */
void filter_choose(const struct filter *filter, struct census *census);

/* The one process that all of it is about, so that no other is asked; 0. */
pid_t filter_pid(const struct filter *filter);

#endif
