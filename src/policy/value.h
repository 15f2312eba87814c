/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy's words and numbers, one small typed function each: text -> value.
 * They return NULL, or what is wrong with the text, a constant that reads on
 * after it. Pure.
 */
#ifndef POLICY_VALUE_H
#define POLICY_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "policy/policy.h"

struct port_range {
	uint16_t from, to;	/* both belong to it */
};

/* Sets of roles. */
#define ROLE_CONNECT (1u << POLICY_CONNECT)
#define ROLE_LISTEN (1u << POLICY_LISTEN)
#define ROLE_ANY (ROLE_CONNECT | ROLE_LISTEN)

#define VALUE_NAME_MAX 47	/* a rule's name, without its NUL */

/* "0", "512", "16KiB", "1MiB", "1GiB". */
const char *value_size(const char *text, int64_t *bytes);
const char *value_count(const char *text, int64_t *count);
/* "250ms", "60s", "20us", "5min", "1h", "0". */
const char *value_duration(const char *text, int64_t *us);
/* "6379", "7000-7999", "*". */
const char *value_ports(const char *text, struct port_range *range);
const char *value_prefix(const char *text, struct addr_prefix *prefix);
const char *value_role(const char *text, unsigned *roles);
const char *value_mode(const char *text, enum policy_mode *mode);
const char *value_greeting(const char *text, enum policy_greeting *greeting);
const char *value_name(const char *text);
const char *value_glob(const char *text);

/* "peer", an address or a prefix: added to `where`. */
const char *value_lane_remote(const char *text,
			      struct policy_lane_remote *where);

/* An absolute path. */
const char *value_path(const char *text);

/* "tcp", "prefer", "require". */
const char *value_mode_name(enum policy_mode mode);

#endif
