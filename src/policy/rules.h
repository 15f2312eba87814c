/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules in one line, as SHUNT_RULES has them:
 *	ROLE REMOTE[:PORTS] MODE [mark|probe|trusted] [nat] [any_path]
 *	[drain] [lane_remote=peer,PREFIX...] [auth=FILE|try_auth=FILE]; ...
 * REMOTE is "*", an IPv4 prefix, or an IPv6 prefix in brackets; PORTS are
 * ports and ranges with commas between, or "*".
 */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include "policy/draft.h"
#include "policy/problem.h"

/* Adds to the draft; `name` is what problems and sources call the text. */
void rules_read(const char *name, const char *text, struct draft *draft,
		struct problems *problems);

#endif
