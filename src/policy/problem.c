// SPDX-License-Identifier: BSD-2-Clause
#include "policy/problem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

void problem_add(struct problems *problems, const char *format, ...)
{
	char line[PROBLEM_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	problems->count++;
	if (problems->put)
		problems->put(problems->arg, line);
}

void problem_no_memory(struct problems *problems)
{
	problem_add(problems, "there is no memory for the policy");
}

char *problem_quote(const char *text, char quoted[QUOTE_MAX])
{
	size_t room = QUOTE_MAX - sizeof("\"\"...");
	size_t size = strnlen(text, room + 1);
	char *to = quoted;

	*to++ = '"';
	for (size_t i = 0; i < size && i < room; i++) {
		unsigned char c = (unsigned char)text[i];

		*to++ = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	strcpy(to, size > room ? "...\"" : "\"");
	return quoted;
}
