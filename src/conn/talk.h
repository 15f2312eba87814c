/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages that two ends say on a fresh rsocket before it is a lane
 * (docs/PROTOCOL.md, "Joining"), signed where the rule has a key (auth.c). All
 * functions may block until the talk's time is over (-ETIMEDOUT), and return 0
 * or -errno. For the threads of work.c; no locks.
 */
#ifndef CONN_TALK_H
#define CONN_TALK_H

#include <stdint.h>

#include "conn/wire.h"

struct conn;

/* One end of the exchange, on a connected rsocket. */
struct talk {
	struct conn *conn;	/* NULL: whose it is JOIN will tell */
	int rs;
	uint64_t until_ms;
	uint8_t last[WIRE_MAC_SIZE];	/* auth.c */
};

/* Sleep until the rsocket has one of the poll events. */
int talk_wait(int rs, short events, uint64_t until_ms);
int talk_put(struct talk *talk, struct wire_lane *message);
/* The next message, which has to be of this type and from who has the key. */
int talk_get(struct talk *talk, enum wire_type type, struct wire_lane *message);
/* The next message, whosesoever it is: its size. */
int talk_read(const struct talk *talk, uint8_t in[WIRE_LANE_MAX]);
/*
 * -EKEYREJECTED: it is not from who has the key, or he says so of ours;
 * -EREMCHG: that we do not come from where we may (REFUSED).
 */
int talk_check(const struct conn *conn, const uint8_t *in,
	       const struct wire_lane *message, uint8_t last[WIRE_MAC_SIZE]);

#endif
