/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the peers of one address hold of the process's limits: at most a part
 * (limits.address_share, percent) of what those of other addresses leave, so
 * that some is left for the next. An IPv6 address counts by its first 64 bits,
 * because a host has as many of the rest as it likes.
 *
 * A quota is there as long as somebody holds it. Any thread; any lock may be
 * held. A forked child begins with none, and gives back none that it inherited.
 */
#ifndef CONN_QUOTA_H
#define CONN_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum quota_of {
	QUOTA_LANES,	/* that they have made to us */
	QUOTA_PINNED,	/* bytes, of these, and before JOIN */
	QUOTA_JOINS,	/* lanes that are not joined yet */
	QUOTA_THREADS,	/* that look after those */
	QUOTA_TOKENS,	/* greeted, and no lane yet */
	QUOTA_EARLY,	/* bytes taken in before they were asked for */
	QUOTA_ENDS,	/* of lanes that are being closed, each a thread */
	QUOTA_DISCARDS,	/* the same of those that are dead, or never were */
	QUOTAS
};

struct quota;

/* That of an address, held; NULL: no memory, and only `left` bounds it. */
struct quota *quota_hold(const struct sockaddr_storage *address);
struct quota *quota_again(struct quota *quota);
void quota_drop(struct quota *quota);

/* `left`: what the process may have yet, without this. Takes nothing. */
bool quota_may(const struct quota *quota, enum quota_of of, uint64_t amount,
	       uint64_t left);
/* The same, and takes it; the next in any case. quota_give() gives it back. */
bool quota_take(struct quota *quota, enum quota_of of, uint64_t amount,
		uint64_t left);
void quota_add(struct quota *quota, enum quota_of of, uint64_t amount);
void quota_give(struct quota *quota, enum quota_of of, uint64_t amount);

/* The policy's limits.address_share. */
void quota_limit(uint64_t percent);

void quota_after_fork(void);

#endif
