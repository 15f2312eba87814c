/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that several processes have, since a fork(2). All of them have
 * the kernel socket; the lane belongs to the process that made it, and which
 * of them will use the connection nobody knows. So:
 *  - a child that touches one asks its parent, over a channel that the fork
 *    made, to bring it back to TCP, and waits for that;
 *  - who closes one that a child may have brings it back to TCP too, so that
 *    the kernel's count of the socket decides when it ends; so does exit();
 *  - an accepted one that nobody has touched is greeted by the first who does.
 * When the children of a fork have all closed theirs, ended, or become other
 * programs, their end of the channel is closed and all is as before.
 *
 * What a process says of a connection to the others is its `share`, in memory
 * that all of them map. conn/ only. Nothing here blocks but family_exit().
 */
#ifndef CONN_FAMILY_H
#define CONN_FAMILY_H

#include "conn/internal.h"

/*
 * Around fork(2), in this order. Between the first and one of the others no
 * thread may take a lock that ranks below `family`.
 */
void family_before_fork(void);
void family_after_fork_parent(void);
void family_after_fork_child(void);
void family_forked_unseen(void);	/* instead of the first, in the child */

/* May a child of ours have it, so that only TCP will do at its end? */
bool family_shares(struct conn *conn);

/* It is to be on TCP as soon as it can, for the sake of others. */
void family_owe(struct conn *conn);
/*
 * The service thread looked at it: one more step, if that is owed. Whoever
 * waits for it may send before it may receive: a peer that says nothing first
 * leaves a cancelled lane's boundary undecided (control_mark_or_raw()).
 */
void family_pay(struct conn *conn);
/* It became plain or dead: tell the others. No locks. */
void family_settled(struct conn *conn);
/* Back on TCP but for raw bytes that we hold: they are for who asked. */
void family_hand_over(struct conn *conn);

/*
 * The application's first touch of an accepted connection. False: another
 * process was first, and it is not ours to look at.
 */
bool family_claim(struct conn *conn);

/* In a child: is the lane, or was it, another process's? Look how it is. */
void family_look(struct conn *conn);
static inline bool family_is_away(const struct conn *conn)
{
	return conn->forked.parent != NULL;
}

/* Are accepted connections left to children that will greet them? */
bool family_greets_late(void);

/* The application's interest is over. True: nothing else is to be done. */
bool family_end(struct conn *conn);
/* All that was to be done at its end is: its share is not needed any more. */
void family_ended(struct conn *conn);
/* exit(): wait until no child is left in the lurch. Bounded. */
void family_exit(void);

/* -- between family.c, the parent's part, and heir.c, the child's ---------- */

enum share_state {
	SHARE_UNTOUCHED,	/* accepted; who touches it first has it */
	SHARE_TAKEN,		/* a child touched it first; not plain */
	SHARE_KEPT,		/* the parent has it: ask */
	SHARE_PLAIN,		/* an ordinary socket, for everybody */
	SHARE_DEAD,
};

struct share {
	_Atomic uint32_t state;	/* enum share_state */
	int32_t error;		/* SHARE_DEAD: -errno */
	atomic_bool raw_out;	/* KEPT, but what is sent is raw again */
	/* Raw bytes that were taken off TCP: where they are in the file. */
	uint64_t early_at;
	_Atomic uint64_t early_size;
};

/*
 * The shares that were new in one fork: a file, and its beginning mapped; or
 * memory alone, if no file may grow.
 */
struct pages {
	int fd;			/* -1: no file */
	struct share *shares;
	size_t size;		/* of the mapping */
	_Atomic uint64_t end;	/* of what is in it */
	unsigned users;		/* connections */
};

/* pages.c: room for `count` new shares, all zero; NULL: none. */
struct pages *pages_make(unsigned count);
void pages_free(struct pages *gone);
/*
 * Bytes behind the shares, from `at` on. False: there is no room for them, or
 * they are not there. What a share says of them may be another process's word.
 */
bool pages_put(struct pages *to, uint64_t at, const void *bytes, size_t size);
bool pages_get(struct pages *from, uint64_t at, void *bytes, size_t size);

/* In a child: the process that made the lanes. */
struct parent {
	int channel;
	atomic_uint users;	/* connections that are still its */
};

/* Accepted, and nothing was made of it yet? */
bool family_untouched(const struct conn *conn);
/* -- between family.c and family_end.c */
/* With family_lock: it has no share any more. */
void family_forget_share(struct conn *conn);
/* Is none of ours left that a child would have to ask for? */
bool family_all_settled(void);
/* Held while `parent` and `share` of a connection change. */
extern struct lock family_lock;

/* This connection of the table is ours by inheritance. `parent` may be NULL. */
void heir_inherit(struct conn *conn, struct parent *parent);
/*
 * This one is not: it came after the inheritance was counted. The child's
 * program does not know of it; what we do to it the parent would feel, so that
 * it is an ordinary socket here.
 */
void heir_leave_alone(struct conn *conn);
/* It needs the parent no more. */
void heir_part(struct conn *conn);
void heir_leave(struct parent *parent);

#endif
