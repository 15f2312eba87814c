// SPDX-License-Identifier: BSD-2-Clause
#include "policy/scan.h"

#include <stdint.h>
#include <string.h>

static const char include_word[] = "@include";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '*' || c == '-';
}

/* The character after the string that starts at `c`, or NULL. */
static char *skip_string(char *c)
{
	for (c++; *c && *c != '"'; c++) {
		if (*c == '\\' && c[1])
			c++;
	}
	return *c ? c + 1 : NULL;
}

/* Blank a block comment that began earlier in this line or before it. */
static char *skip_comment(struct scan *scan, char *c)
{
	scan->in_comment = true;
	for (; *c; c++) {
		if (c[0] == '*' && c[1] == '/') {
			c[0] = c[1] = ' ';
			scan->in_comment = false;
			return c + 2;
		}
		*c = ' ';
	}
	return c;
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/*
 * libconfig 1.5 reads "4294967297" as 1. A number must fit an int, or with
 * the suffix L a 64-bit one. Floats are no key's type: left to the parser.
 */
static bool number_fits(const char *c)
{
	bool hex = c[0] == '0' && (c[1] | 0x20) == 'x';
	int64_t value = 0;
	int base = hex ? 16 : 10;

	for (c += hex ? 2 : 0; digit_value(*c) < base; c++) {
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit_value(*c), &value))
			return false;
	}
	return value <= INT32_MAX || (*c && strchr("L.eE", *c));
}

static char *skip_word(char *c)
{
	while (is_word(*c))
		c++;
	return c;
}

static char *skip_float(char *c)
{
	while (is_word(*c) || *c == '.' || *c == '+')
		c++;
	return c;
}

static const char *count_depth(struct scan *scan, char c)
{
	if (strchr("{[(", c) && ++scan->depth > SCAN_DEPTH_MAX)
		return "nested too deeply";
	if (strchr("}])", c) && scan->depth)
		scan->depth--;
	return NULL;
}

/* One token at *c, which is moved behind it. NULL, or what is wrong. */
static const char *scan_token(struct scan *scan, char **c)
{
	char *start = *c;

	if (*start == '"') {
		*c = skip_string(start);
		return *c ? NULL : "the string does not end on its line";
	}
	if (*start == '#' || (start[0] == '/' && start[1] == '/')) {
		*c = start + strlen(start);
		memset(start, ' ', (size_t)(*c - start));
		return NULL;
	}
	if (start[0] == '/' && start[1] == '*') {
		start[0] = start[1] = ' ';
		*c = skip_comment(scan, start + 2);
		return NULL;
	}
	if (is_digit(*start)) {
		*c = skip_float(start);
		return number_fits(start) ? NULL :
			"the number is too large (write it as a string)";
	}
	*c = is_word(*start) && *start != '-' ? skip_word(start) : start + 1;
	return count_depth(scan, *start);
}

static bool only_comment(const char *c)
{
	c += strspn(c, " \t\r");
	return !*c || *c == '#' || (c[0] == '/' && c[1] == '/');
}

static const char *scan_include(char *c, const char **include)
{
	char *end;

	c += strlen(include_word);
	c += strspn(c, " \t");
	end = *c == '"' ? strchr(c + 1, '"') : NULL;
	if (!end || end == c + 1)
		return "@include needs a file name in quotes";
	if (!only_comment(end + 1))
		return "@include must stand alone on its line";
	*end = '\0';
	*include = c + 1;
	return NULL;
}

const char *scan_line(struct scan *scan, char *line, const char **include,
		      const char **at)
{
	const char *wrong = NULL;
	char *c = line;

	if (scan->in_comment)
		c = skip_comment(scan, c);
	c += strspn(c, " \t");
	*at = c;
	if (!strncmp(c, include_word, strlen(include_word)))
		return scan_include(c, include);
	while (!wrong && *c) {
		*at = c;
		wrong = scan_token(scan, &c);
	}
	return wrong;
}
