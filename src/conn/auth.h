/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was greeted, and the MACs of lane messages.
 */
#ifndef CONN_AUTH_H
#define CONN_AUTH_H

#include "conn/parts.h"

/* What was greeted, and the MACs of lane messages */
/* HELLO, or REPLY after it, as it went over the wire. */
void auth_greeted(struct conn *conn, const uint8_t *message, size_t size);
/*
 * Put a MAC on a lane message of WIRE_LANE_MAX bytes, ours, or look at that of
 * one of the peer's. `last` is the MAC of the message before, in whatever
 * direction, zeros before JOIN; and then this one's. False: no key, wrong.
 */
bool auth_sign(const struct conn *conn, uint8_t *message,
	       uint8_t last[WIRE_MAC_SIZE]);
bool auth_check(const struct conn *conn, const uint8_t *message,
		uint8_t last[WIRE_MAC_SIZE]);

#endif
