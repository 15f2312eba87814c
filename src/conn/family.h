/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that several processes have, since a fork(2). All of them have
 * the kernel socket; the lane belongs to the process that made it, and which
 * of them will use the connection nobody knows. So:
 *  - a child that touches one asks its parent, over a channel that the fork
 *    made, to bring it back to TCP, and waits for that;
 *  - who closes one that a child may have brings it back to TCP too, so that
 *    the kernel's count of the socket decides when it ends; so does exit();
 *  - an accepted one that nobody has touched is greeted by the first who does.
 * When the children of a fork have all closed theirs, ended, or become other
 * programs, their end of the channel is closed and all is as before.
 *
 * What a process says of a connection to the others is its `share`, in memory
 * that all of them map. conn/ only. Nothing here blocks.
 */
#ifndef CONN_FAMILY_H
#define CONN_FAMILY_H

#include "conn/share.h"

/*
 * Around fork(2), in this order. Between the first and one of the others no
 * thread may take a lock that ranks below `family`.
 */
void family_before_fork(void);
void family_after_fork_parent(void);
void family_after_fork_child(bool in_call);
void family_forked_unseen(void);	/* instead of the first, in the child */

/* Is none of ours left that a child would have to ask for? */
bool family_all_settled(void);

#endif
