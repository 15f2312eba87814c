// SPDX-License-Identifier: BSD-2-Clause
/*
 * What both sides of a greeting, and those who wait for it, ask of it.
 */
#include "base/addr.h"
#include "base/clock.h"
#include "base/real.h"
#include "conn/core.h"
#include "conn/greeting.h"
#include "conn/parts.h"

bool greeting_needs_lane(const struct conn *conn)
{
	return conn->mode == POLICY_REQUIRE || conn->greeting.peer_requires;
}

bool greeting_is_trusted(const struct conn *conn)
{
	return conn->decision.greeting == POLICY_GREETING_TRUSTED;
}

uint64_t greeting_prefix_ms(const struct conn *conn)
{
	return conn->role == CONN_PASSIVE ||
			       conn->decision.greeting == POLICY_GREETING_PROBE
		       ? conn->decision.handshake.probe_timeout_ms
		       : conn->decision.handshake.timeout_ms;
}

uint64_t greeting_reply_by(const struct conn *conn)
{
	return clock_ms() + greeting_prefix_ms(conn);
}

/*
 * A marked server that is silent is busy, and who has sent nothing loses
 * nothing by it: the time runs from when something is to go.
 */
void greeting_await(struct conn *conn)
{
	if (conn->role == CONN_ACTIVE && conn->state == STATE_greeting &&
	    conn->greeting.stage == GREETING_ASKED &&
	    conn->greeting.deadline_ms == TIME_NEVER)
		conn->greeting.deadline_ms = greeting_reply_by(conn);
}

void greeting_learn_local(struct conn *conn)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);

	if (real.getsockname(conn->tcp, (struct sockaddr *)&name, &length) == 0)
		addr_normalize(&conn->ends.local, (struct sockaddr *)&name,
			       length);
	conn_know_local(conn);
}
