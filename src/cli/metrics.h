/* SPDX-License-Identifier: BSD-2-Clause */
/* shunt metrics: the text, and the server that gives it away. */
#ifndef CLI_METRICS_H
#define CLI_METRICS_H

#include <stddef.h>
#include <stdio.h>

#include "cli/ledger.h"

/* The Prometheus text format, version 0.0.4, of what the ledger has. */
void metrics_print(FILE *file, const struct ledger *ledger);

/*
 * Ask and give the text, which the caller frees; NULL: it cannot be known who
 * is there. Called at most once a second.
 */
struct metrics_source {
	char *(*text)(struct metrics_source *source, size_t *size);
};

/*
 * Serve GET /metrics on "ADDRESS:PORT" until SIGINT or SIGTERM, by
 * libmicrohttpd, which is loaded now. Returns a status.
 */
int metrics_serve(const char *place, struct metrics_source *source);

#endif
