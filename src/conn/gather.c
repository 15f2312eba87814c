// SPDX-License-Identifier: BSD-2-Clause
#include "base/memory.h"
#include "conn/core.h"
#include "conn/crowd.h"
#include "conn/parts.h"

#define PIECE 128	/* connections looked at under the list's lock */

/* Is it one to be told of? Not held any more if not. */
static bool belongs(const struct conn *conn)
{
	return !conn_is_plain(conn) &&
	       atomic_load(&conn->object.references) > 0;
}

static bool make_room(struct crowd *crowd)
{
	size_t room = crowd->room * 2 + PIECE;
	struct conn **more;

	if (crowd->count < crowd->room)
		return true;
	more = memory_resize(crowd->conns, room * sizeof(struct conn *));
	if (!more) {
		crowd->incomplete = true;
		return false;
	}
	crowd->conns = more;
	crowd->room = room;
	return true;
}

void crowd_gather(struct crowd *crowd)
{
	struct conn *piece[PIECE], *after = NULL;
	unsigned i, count;

	*crowd = (struct crowd){ .count = 0 };
	do {
		count = crowd_hold(after, piece, PIECE);
		if (after)
			conn_drop(after);
		/* The last one is held until the next piece is there. */
		after = count > 0 ? piece[count - 1] : NULL;
		if (after)
			conn_hold(after);
		for (i = 0; i < count; i++) {
			if (belongs(piece[i]) && make_room(crowd))
				crowd->conns[crowd->count++] = piece[i];
			else
				conn_drop(piece[i]);
		}
	} while (count > 0);
}

void crowd_disperse(struct crowd *crowd)
{
	while (crowd->count > 0)
		conn_drop(crowd->conns[--crowd->count]);
	memory_free(crowd->conns);
}
