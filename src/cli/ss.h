/* SPDX-License-Identifier: BSD-2-Clause */
/* shunt ss --json. */
#ifndef CLI_SS_H
#define CLI_SS_H

#include "cli/census.h"

/* On stdout; docs/ss.schema.json describes it. `interval`: 0: no rates. */
void ss_print_json(const struct census *census, double interval);

#endif
