/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options of options.def: their values in a struct settings, their names
 * in the file ("lane.replay") and in the environment ("SHUNT_LANE_REPLAY").
 * Pure functions; the texts they return are constants.
 */
#ifndef POLICY_OPTION_H
#define POLICY_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct settings {
	struct policy_lane lane;
	struct policy_handshake handshake;
	struct policy_limits limits;
	uint32_t level;		/* enum log_level */
	uint32_t reader;	/* uid; 0: nobody */
};

enum option_kind {
	OPTION_SIZE, OPTION_COUNT, OPTION_MS, OPTION_US, OPTION_AUTO_US,
	OPTION_AUTO_SIZE, OPTION_MARK, OPTION_LEVEL, OPTION_PROFILE
};

/* profiles.def */
enum option_profile {
#define PROFILE(name, ...) PROFILE_##name,
#include "policy/profiles.def"
#undef PROFILE
	PROFILE_COUNT
};

struct policy_option {
	const char *section;
	const char *key;
	enum option_kind kind;
	size_t offset;		/* in struct settings */
	size_t size;		/* 4 or 8 bytes */
	int64_t least, most, initial;
	const char *help;
};

enum {
#define OPTION(section, key, ...) OPTION_##section##_##key,
#include "policy/options.def"
#undef OPTION
	OPTION_COUNT_ALL
};

#define OPTION_TEXT_MAX 32	/* a formatted value */
#define OPTION_NAME_MAX 48	/* "SHUNT_HANDSHAKE_FORGET_AFTER" */

extern const struct policy_option options[OPTION_COUNT_ALL];
extern const struct settings settings_initial;

/* The option, or NULL. */
const struct policy_option *option_find(const char *section, const char *key);
const struct policy_option *option_find_env(const char *name);

bool option_is_section(const char *name);

char *option_env_name(const struct policy_option *option,
		      char name[OPTION_NAME_MAX]);

/* A value's text -> its number. NULL, or what is wrong with it. */
const char *option_parse(const struct policy_option *option, const char *text,
			 int64_t *value);

/* May the option have this number? NULL, or what is wrong, in `why`. */
#define OPTION_WHY_MAX 80
const char *option_check(const struct policy_option *option, int64_t value,
			 char why[OPTION_WHY_MAX]);

/* A profile's number sets the sizes of the profile, too. */
void option_set(const struct policy_option *option, struct settings *settings,
		int64_t value);
int64_t option_get(const struct policy_option *option,
		   const struct settings *settings);

/* "16KiB", "250ms", "auto", "warn"; option_parse() takes it back. */
char *option_format(const struct policy_option *option, int64_t value,
		    char text[OPTION_TEXT_MAX]);

#endif
