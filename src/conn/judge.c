// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether a client that greets may have a lane.
 */
#include "base/addr.h"
#include "base/real.h"
#include "conn/greet.h"
#include "conn/parts.h"

/* Did the client dial the address that we have, and not a proxy's? */
static bool dialled_us(const struct conn *conn, const struct wire_hello *hello)
{
	struct sockaddr_storage name, local;
	socklen_t length = sizeof(name);

	if (real.getsockname(conn->tcp, (struct sockaddr *)&name, &length) != 0)
		return false;
	addr_normalize(&local, (struct sockaddr *)&name, length);
	return addr_same(&hello->remote, &local);
}

/*
 * With auth the addresses that HELLO tells, and both ends sign, are those of
 * the connection; and both have keys.
 */
static enum reason judge_auth(struct conn *conn, const struct wire_hello *hello)
{
	conn->join.authentic = hello->flags & WIRE_HELLO_AUTH;
	if (conn->decision.auth_required && !conn->join.authentic)
		return REASON_auth_missing;
	if (conn->join.authentic && !conn->decision.nat &&
	    !dialled_us(conn, hello))
		return REASON_proxied;
	return REASON_none;
}

enum reason greet_judge(struct conn *conn, int parsed,
			const struct wire_hello *hello)
{
	if (parsed != 0)
		return REASON_version;
	if (conn->mode == POLICY_TCP)
		return conn->reason;
	if (!conn->decision.nat &&
	    !addr_same(&hello->local, &conn->ends.remote))
		return REASON_proxied;
	return conn->decision.auth ? judge_auth(conn, hello) : REASON_none;
}
