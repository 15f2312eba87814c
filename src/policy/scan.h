/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look at one line of libconfig text before libconfig sees it: takes
 * comments out, finds @include, and refuses what libconfig would take wrong.
 * Pure, but for the line it writes to.
 */
#ifndef POLICY_SCAN_H
#define POLICY_SCAN_H

#include <stdbool.h>

#define SCAN_DEPTH_MAX 16	/* braces, brackets and parentheses */

struct scan {
	bool in_comment;	/* a block comment goes on in the next line */
	unsigned depth;
};

/*
 * Blanks out the line's comments. NULL, or what is wrong, with *at set to
 * the place in the line. When the line is an @include, *include is set to
 * the path it names, inside the line.
 */
const char *scan_line(struct scan *scan, char *line, const char **include,
		      const char **at);

#endif
