/* SPDX-License-Identifier: BSD-2-Clause */
/* A text file of the source tree, such as a manual, for tests that read it. */
#ifndef UNIT_READ_SOURCE_H
#define UNIT_READ_SOURCE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* The whole of it, until the next call, or a skip. */
static inline char *read_source(const char *name)
{
	const char *top = getenv("top_srcdir");
	static char text[1 << 16];
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", top ? top : ".", name);
	file = fopen(path, "r");
	if (!file)
		cr_skip_test("no %s", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

#endif
