/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of what is sent: FIN on TCP, CLOSE on a lane.
 */
#ifndef CONN_FIN_H
#define CONN_FIN_H

#include "conn/parts.h"

/* With send: shut the sending direction where it is. True: say CLOSE. */
bool fin_sending(struct conn *conn);
/*
 * With send: all has been put on TCP. FIN does not wait for the peer's bytes,
 * which may wait for it.
 */
void fin_sent(struct conn *conn);
/* What was shut down while it could not be told: now it can. No locks. */
void fin_behind(struct conn *conn);
/*
 * A join or retreat is over, or it failed: the same, and what was closed
 * meanwhile ends. No locks.
 */
void fin_due(struct conn *conn);
/* The peer lets nothing go before the lane, and something is to go. */
bool fin_needs_lane(const struct conn *conn);

#endif
