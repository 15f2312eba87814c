// SPDX-License-Identifier: BSD-2-Clause
#include "policy/option.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diag/log.h"
#include "policy/value.h"

#define FIELD_SIZE(field) sizeof(((struct settings *)0)->field)
#define MARK_STEP 16	/* between two marks of listeners */

const struct policy_option options[] = {
#define OPTION(section, key, field, kind, least, most, initial, help) \
	{ #section, #key, OPTION_##kind, offsetof(struct settings, field), \
	  FIELD_SIZE(field), least, most, initial, help },
#include "policy/options.def"
#undef OPTION
};

const struct settings settings_initial = {
#define OPTION(section, key, field, kind, least, most, initial, help) \
	.field = initial,
#include "policy/options.def"
#undef OPTION
};

static const struct profile {
	const char *name;
	uint32_t send_buffer, receive_buffer;
	uint64_t replay;
} profiles[] = {
#define PROFILE(name, send, receive, ring) { #name, send, receive, ring },
#include "policy/profiles.def"
#undef PROFILE
};

#define FOR_EACH_OPTION(o) \
	for (const struct policy_option *o = options; \
	     o < options + OPTION_COUNT_ALL; o++)

const struct policy_option *option_find(const char *section, const char *key)
{
	FOR_EACH_OPTION(option) {
		if (!strcmp(option->section, section) &&
		    !strcmp(option->key, key))
			return option;
	}
	return NULL;
}

char *option_env_name(const struct policy_option *option,
		      char name[OPTION_NAME_MAX])
{
	snprintf(name, OPTION_NAME_MAX, "SHUNT_%s_%s", option->section,
		 option->key);
	for (char *c = name; *c; c++) {
		/* not toupper(): the application's locale may be Turkish */
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	}
	return name;
}

const struct policy_option *option_find_env(const char *name)
{
	char own[OPTION_NAME_MAX];

	FOR_EACH_OPTION(option) {
		if (!strcmp(option_env_name(option, own), name))
			return option;
	}
	return NULL;
}

bool option_is_section(const char *name)
{
	FOR_EACH_OPTION(option) {
		if (!strcmp(option->section, name))
			return true;
	}
	return false;
}

static const char *parse_ms(const char *text, int64_t *value)
{
	const char *wrong = value_duration(text, value);

	if (wrong)
		return wrong;
	if (*value % 1000)
		return "not a whole number of milliseconds";
	*value /= 1000;
	return NULL;
}

static const char *parse_auto_us(const char *text, int64_t *value)
{
	if (!strcmp(text, "auto")) {
		*value = -1;
		return NULL;
	}
	if (!value_duration(text, value))
		return NULL;
	return "not a duration (a number with us, ms, s, min or h), nor auto";
}

static const char *parse_auto_size(const char *text, int64_t *value)
{
	if (!strcmp(text, "auto")) {
		*value = -1;
		return NULL;
	}
	return value_size(text, value);
}

static const char *parse_mark(const char *text, int64_t *value)
{
	if (!strcmp(text, "auto")) {
		*value = -1;
		return NULL;
	}
	return value_count(text, value) ? "not a whole number, nor auto" : NULL;
}

static const char *parse_level(const char *text, int64_t *value)
{
	*value = log_parse_level(text);
	return *value < 0 ? "not a level (off, error, warn, info or debug)"
			  : NULL;
}

static const char *parse_profile(const char *text, int64_t *value)
{
	for (*value = 0; *value < PROFILE_COUNT; ++*value) {
		if (!strcmp(text, profiles[*value].name))
			return NULL;
	}
	return "not a profile (normal or many)";
}

const char *option_parse(const struct policy_option *option, const char *text,
			 int64_t *value)
{
	static const char *(*const parsers[])(const char *, int64_t *) = {
		[OPTION_SIZE] = value_size,
		[OPTION_COUNT] = value_count,
		[OPTION_MS] = parse_ms,
		[OPTION_US] = value_duration,
		[OPTION_AUTO_US] = parse_auto_us,
		[OPTION_AUTO_SIZE] = parse_auto_size,
		[OPTION_MARK] = parse_mark,
		[OPTION_LEVEL] = parse_level,
		[OPTION_PROFILE] = parse_profile,
	};

	return parsers[option->kind](text, value);
}

static bool is_auto(const struct policy_option *option, int64_t value)
{
	return value == -1 && (option->kind == OPTION_AUTO_US ||
			       option->kind == OPTION_AUTO_SIZE ||
			       option->kind == OPTION_MARK);
}

/* A listener's mark has a remainder of its own (PROTOCOL.md, 1). */
static const char *check_mark(int64_t value, char why[OPTION_WHY_MAX])
{
	int64_t below = (value - 1) / MARK_STEP * MARK_STEP + 1;

	if (value == below)
		return NULL;
	snprintf(why, OPTION_WHY_MAX,
		 "not 1 modulo 16; %" PRId64 " and %" PRId64 " are the nearest",
		 below, below + MARK_STEP);
	return why;
}

const char *option_check(const struct policy_option *option, int64_t value,
			 char why[OPTION_WHY_MAX])
{
	char least[OPTION_TEXT_MAX], most[OPTION_TEXT_MAX];

	if (is_auto(option, value))
		return NULL;
	if (value >= option->least && value <= option->most)
		return option->kind == OPTION_MARK ? check_mark(value, why) :
		       NULL;
	snprintf(why, OPTION_WHY_MAX, "out of range (%.20s to %.20s)",
		 option_format(option, option->least, least),
		 option_format(option, option->most, most));
	return why;
}

static void set_profile(const struct profile *profile,
			struct policy_lane *lane)
{
	lane->send_buffer = profile->send_buffer;
	lane->receive_buffer = profile->receive_buffer;
	lane->replay = profile->replay;
}

void option_set(const struct policy_option *option, struct settings *settings,
		int64_t value)
{
	char *field = (char *)settings + option->offset;

	if (option->size == sizeof(uint64_t))
		*(uint64_t *)field = (uint64_t)value;
	else
		*(uint32_t *)field = (uint32_t)value;
	if (option->kind == OPTION_PROFILE && value >= 0 &&
	    value < PROFILE_COUNT)
		set_profile(&profiles[value], &settings->lane);
}

int64_t option_get(const struct policy_option *option,
		   const struct settings *settings)
{
	const char *field = (const char *)settings + option->offset;

	if (option->size == sizeof(uint64_t))
		return *(const int64_t *)field;
	if (option->kind == OPTION_AUTO_US || option->kind == OPTION_MARK)
		return *(const int32_t *)field;
	return *(const uint32_t *)field;
}

struct scale {
	int64_t unit;
	const char *name;
};

/* The largest unit that leaves no fraction; scales end with unit 1. */
static void format_scaled(int64_t value, const struct scale *scale,
			  char text[OPTION_TEXT_MAX])
{
	while (scale->unit > 1 && (value % scale->unit || !value))
		scale++;
	snprintf(text, OPTION_TEXT_MAX, "%" PRId64 "%s", value / scale->unit,
		 scale->name);
}

static void format_us(int64_t us, char text[OPTION_TEXT_MAX])
{
	static const struct scale scales[] = {
		{ 3600000000, "h" }, { 1000000, "s" }, { 1000, "ms" },
		{ 1, "us" },
	};

	format_scaled(us, scales, text);
}

static const char *level_name(int64_t level)
{
	static const char *const names[] = {
		[LOG_OFF] = "off", [LOG_ERROR] = "error", [LOG_WARN] = "warn",
		[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
	};

	return level >= LOG_OFF && level <= LOG_DEBUG ? names[level] : "?";
}

char *option_format(const struct policy_option *option, int64_t value,
		    char text[OPTION_TEXT_MAX])
{
	static const struct scale sizes[] = {
		{ 1 << 30, "GiB" }, { 1 << 20, "MiB" }, { 1 << 10, "KiB" },
		{ 1, "" },
	};

	if (is_auto(option, value))
		return strcpy(text, "auto");
	switch (option->kind) {
	case OPTION_SIZE:
	case OPTION_AUTO_SIZE:
		format_scaled(value, sizes, text);
		break;
	case OPTION_COUNT:
	case OPTION_MARK:
		snprintf(text, OPTION_TEXT_MAX, "%" PRId64, value);
		break;
	case OPTION_MS:
		format_us(value * 1000, text);
		break;
	case OPTION_US:
	case OPTION_AUTO_US:
		format_us(value, text);
		break;
	case OPTION_LEVEL:
		return strcpy(text, level_name(value));
	case OPTION_PROFILE:
		return strcpy(text, value >= 0 && value < PROFILE_COUNT ?
			      profiles[value].name : "?");
	}
	return text;
}
