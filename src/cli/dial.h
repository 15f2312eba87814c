/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look at a server from outside: one TCP connection, its SYN marked as the
 * library's would be, over which no byte is sent, and what this end's kernel
 * has learned of the server's MSS. For `shunt explain` and `shunt doctor`.
 */
#ifndef CLI_DIAL_H
#define CLI_DIAL_H

#include "base/addr.h"
#include "mark/mark.h"

#define DIAL_MS 5000	/* it takes no longer */

/* Why there is no reading, or what it comes to. */
enum dial_result { DIAL_UNREACHED, DIAL_UNTOLD, DIAL_READ };

struct dialled {
	enum dial_result result;
	int error;		/* DIAL_UNREACHED: errno */
	struct sockaddr_storage local;	/* else this end's address */
	struct mark_reading reading;	/* DIAL_READ: these three */
	enum mark_finding finding;
	unsigned visible;
};

/* Of a normalized address. At most DIAL_MS; the connection is closed. */
void dial_server(const struct sockaddr_storage *remote,
		 struct dialled *dialled);

/* The word that it comes to, such as "lowered"; *sentence says it in full. */
const char *dial_conclusion(const struct dialled *dialled,
			    const char **sentence);

/* Would this handshake.mark on the server be seen? 0: that would not help. */
unsigned dial_remedy(const struct dialled *dialled);

/*
 * `unable`: why a marked server would not be greeted by this host, or NULL.
 * For people, or as key, tab, value.
 */
void dial_put(const struct dialled *dialled, const char *unable,
	      bool porcelain);

#endif
