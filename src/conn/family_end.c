// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of connections that children may have, and of their process.
 */
#include "base/bounds.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/real.h"
#include "conn/family.h"


/* Does its share, if it has one of ours, say this? */
static bool share_is(struct conn *conn, enum share_state state)
{
	bool is;

	lock_acquire(&family_lock);
	is = family_shares(conn) && conn->forked.share->state == state;
	lock_release(&family_lock);
	return is;
}

bool family_end(struct conn *conn)
{
	if (family_is_away(conn)) {
		heir_part(conn);
		fd_park(conn->tcp);
		return true;
	}
	if (!family_shares(conn))
		return false;
	if (conn_state(conn) == STATE_greeting && !share_is(conn, SHARE_KEPT))
		return false;	/* HELLO is left to the children */
	family_owe(conn);
	return true;
}

void family_ended(struct conn *conn)
{
	if (!conn->forked.share)
		return;
	lock_acquire(&family_lock);
	if (family_shares(conn) && conn->forked.sharing == 0)
		family_forget_share(conn);
	lock_release(&family_lock);
}

static void owe_entry(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	(void)fd;
	(void)arg;
	if (conn && share_is(conn, SHARE_KEPT))
		family_owe(conn);
}

void family_exit(void)
{
	uint64_t answer_ms = clock_ms() + BOUND_answer_ms;
	uint64_t until = clock_ms() + BOUND_exit_ms;

	fdtab_each(owe_entry, NULL);
	while (!family_all_settled() && clock_ms() < until) {
		real.poll(NULL, 0, 1);
		if (clock_ms() >= answer_ms)
			retreat_give_up_all();
	}
}
