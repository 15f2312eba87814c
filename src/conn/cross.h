/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the receiving direction is, and what the peer is told of it.
 */
#ifndef CONN_CROSS_H
#define CONN_CROSS_H

#include "conn/parts.h"

/* The peer keeps bytes until we say that they were consumed */
void conn_acknowledge(struct conn *conn);
/* The ring is full: no byte may go until the peer acknowledges. */
bool conn_ring_full(const struct conn *conn);
/* The boundary may have been reached by a change of state. No locks. */
void conn_cross(struct conn *conn);
/* The same, for one who is about to look. */
void conn_find_stage(struct conn *conn);
/* With receive: has the raw part been read to its end? */
void cross_locked(struct conn *conn);
/* The same, and what is behind it after a retreat. 0 or -EAGAIN. */
int cross_find(struct conn *conn);
/* The receiving stage was this before: what its change asks for. No locks. */
void cross_changed(struct conn *conn, enum rx_stage before);

#endif
