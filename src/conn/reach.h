/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a lane may go, and come from.
 */
#ifndef CONN_REACH_H
#define CONN_REACH_H

#include "conn/parts.h"

/* Is a lane still asked for? A join may have been given up meanwhile. */
bool reach_is_wanted(const struct conn *conn);
/* Active: an rsocket to one of the addresses of the offer, or -errno. */
int reach_any(struct conn *conn, uint64_t until_ms);
/* Passive: may this rsocket's other end be where it is? */
bool reach_may_come(const struct conn *conn, int rs);

#endif
