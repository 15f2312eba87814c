/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The service thread looks at a connection, and does what is due.
 */
#ifndef CONN_TICK_H
#define CONN_TICK_H

#include "conn/parts.h"

/* Service thread: look at a connection, and do what is due */
void tick(struct conn *conn);

#endif
