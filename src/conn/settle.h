/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After a step: wake, log, leave the table. No locks.
 */
#ifndef CONN_SETTLE_H
#define CONN_SETTLE_H

#include "conn/parts.h"

/* After a step: wake, log, leave the table. No locks. */
void settle(struct conn *conn);
/*
 * A plain socket without an application is closed now, whoever else still holds
 * the connection: a job, the service thread.
 */
void settle_let_go(struct conn *conn);

#endif
