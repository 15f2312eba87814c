// SPDX-License-Identifier: BSD-2-Clause
/*
 * Between which addresses a lane may be, and a connected rsocket between them.
 */
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "conn/carrier.h"
#include "conn/endpoint.h"
#include "conn/hold.h"
#include "conn/parts.h"
#include "conn/reach.h"
#include "conn/talk.h"
#include "diag/log.h"

#define TURN_MS 1000

/*
 * Does the application still want a lane? One that has closed, or shut down,
 * does for what was held, if the peer lets nothing go before the lane.
 */
bool reach_is_wanted(const struct conn *conn)
{
	return (!conn_closed(conn) && !conn->tx.shut) ||
	       (conn->greeting.peer_requires && hold_any(conn));
}

static const struct carrier_sizes *sizes_of(const struct conn *conn,
					    struct carrier_sizes *sizes)
{
	sizes->send_buffer = conn->decision.lane.send_buffer;
	sizes->receive_buffer = conn->decision.lane.receive_buffer;
	return sizes;
}

/* Connect an rsocket to one lane address. */
static int reach(struct conn *conn, const struct sockaddr_storage *address,
		 uint64_t until_ms)
{
	struct carrier_sizes sizes;
	int family = address->ss_family;
	int ret, rs = carrier->socket(family, sizes_of(conn, &sizes));

	if (rs < 0)
		return rs;
	ret = carrier->connect(rs, (const struct sockaddr *)address,
			       addr_length(address));
	if (ret == -EINPROGRESS)
		ret = talk_wait(rs, POLLOUT, until_ms);
	if (ret == 0)
		ret = -carrier->error(rs);
	if (ret == 0)
		return rs;
	endpoint_discard(rs, NULL);
	return ret;
}

/* A peer may name any address in REPLY; its rule says which are believed. */
static bool may_reach(const struct conn *conn,
		      const struct sockaddr_storage *address)
{
	struct sockaddr_storage plain;

	return addr_normalize(&plain, (const struct sockaddr *)address,
			      sizeof(*address)) &&
	       policy_lane_may_end(&conn->decision, &conn->ends.remote, &plain,
				   true);
}

/*
 * The end of the time of this address: a later one may be the one that answers.
 * Each has enough for a packet to be lost.
 */
static uint64_t turn_ends(const struct conn *conn, int i, uint64_t until_ms)
{
	const struct wire_reply *offer = conn->join.offer;
	uint64_t now = clock_ms(), share;
	unsigned left = 1;

	for (i++; i < offer->count; i++)
		left += may_reach(conn, &offer->addresses[i]);
	if (now >= until_ms)
		return until_ms;
	share = (until_ms - now) / left;
	share = share > TURN_MS ? share : TURN_MS;
	return share < until_ms - now ? now + share : until_ms;
}

int reach_any(struct conn *conn, uint64_t until_ms)
{
	const struct wire_reply *offer = conn->join.offer;
	char text[ADDR_TEXT_MAX];
	int i, rs = offer->count ? -EREMCHG : -EHOSTUNREACH;

	for (i = 0; i < offer->count && reach_is_wanted(conn); i++) {
		if (!may_reach(conn, &offer->addresses[i]))
			continue;
		rs = reach(conn, &offer->addresses[i],
			   turn_ends(conn, i, until_ms));
		if (rs >= 0)
			return rs;
		log_debug("no lane to %s: %s",
			  addr_format(&offer->addresses[i], text),
			  strerror(-rs));
	}
	return conn_closed(conn) ? -ECANCELED : rs;
}

/* May a lane of this connection come from where it comes from? */
bool reach_may_come(const struct conn *conn, int rs)
{
	const struct policy_lane_remote *where = &conn->decision.lane_remote;
	struct sockaddr_storage from, plain;

	if (!where->peer && where->count == 0)
		return true;
	return carrier->peer_address(rs, &from) == 0 &&
	       addr_normalize(&plain, (const struct sockaddr *)&from,
			      sizeof(from)) &&
	       policy_lane_may_end(&conn->decision, &conn->ends.remote, &plain,
				   false);
}
