/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy file's text -> draft, every key checked. */
#ifndef POLICY_FILE_H
#define POLICY_FILE_H

#include "policy/draft.h"
#include "policy/libconfig.h"
#include "policy/problem.h"
#include "policy/source.h"

/* Adds to the draft; what is wrong goes to `problems`. */
void file_read(const struct libconfig *library, const struct source *source,
	       struct draft *draft, struct problems *problems);

#endif
