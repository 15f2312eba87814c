// SPDX-License-Identifier: BSD-2-Clause
/*
 * What other folders call that may leave something to do: it is done here.
 */
#include "conn/conduct.h"
#include "conn/core.h"
#include "conn/dial.h"
#include "conn/endpoint.h"
#include "conn/fallback.h"
#include "conn/greet.h"
#include "conn/hold.h"
#include "conn/retreat.h"

bool conn_accepted(struct conn *conn, unsigned mark, enum reason unmarked,
		   const struct mark_client *client)
{
	bool there = greet_accepted(conn, mark, unmarked, client);

	conduct(conn);
	return there;
}

void conn_dial(struct conn *conn, const struct conn_dialling *dialling)
{
	dial_begin(conn, dialling);
	conduct(conn);
}

int conn_refuse(struct conn *conn, enum reason reason)
{
	int ret = refuse_lane(conn, reason);

	conduct(conn);
	return ret;
}

int conn_leave(struct conn *conn, enum reason reason)
{
	int ret = fall_back(conn, reason);

	conduct(conn);
	return ret == 0 || conn_is_plain(conn) ? 0 : ret;
}

bool conn_give_up(struct conn *conn)
{
	bool was_owed = fall_give_up(conn);

	conduct(conn);
	return was_owed;
}

bool conn_is_between(const struct conn *conn)
{
	enum tx_stage tx = conn->tx.stage;

	if (hold_any(conn))
		return true;
	if (retreat_owed(conn))
		return !retreat_overdue(conn);
	switch (conn_state(conn)) {
	case STATE_joining:	/* its lane is there, and it is asked next */
		return tx == TX_LANE;
	case STATE_on_rdma:
		return tx == TX_LANE && conn->leg.end == LEG_OPEN;
	case STATE_retreating:	/* the kernel has no room for all of it */
		return tx == TX_RETREAT || tx == TX_RELEASE;
	default:
		return false;
	}
}

static void give_up(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	(void)fd;
	(void)arg;
	if (conn)
		(void)conn_give_up(conn);
}

void conn_give_up_all(void)
{
	fdtab_each(give_up, NULL);
}

void conn_dissolve(struct conn *conn)
{
	hold_drop(conn);
	conn_step(conn, conn_state(conn) < STATE_greeted ? EVENT_unaware
							 : EVENT_dissolved,
		  REASON_closed);
	endpoint_close_later(conn);
	conduct(conn);
}
