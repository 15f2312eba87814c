/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection that several processes have (family.h): the child's part
 * (heir.c), the first touch, and the end (family_end.c).
 */
#ifndef CONN_HEIR_H
#define CONN_HEIR_H

#include "conn/share.h"

/* In a child: the process that made the lanes. */
struct parent {
	int channel;
	atomic_uint users;	/* connections that are still its */
};

/* This connection of the table is ours by inheritance. `parent` may be NULL. */
void heir_inherit(struct conn *conn, struct parent *parent);
/*
 * This one is not: it came after the inheritance was counted. The child's
 * program does not know of it; what we do to it the parent would feel, so that
 * it is an ordinary socket here.
 */
void heir_leave_alone(struct conn *conn);
/* What either begins with: no thread of the parent's is in it, no lane is. */
void heir_begin_again(struct conn *conn);
/* It needs the parent no more. */
void heir_part(struct conn *conn);
void heir_leave(struct parent *parent);

/*
 * The application's first touch of an accepted connection. False: another
 * process was first, and it is not ours to look at.
 */
bool family_claim(struct conn *conn);

/* In a child: is the lane, or was it, another process's? Look how it is. */
void family_look(struct conn *conn);

/* The application's interest is over. True: nothing else is to be done. */
bool family_end(struct conn *conn);
/* All that was to be done at its end is: its share is not needed any more. */
void family_ended(struct conn *conn);

#endif
