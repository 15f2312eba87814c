/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All connections of the process, for those who ask about them. The list has a
 * lock of its own, which connections take when they are made and freed, and
 * nobody takes to send or receive. Any thread, no locks held.
 */
#ifndef CONN_CROWD_H
#define CONN_CROWD_H

#include <stdbool.h>
#include <stddef.h>

struct conn;

/* A connection is made; it is about to be freed. */
void crowd_enter(struct conn *conn);
void crowd_leave(struct conn *conn);

/* Those that follow `after`, which is held, held; how many. */
unsigned crowd_hold(const struct conn *after, struct conn **piece,
		    unsigned most);

/* gather.c */
struct crowd {
	struct conn **conns;	/* each held */
	size_t count, room;
	bool incomplete;	/* there was no memory for all */
};

/*
 * Those that the application has and that are not plain. The list is locked
 * for a few at a time, so nobody waits long. End it with crowd_disperse().
 */
void crowd_gather(struct crowd *crowd);
void crowd_disperse(struct crowd *crowd);

void crowd_after_fork(void);
/* In a child that is alone yet. */
void crowd_each_inherited(void (*visit)(struct conn *conn));

#endif
