// SPDX-License-Identifier: BSD-2-Clause
#include "policy/value.h"

#include <limits.h>
#include <errno.h>
#include <string.h>

#define GLOB_MAX 255

struct unit {
	const char *name;
	int64_t factor;
};

/* Leading digits -> *number; the rest, or NULL: none, or too many. */
static const char *digits(const char *text, int64_t *number)
{
	const char *start = text;
	int64_t sum = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, *text - '0', &sum))
			return NULL;
	}
	*number = sum;
	return text == start ? NULL : text;
}

/* Digits and one of the units. */
static bool with_unit(const char *text, const struct unit *units,
		      int64_t *number)
{
	const char *unit = digits(text, number);

	for (; unit && units->name; units++) {
		if (!strcmp(unit, units->name))
			return !__builtin_mul_overflow(*number, units->factor,
						       number);
	}
	return false;
}

const char *value_size(const char *text, int64_t *bytes)
{
	static const struct unit units[] = {
		{ "", 1 }, { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 },
		{ "GiB", 1 << 30 }, { NULL, 0 },
	};

	if (with_unit(text, units, bytes))
		return NULL;
	return "not a size (bytes, or with KiB, MiB or GiB)";
}

const char *value_count(const char *text, int64_t *count)
{
	const char *rest = digits(text, count);

	return rest && !*rest ? NULL : "not a whole number";
}

const char *value_duration(const char *text, int64_t *us)
{
	static const struct unit units[] = {
		{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 },
		{ "min", 60000000 }, { "h", 3600000000 }, { NULL, 0 },
	};

	if (!strcmp(text, "0")) {
		*us = 0;
		return NULL;
	}
	if (with_unit(text, units, us))
		return NULL;
	return "not a duration (a number with us, ms, s, min or h)";
}

const char *value_ports(const char *text, struct port_range *range)
{
	static const char wrong[] = "not a port or port range (0-65535)";
	int64_t from, to;
	const char *rest;

	if (!strcmp(text, "*"))
		text = "0-65535";
	rest = digits(text, &from);
	if (!rest)
		return wrong;
	to = from;
	if (*rest == '-')
		rest = digits(rest + 1, &to);
	if (!rest || *rest || from > UINT16_MAX || to > UINT16_MAX)
		return wrong;
	if (from > to)
		return "the port range ends before it begins";
	range->from = (uint16_t)from;
	range->to = (uint16_t)to;
	return NULL;
}

const char *value_prefix(const char *text, struct addr_prefix *prefix)
{
	switch (addr_parse_prefix(text, prefix)) {
	case 0:
		return NULL;
	case -ERANGE:
		return "the prefix length must be 0-32 (IPv4) or 0-128 (IPv6)";
	case -EDOM:
		return "bits are set beyond the prefix length";
	default:
		return "not an IPv4 or IPv6 address, a prefix or *";
	}
}

const char *value_lane_remote(const char *text,
			      struct policy_lane_remote *where)
{
	struct addr_prefix prefix;
	const char *wrong;

	if (!strcmp(text, "peer")) {
		where->peer = true;
		return NULL;
	}
	wrong = value_prefix(text, &prefix);
	if (wrong)
		return wrong;
	if (where->count == POLICY_LANE_PREFIXES)
		return "lane_remote takes eight prefixes at most";
	where->prefixes[where->count++] = prefix;
	return NULL;
}

const char *value_role(const char *text, unsigned *roles)
{
	if (!strcmp(text, "connect"))
		*roles = ROLE_CONNECT;
	else if (!strcmp(text, "listen"))
		*roles = ROLE_LISTEN;
	else if (!strcmp(text, "any"))
		*roles = ROLE_ANY;
	else
		return "not a role (connect, listen or any)";
	return NULL;
}

static const char *const mode_names[] = {
	[POLICY_TCP] = "tcp",
	[POLICY_PREFER] = "prefer",
	[POLICY_REQUIRE] = "require",
};

const char *value_mode(const char *text, enum policy_mode *mode)
{
	for (unsigned i = 0; i < 3; i++) {
		if (!strcmp(text, mode_names[i])) {
			*mode = (enum policy_mode)i;
			return NULL;
		}
	}
	return "not a mode (tcp, prefer or require)";
}

const char *value_mode_name(enum policy_mode mode)
{
	return mode_names[mode];
}

const char *value_greeting(const char *text, enum policy_greeting *greeting)
{
	if (!strcmp(text, "mark"))
		*greeting = POLICY_GREETING_MARK;
	else if (!strcmp(text, "probe"))
		*greeting = POLICY_GREETING_PROBE;
	else if (!strcmp(text, "trusted"))
		*greeting = POLICY_GREETING_TRUSTED;
	else
		return "not a greeting (mark, probe or trusted)";
	return NULL;
}

const char *value_name(const char *text)
{
	if (!*text)
		return "a name may not be empty";
	if (strlen(text) > VALUE_NAME_MAX)
		return "a name may have 47 characters at most";
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return "a name may not hold control characters";
	}
	return NULL;
}

const char *value_glob(const char *text)
{
	if (!*text)
		return "a program pattern may not be empty";
	if (strlen(text) > GLOB_MAX)
		return "a program pattern may have 255 characters at most";
	return NULL;
}

const char *value_path(const char *text)
{
	if (text[0] != '/')
		return "not an absolute path";
	return strlen(text) < PATH_MAX ? NULL : "too long for a path";
}
