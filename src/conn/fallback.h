/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Back to TCP from wherever it is (fallback.c), no lane (refuse.c), and all at
 * once (door.c).
 */
#ifndef CONN_FALLBACK_H
#define CONN_FALLBACK_H

#include "conn/parts.h"

/* See conn_leave() and conn_give_up(), and all at once (door.c) */
int fall_back(struct conn *conn, enum reason reason);
bool fall_give_up(struct conn *conn);
void conn_give_up_all(void);
/* refuse.c: see conn_refuse() */
int refuse_lane(struct conn *conn, enum reason reason);

#endif
