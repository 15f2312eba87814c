/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closed, and the peer has not consumed all yet.
 */
#ifndef CONN_LINGER_H
#define CONN_LINGER_H

#include "conn/parts.h"

/* Closed, and the peer has not consumed all yet */
void linger_begin(struct conn *conn);
/* It does no more, or is freed: no longer counted. Any number of times. */
void linger_end(struct conn *conn);
/* How many do: over a certain number none waits for long. */
unsigned linger_count(void);
void linger_after_fork(void);

#endif
