/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes by the TCP leg of a lane. The service thread reads it.
 */
#ifndef CONN_INBOX_H
#define CONN_INBOX_H

#include "conn/parts.h"

/* What comes by the TCP leg behind the boundary */
/* Service thread: read what has come. */
void inbox_look(struct conn *conn);
/* The TCP leg has ended where a record, or raw bytes, were due. */
void inbox_ended(struct conn *conn, enum leg_end end);
/* Service thread: PROBE waits; say ACK if the lane is seen to be alive. */
void inbox_answer_probe(struct conn *conn);

#endif
