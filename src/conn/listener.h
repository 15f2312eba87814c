/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This process's rsockets that peers' lanes connect to, and the connections
 * that a lane may ask for.
 */
#ifndef CONN_LISTENER_H
#define CONN_LISTENER_H

#include "conn/parts.h"

/*
 * Lane addresses, > 0; 0: there are none, as conn->reason may say already;
 * -EAGAIN: they are being made, and conn_hooks.listened(conn) is called when
 * they are known.
 */
int listener_addresses(struct conn *conn, struct sockaddr_storage *addresses,
		       int max);
/*
 * A connection that a lane may ask for by its token, until taken back:
 * REASON_none, or why not.
 */
enum reason listener_expect(struct conn *conn);
void listener_unexpect(struct conn *conn);
/* The connection of this token, held, once; NULL: nobody's. */
struct conn *listener_claim(const uint8_t token[WIRE_TOKEN_SIZE]);
/* The same, without taking it: others may ask for it, too. */
struct conn *listener_find(const uint8_t token[WIRE_TOKEN_SIZE]);
void listener_after_fork(void);
/*
 * Close the listeners, for seconds at most; false: there were none. And make
 * them again, on the ports that peers know; who asks meanwhile waits.
 */
bool listener_pause(void);
void listener_resume(void);

#endif
