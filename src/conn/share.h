/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the peers of one address hold of the process's limits: at most a part
 * (limits.address_share, percent) of what those of other addresses leave, so
 * that some is left for the next. An IPv6 address counts by its first 64 bits,
 * because a host has as many of the rest as it likes.
 *
 * A share is there as long as somebody holds it. Any thread; any lock may be
 * held. A forked child begins with none, and gives back none that it inherited.
 */
#ifndef CONN_SHARE_H
#define CONN_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum share_of {
	SHARE_LANES,	/* that they have made to us */
	SHARE_PINNED,	/* bytes, of these, and before JOIN */
	SHARE_JOINS,	/* lanes that are not joined yet */
	SHARE_THREADS,	/* that look after those */
	SHARE_TOKENS,	/* greeted, and no lane yet */
	SHARE_EARLY,	/* bytes taken in before they were asked for */
	SHARE_ENDS,	/* of lanes that are being closed, each a thread */
	SHARE_DISCARDS,	/* the same of those that are dead, or never were */
	SHARES
};

struct share;

/* That of an address, held; NULL: no memory, and only `left` bounds it. */
struct share *share_hold(const struct sockaddr_storage *address);
struct share *share_again(struct share *share);
void share_drop(struct share *share);

/* `left`: what the process may have yet, without this. Takes nothing. */
bool share_may(const struct share *share, enum share_of of, uint64_t amount,
	       uint64_t left);
/* The same, and takes it; the next in any case. share_give() gives it back. */
bool share_take(struct share *share, enum share_of of, uint64_t amount,
		uint64_t left);
void share_add(struct share *share, enum share_of of, uint64_t amount);
void share_give(struct share *share, enum share_of of, uint64_t amount);

/* The policy's limits.address_share. */
void share_limit(uint64_t percent);

void share_after_fork(void);

#endif
