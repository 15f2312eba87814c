/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process says of a connection to the others that have it since a fork
 * (family.h), in memory that all of them map. conn/ only. Nothing here blocks.
 */
#ifndef CONN_SHARE_H
#define CONN_SHARE_H

#include "conn/parts.h"

struct share {
	_Atomic uint32_t stage;	/* enum share_stage */
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

/* Held while `parent` and `share` of a connection change. */
extern struct lock family_lock;

/* In a child: is the lane, or was it, another process's? */
static inline bool family_is_away(const struct conn *conn)
{
	return conn->forked.parent != NULL;
}

/* May a child of ours have it, so that only TCP will do at its end? */
bool share_is_ours(struct conn *conn);
/* Does its share, if it has one of ours, say this? */
bool share_says(struct conn *conn, enum share_stage stage);
/* Accepted, and nothing was made of it yet? */
bool share_untouched(const struct conn *conn);
/* With family_lock: it has no share any more. */
void share_forget(struct conn *conn);

/*
 * It is to be on TCP as soon as it can, for the sake of others: the service
 * thread sees to it. No locks.
 */
void share_owe(struct conn *conn);
/* It became plain or dead: tell the others. No locks. */
void share_settled(struct conn *conn);
/* Back on TCP but for raw bytes that we hold: they are for who asked. */
void share_hand_over(struct conn *conn);

/* Are accepted connections left to children that will greet them? */
bool share_greets_late(void);
void share_greet_late(void);	/* from now on */

#endif
