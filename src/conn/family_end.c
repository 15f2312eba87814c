// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of connections that children may have.
 */
#include "base/fd.h"
#include "base/real.h"
#include "conn/heir.h"
#include "conn/parts.h"
#include "conn/share.h"

bool family_end(struct conn *conn)
{
	if (family_is_away(conn)) {
		heir_part(conn);
		fd_park(conn->tcp);
		return true;
	}
	if (!share_is_ours(conn))
		return false;
	if (conn_state(conn) == STATE_greeting && !share_says(conn, SHARE_KEPT))
		return false;	/* HELLO is left to the children */
	share_owe(conn);
	return true;
}

void family_ended(struct conn *conn)
{
	if (!conn->forked.share)
		return;
	lock_acquire(&family_lock);
	if (share_is_ours(conn) && conn->forked.sharing == 0)
		share_forget(conn);
	lock_release(&family_lock);
}
