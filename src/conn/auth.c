// SPDX-License-Identifier: BSD-2-Clause
/*
 * Authenticated lanes (PROTOCOL.md, 2): each lane message has a MAC, by a key
 * that both have, over what was greeted, who sends it, the message before and
 * itself. So a lane belongs to the two that have greeted each other, with the
 * addresses, marks, token and lane addresses that both have seen, and nothing
 * that was said once, or to somebody else, is good again.
 */
#include <string.h>

#include "conn/auth.h"
#include "conn/parts.h"
#include "policy/keys.h"

#define LABEL "shunt-lane 1"

_Static_assert(KEYS_MAC == WIRE_MAC_SIZE, "one primitive");

void auth_greeted(struct conn *conn, const uint8_t *message, size_t size)
{
	uint8_t both[WIRE_MAC_SIZE + WIRE_HELLO_MAX];

	if (!conn->decision.auth || size > WIRE_HELLO_MAX)
		return;
	memcpy(both, conn->join.greeted, WIRE_MAC_SIZE);
	memcpy(both + WIRE_MAC_SIZE, message, size);
	keys_digest(both, WIRE_MAC_SIZE + size, conn->join.greeted);
}

/* What a MAC is of. */
struct said {
	char label[sizeof(LABEL)];
	uint8_t sender;		/* 1: the active side, 2: the passive one */
	uint8_t greeted[WIRE_MAC_SIZE];
	uint8_t last[WIRE_MAC_SIZE];
	uint8_t message[WIRE_LANE_SIZE];
};
_Static_assert(sizeof(struct said) == sizeof(LABEL) + 1 + 2 * WIRE_MAC_SIZE +
					      WIRE_LANE_SIZE, "no holes");

static void say(struct said *said, const struct conn *conn, bool ours,
		const uint8_t *message, const uint8_t *last)
{
	bool active = (conn->role == CONN_ACTIVE) == ours;

	memcpy(said->label, LABEL, sizeof(said->label));
	said->sender = active ? 1 : 2;
	memcpy(said->greeted, conn->join.greeted, sizeof(said->greeted));
	memcpy(said->last, last, sizeof(said->last));
	memcpy(said->message, message, sizeof(said->message));
}

bool auth_sign(const struct conn *conn, uint8_t *message,
	       uint8_t last[WIRE_MAC_SIZE])
{
	struct said said;

	say(&said, conn, true, message, last);
	if (!keys_sign(conn->decision.auth, &said, sizeof(said),
		       message + WIRE_LANE_MAC))
		return false;
	memcpy(last, message + WIRE_LANE_MAC, WIRE_MAC_SIZE);
	return true;
}

bool auth_check(const struct conn *conn, const uint8_t *message,
		uint8_t last[WIRE_MAC_SIZE])
{
	struct said said;

	say(&said, conn, false, message, last);
	if (!keys_verify(conn->decision.auth, &said, sizeof(said),
			 message + WIRE_LANE_MAC))
		return false;
	memcpy(last, message + WIRE_LANE_MAC, WIRE_MAC_SIZE);
	return true;
}
