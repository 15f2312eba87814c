/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A marked server is greeted, to hear whether it offers a lane. The greeting
 * is the library's own: a child of the command loads it and connects, with a
 * policy that prefers RDMA to this server; no lane is made.
 */
#ifndef CLI_GREET_H
#define CLI_GREET_H

#include <stdbool.h>
#include <sys/socket.h>

#include "diag/reason.h"

#define GREET_MS 5000	/* it takes no longer */

enum greet_result {
	GREET_UNTOLD,	/* no word within GREET_MS, or there is no library */
	GREET_OFFERED,	/* the server offers a lane */
	GREET_LEFT,	/* TCP, for a reason */
};

struct greeted {
	enum greet_result result;
	/* GREET_LEFT: such as "peer_declined: memlock" */
	char reason[REASON_TEXT_MAX];
};

/*
 * Of a normalized address. `conf` is the policy file, for the options that
 * greeting needs.
 */
void greet_server(const struct sockaddr_storage *remote, const char *conf,
		  struct greeted *greeted);

/* For people, or as key, tab, value. */
void greet_put(const struct greeted *greeted, bool porcelain);

#endif
