// SPDX-License-Identifier: BSD-2-Clause
/* A connection in an epoll set, and how the kernel's set is kept in step. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/real.h"
#include "ready/epoll_set.h"

void member_dirty_locked(struct member *member)
{
	struct epollset *set = member->set;

	if (member->dirty || member->gone)
		return;
	member->dirty = true;
	atomic_fetch_add(&member->references, 1);
	member->dirty_next = NULL;
	*set->dirty_last = member;
	set->dirty_last = &member->dirty_next;
}

void member_release(struct member *member)
{
	struct epollset *set = member->set;

	if (atomic_fetch_sub(&member->references, 1) != 1)
		return;
	conn_unkeep(member->conn);
	memory_free(member);
	epollset_drop(set);
}

struct member *member_by_id(struct epollset *set, uint32_t id)
{
	struct member *member;

	HASH_FIND_NUMBER(set->members, id, member);
	return member;
}

static void kernel_ctl(struct member *member, int op, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events,
				     .data.u64 = EPOLL_TAG | member->id };

	real.epoll_ctl(member->set->epoll, op, fd, &event);
}

void member_sync_locked(struct member *member, uint32_t tcp_events,
			int wait_fd)
{
	int tcp = conn_socket(member->conn);

	if (tcp_events != member->tcp_events) {
		kernel_ctl(member,
			   !tcp_events		  ? EPOLL_CTL_DEL
			   : !member->tcp_events ? EPOLL_CTL_ADD
						  : EPOLL_CTL_MOD,
			   tcp, tcp_events);
		member->tcp_events = tcp_events;
	}
	if (wait_fd != member->wait_fd) {
		if (member->wait_fd >= 0)
			kernel_ctl(member, EPOLL_CTL_DEL, member->wait_fd, 0);
		if (wait_fd >= 0)
			kernel_ctl(member, EPOLL_CTL_ADD, wait_fd,
				   EPOLLIN | EPOLLET);
		member->wait_fd = wait_fd;
	}
}

/* With lock: out of the set; the caller frees its registrations. */
void member_remove_locked(struct member *member)
{
	struct epollset *set = member->set;

	if (member->gone)
		return;
	member_sync_locked(member, 0, -1);
	HASH_DEL(set->members, member);
	HASH_DELETE(by_conn, set->by_conn, member);
	member->gone = true;
	epollset_lose(set);
}

void member_free_registrations_locked(struct member *member)
{
	struct registration *registration;

	while ((registration = member->registrations)) {
		member->registrations = registration->sibling;
		/* It is in there, so there is one. */
		HASH_DEL(member->set->registrations, /* NOLINT */
			 registration);
		memory_free(registration);
	}
}

void member_to_kernel_locked(struct member *member)
{
	struct registration *registration;
	struct epoll_event event;

	if (member->gone)
		return;
	atomic_fetch_add(&member->set->moved, 1);
	member_remove_locked(member);
	for (registration = member->registrations; registration;
	     registration = registration->sibling) {
		event.events = registration->disabled ? EPOLLONESHOT
						      : registration->events;
		event.data = registration->data;
		real.epoll_ctl(member->set->epoll, EPOLL_CTL_ADD,
			       registration->fd, &event);
	}
	member_free_registrations_locked(member);
}

/* With lock: edges of these bits may be reported again. */
static void untold(struct member *member, short bits)
{
	struct registration *registration;

	for (registration = member->registrations; registration;
	     registration = registration->sibling)
		registration->told &= ~bits;
}

/* conn_waiter's calls; the waiters lock is held. */

static void member_ring(struct conn_waiter *waiter)
{
	struct member *member = (struct member *)waiter;
	struct epollset *set = member->set;

	lock_acquire(&set->lock);
	untold(member, -1);	/* whatever it is, it is a new edge */
	member_dirty_locked(member);
	epollset_ring(set);
	lock_release(&set->lock);
}

static void member_used(struct conn_waiter *waiter, short drained)
{
	struct member *member = (struct member *)waiter;

	lock_acquire(&member->set->lock);
	untold(member, drained);
	member_dirty_locked(member);
	if (atomic_load(&member->set->sleepers))
		epollset_ring(member->set);
	lock_release(&member->set->lock);
}

static void member_ended(struct conn_waiter *waiter)
{
	struct member *member = (struct member *)waiter;
	struct epollset *set = member->set;

	lock_acquire(&set->lock);
	member_remove_locked(member);
	member_free_registrations_locked(member);
	lock_release(&set->lock);
	member_release(member);
}

static void member_plain(struct conn_waiter *waiter)
{
	struct member *member = (struct member *)waiter;
	struct epollset *set = member->set;

	lock_acquire(&set->lock);
	member_to_kernel_locked(member);
	lock_release(&set->lock);
	member_release(member);
}

struct member *member_of_locked(struct epollset *set, struct conn *conn)
{
	struct member *member;

	HASH_FIND(by_conn, set->by_conn, &conn, sizeof(void *), member);
	return member;
}

/* With lock. False: no memory. */
static bool enter_member(struct epollset *set, struct member *member)
{
	HASH_ADD_NUMBER(set->members, id, member);
	if (!member->hh.tbl)
		return false;
	HASH_ADD(by_conn, set->by_conn, conn, sizeof(void *), member);
	if (member->by_conn.tbl)
		return true;
	HASH_DEL(set->members, member);
	return false;
}

static void member_unarm(struct conn_waiter *waiter)
{
	struct member *member = (struct member *)waiter;

	lock_acquire(&member->set->lock);
	member_sync_locked(member, member->tcp_events, -1);
	lock_release(&member->set->lock);
}

/* A member for the connection, not yet on its list. With lock. */
struct member *member_new_locked(struct epollset *set, struct conn *conn)
{
	struct member *member;

	if (epollset_hang_bell(set) != 0)
		return NULL;
	member = memory_new(sizeof(*member));
	if (!member)
		return NULL;
	member->set = set;
	member->conn = conn;
	member->id = ++set->last_id;
	if (!enter_member(set, member)) {
		memory_free(member);
		return NULL;
	}
	atomic_fetch_add(&set->holders, 1);
	conn_keep(conn);
	member->waiter.ring = member_ring;
	member->waiter.used = member_used;
	member->waiter.ended = member_ended;
	member->waiter.plain = member_plain;
	member->waiter.unarm = member_unarm;
	member->references = 1;
	member->wait_fd = -1;
	member->deadline_ms = UINT64_MAX;
	epollset_gain(set);
	return member;
}
