/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of an rsocket.
 */
#ifndef CONN_ENDPOINT_H
#define CONN_ENDPOINT_H

#include "conn/parts.h"

/* The end of an rsocket */
/*
 * Of a lane that nobody may use any more. No thread may be looking at it when
 * it is closed. Several may come here; one closes it. Waits.
 */
void endpoint_close(struct conn *conn);
/* The same, on a thread of work.c's. */
void endpoint_close_later(struct conn *conn);
/*
 * Of one that never was a lane. Nobody waits for it. Its claim, which may be
 * NULL, is taken over and given back when it is closed.
 */
void endpoint_discard(int rs, struct limits_claim *claim);

#endif
