/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines about steps of connections, for people: trace's and report's. */
#ifndef CLI_STEP_H
#define CLI_STEP_H

#include "cli/process.h"

#define STEP_TIME_MAX 40

/*
 * The time of a "step" line: "2026-11-28T12:04:02.123456Z", in UTC; "?" if
 * what it says is none.
 */
const char *step_time(const struct line *line, char text[STEP_TIME_MAX]);

/* Print a "step" or a "missed" line; others are passed over. */
void step_print(const struct line *line);

#endif
