/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of an epoll set, for the files epoll_*.c alone. */
#ifndef READY_EPOLL_SET_H
#define READY_EPOLL_SET_H

#include <stdatomic.h>

#include "base/hash.h"
#include "base/lock.h"
#include "ready/epoll.h"
#include "ready/spin.h"

/* One epoll_ctl(ADD) of the application's. */
struct registration {
	int fd;
	struct member *member;		/* NULL: a plain fd's */
	bool noted;			/* a plain fd's, and in the set */
	uint32_t events;
	epoll_data_t data;
	short told;		/* EPOLLET: reported, and not used up since */
	uint64_t came;		/* what had come by the lane when it was */
	bool disabled;		/* EPOLLONESHOT has fired */
	struct registration *sibling;	/* of the same member */
	UT_hash_handle hh;		/* by fd */
};

/* A connection in the set, by however many fd numbers. */
struct member {
	struct conn_waiter waiter;	/* first: it is cast back */
	struct epollset *set;
	struct conn *conn;		/* kept */
	uint32_t id;
	atomic_uint references;
	struct registration *registrations;
	uint32_t tcp_events;		/* registered in the kernel; 0: not */
	int wait_fd;			/* registered, edge-triggered: an armed
					   queue signals once; -1: none */
	uint64_t deadline_ms;
	bool gone;			/* out of the set */
	bool dirty;
	bool reported;			/* by the kernel, raw */
	unsigned call;			/* the epoll_wait() that told of it */
	unsigned looks;			/* that have begun; the last one's
					   result stands */
	struct member *dirty_next;
	UT_hash_handle hh;		/* by id */
	UT_hash_handle by_conn;
};

struct epollset {
	struct fdtab_object object;
	atomic_uint holders;		/* the object counts as one; members */
	struct lock lock;
	int epoll;			/* our dup of the epoll fd */
	atomic_int bell;		/* -1 until there is a member */
	bool bell_hangs;		/* in the kernel's set */
	bool inherited;			/* over fork(2) */
	uint32_t last_id;
	struct member *members, *by_conn;
	struct registration *registrations;
	struct member *dirty, **dirty_last;
	struct epollset **inner;	/* in this one, once for each ADD; held
					   by `holders` alone */
	int inner_count;
	atomic_uint interest;		/* members and inner sets */
	atomic_uint moved;		/* members that became the kernel's */
	atomic_uint sleepers;		/* threads that may miss new dirt */
	atomic_bool kernels_turn;	/* members have left it no room */
	struct epollset *next, **link;	/* all sets; the sets lock */
};

/*
 * With the set's lock: a member for the connection, which is not on the
 * connection's list yet; NULL: no memory. The one that there is, or NULL. And
 * out of the set; its registrations are freed apart.
 */
struct member *member_new_locked(struct epollset *set, struct conn *conn);
struct member *member_of_locked(struct epollset *set, struct conn *conn);
void member_remove_locked(struct member *member);
void member_free_registrations_locked(struct member *member);

/* With the set's lock. */
void member_dirty_locked(struct member *member);
void member_release(struct member *member);
struct member *member_by_id(struct epollset *set, uint32_t id);

/*
 * With the set's lock: make the kernel's registrations what they should be.
 * tcp_events 0 and wait_fd -1 remove them.
 */
void member_sync_locked(struct member *member, uint32_t tcp_events,
			int wait_fd);

/* With the lock: the connection is the kernel's now; so are its events. */
void member_to_kernel_locked(struct member *member);

/* What an epoll_wait() has so far. */
struct catch {
	struct epoll_event *events;
	int max, count;
	uint64_t deadline_ms;
	bool peek;	/* report nothing; say whether there is something */
	bool ready;
	unsigned call;	/* this epoll_wait(); none is told twice in one */
	struct spin_wait wait;
};

/* Look once at each member that is dirty now. */
void epollset_look(struct epollset *set, struct catch *catch);
/* With lock: the poll bits that its registrations still want to hear of. */
short member_wanted_locked(const struct member *member);

/* epoll_ctl() of a set in this one. False: it is not. */
void epollset_nest(struct epollset *set, struct epollset *inner);
bool epollset_unnest(struct epollset *set, struct epollset *inner);

/* One who holds it does so no more; the last frees it. */
void epollset_drop(struct epollset *set);
/* By who has it by its fd, or with its lock. */
void epollset_ring(struct epollset *set);

/*
 * With the set's lock. One member or inner set more, or less; with the last,
 * the bell comes off the kernel's set: nobody takes its tag out of the events
 * of a set that is passed through. 0 or -errno.
 */
int epollset_hang_bell(struct epollset *set);
void epollset_gain(struct epollset *set);
void epollset_lose(struct epollset *set);

/* If the plain fd is in the set: it is this connection now. */
void epollset_take_over(struct epollset *set, int fd, struct conn *conn);

#endif
