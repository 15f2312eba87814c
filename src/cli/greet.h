/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A marked server is greeted, to hear whether it offers a lane. The greeting
 * is the library's own: a child, which is the command again and preloaded,
 * connects, with a policy that prefers RDMA to this server; no lane is made.
 */
#ifndef CLI_GREET_H
#define CLI_GREET_H

#include <stdbool.h>
#include <sys/socket.h>

#include "diag/reason.h"

#define GREET_MS 5000	/* it takes no longer */
#define GREET_WORD "greet-as-program"	/* calls the child, and nobody else */

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

/* In the child: connect, and wait for a byte, or for being ended. A status. */
int greet_as_program(const char *address);

/* For people, or as key, tab, value. */
void greet_put(const struct greeted *greeted, bool porcelain);

#endif
