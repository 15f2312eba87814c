// SPDX-License-Identifier: BSD-2-Clause
/* Epoll sets: who is in one, and how the kernel's set is kept in step. */
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/real.h"
#include "ready/epoll_set.h"

/* What epoll_ctl(2) allows beside EPOLLEXCLUSIVE. */
#define EXCLUSIVE_WITH (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | \
			EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
#define INNER_MOST 8	/* sets in one set that are known as such */

static struct lock sets_lock = LOCK_INIT(epollsets);
static struct epollset *sets;
atomic_uint epollset_interests;

static void set_last(struct fdtab_object *object);

struct epollset *epollset_from(struct fdtab_object *object)
{
	return object && object->last == set_last ? (struct epollset *)object
						  : NULL;
}

void epollset_made(int epfd)
{
	struct epollset *set = calloc(1, sizeof(*set));
	int saved = errno;

	if (!set)
		return;
	set->epoll = fd_dup_high(epfd);
	if (set->epoll < 0) {
		free(set);
		return;
	}
	set->object.last = set_last;
	set->object.references = 1;
	set->bell = -1;
	set->dirty_last = &set->dirty;
	lock_init(&set->lock, LOCK_epollset);
	lock_acquire(&sets_lock);
	set->next = sets;
	set->link = &sets;
	if (sets)
		sets->link = &set->next;
	sets = set;
	lock_release(&sets_lock);
	fdtab_insert(epfd, &set->object);
	fdtab_release(&set->object);
	errno = saved;
}

static void gain_interest(struct epollset *set)
{
	atomic_fetch_add(&epollset_interests, 1);
	atomic_fetch_add(&set->interest, 1);
}

void epollset_ring(struct epollset *set)
{
	uint64_t one = 1;
	int saved = errno;

	if (set->bell >= 0 && real.write(set->bell, &one, sizeof(one)) < 0)
		errno = saved;
}

/*
 * With lock. The bell is in the kernel's set only while there is a member:
 * nobody takes its tag out of the events of a set that is passed through.
 */
static int hang_bell(struct epollset *set)
{
	struct epoll_event event = { .events = EPOLLIN,
				     .data.u64 = EPOLL_TAG };

	if (set->bell_hangs)
		return 0;
	if (set->bell < 0) {
		set->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (set->bell < 0)
			return -errno;
		set->bell = fd_lift(set->bell);
	}
	if (real.epoll_ctl(set->epoll, EPOLL_CTL_ADD, set->bell, &event) != 0)
		return -ENOMEM;
	set->bell_hangs = true;
	return 0;
}

/* With lock: one member or inner set less. */
static void lose_interest(struct epollset *set)
{
	atomic_fetch_sub(&epollset_interests, 1);
	if (atomic_fetch_sub(&set->interest, 1) != 1 || !set->bell_hangs)
		return;
	real.epoll_ctl(set->epoll, EPOLL_CTL_DEL, set->bell, NULL);
	set->bell_hangs = false;
}

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
	if (atomic_fetch_sub(&member->references, 1) != 1)
		return;
	conn_unkeep(member->conn);
	free(member);
}

struct member *member_by_id(struct epollset *set, uint32_t id)
{
	struct member *member;

	HASH_FIND(hh, set->members, &id, sizeof(id), member);
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
static void remove_member(struct member *member)
{
	struct epollset *set = member->set;

	if (member->gone)
		return;
	member_sync_locked(member, 0, -1);
	HASH_DEL(set->members, member);
	member->gone = true;
	lose_interest(set);
}

static void free_registrations(struct member *member)
{
	struct registration *registration;

	while ((registration = member->registrations)) {
		member->registrations = registration->sibling;
		/* It is in there, so there is one. */
		HASH_DEL(member->set->registrations, /* NOLINT */
			 registration);
		free(registration);
	}
}

void member_to_kernel_locked(struct member *member)
{
	struct registration *registration;
	struct epoll_event event;

	if (member->gone)
		return;
	remove_member(member);
	for (registration = member->registrations; registration;
	     registration = registration->sibling) {
		event.events = registration->disabled ? EPOLLONESHOT
						      : registration->events;
		event.data = registration->data;
		real.epoll_ctl(member->set->epoll, EPOLL_CTL_ADD,
			       registration->fd, &event);
	}
	free_registrations(member);
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
	lock_release(&set->lock);
	epollset_ring(set);
}

static void member_used(struct conn_waiter *waiter, short drained)
{
	struct member *member = (struct member *)waiter;

	lock_acquire(&member->set->lock);
	untold(member, drained);
	member_dirty_locked(member);
	lock_release(&member->set->lock);
	if (atomic_load(&member->set->sleepers))
		epollset_ring(member->set);
}

static void member_ended(struct conn_waiter *waiter)
{
	struct member *member = (struct member *)waiter;
	struct epollset *set = member->set;

	lock_acquire(&set->lock);
	remove_member(member);
	free_registrations(member);
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

static struct registration *find(struct epollset *set, int fd)
{
	struct registration *registration;

	HASH_FIND_INT(set->registrations, &fd, registration);
	return registration;
}

static struct member *member_of(struct epollset *set, struct conn *conn)
{
	struct member *member, *next;

	HASH_ITER(hh, set->members, member, next)
		if (member->conn == conn)
			return member;
	return NULL;
}

/* A member for the connection, not yet on its list. With lock. */
static struct member *new_member(struct epollset *set, struct conn *conn)
{
	struct member *member;

	if (hang_bell(set) != 0)
		return NULL;
	member = calloc(1, sizeof(*member));
	if (!member)
		return NULL;
	conn_keep(conn);
	member->waiter.ring = member_ring;
	member->waiter.used = member_used;
	member->waiter.ended = member_ended;
	member->waiter.plain = member_plain;
	member->set = set;
	member->conn = conn;
	member->id = ++set->last_id;
	member->references = 1;
	member->wait_fd = -1;
	member->deadline_ms = UINT64_MAX;
	HASH_ADD(hh, set->members, id, sizeof(member->id), member);
	gain_interest(set);
	return member;
}

static struct registration *new_registration(struct epollset *set, int fd,
					     const struct epoll_event *event)
{
	struct registration *registration = calloc(1, sizeof(*registration));

	if (!registration)
		return NULL;
	registration->fd = fd;
	registration->events = event->events;
	registration->data = event->data;
	HASH_ADD_INT(set->registrations, fd, registration);
	return registration;
}

static int add(struct epollset *set, int fd, struct conn *conn,
	       const struct epoll_event *event)
{
	struct registration *registration;
	struct member *member = NULL;
	bool fresh = false;
	int ret = -ENOMEM;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration && registration->member) {
		ret = -EEXIST;
		goto out;
	}
	if (registration) {	/* a stale note */
		HASH_DEL(set->registrations, registration);
		free(registration);
	}
	member = member_of(set, conn);
	fresh = !member;
	if (!member)
		member = new_member(set, conn);
	registration = member ? new_registration(set, fd, event) : NULL;
	if (!registration)
		goto out;
	registration->member = member;
	registration->sibling = member->registrations;
	member->registrations = registration;
	member_dirty_locked(member);
	ret = 0;
out:
	lock_release(&set->lock);
	if (fresh && member) {
		conn_waiter_add(conn, &member->waiter);
		if (conn_is_plain(conn) &&
		    conn_waiter_remove(conn, &member->waiter))
			member_plain(&member->waiter);
	}
	epollset_ring(set);
	return ret;
}

static int modify(struct epollset *set, int fd,
		  const struct epoll_event *event)
{
	struct registration *registration;
	int ret = -ENOENT;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration && registration->member &&
	    ((registration->events | event->events) & EPOLLEXCLUSIVE)) {
		ret = -EINVAL;
	} else if (registration && registration->member) {
		registration->events = event->events;
		registration->data = event->data;
		registration->disabled = false;
		registration->told = 0;
		member_dirty_locked(registration->member);
		ret = 0;
	}
	lock_release(&set->lock);
	epollset_ring(set);
	return ret;
}

/* With lock: one registration off its member; true: it was the last. */
static bool detach(struct registration *registration)
{
	struct member *member = registration->member;
	struct registration **link = &member->registrations;

	while (*link != registration)
		link = &(*link)->sibling;
	*link = registration->sibling;
	HASH_DEL(member->set->registrations, registration);
	free(registration);
	if (member->registrations)
		return false;
	remove_member(member);
	return true;
}

static int del(struct epollset *set, int fd)
{
	struct registration *registration;
	struct member *member = NULL;
	bool last = false;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration)
		member = registration->member;
	if (member) {
		atomic_fetch_add(&member->references, 1);
		last = detach(registration);
	}
	lock_release(&set->lock);
	if (!member)
		return -ENOENT;
	if (last && conn_waiter_remove(member->conn, &member->waiter))
		member_release(member);
	member_release(member);
	return 0;
}

/* A plain fd, which connect() may make a connection: remember the event. */
static void note(struct epollset *set, int op, int fd,
		 const struct epoll_event *event)
{
	struct registration *registration;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (!registration && op != EPOLL_CTL_DEL) {
		new_registration(set, fd, event);
	} else if (registration && !registration->member &&
		   op == EPOLL_CTL_DEL) {
		HASH_DEL(set->registrations, registration);
		free(registration);
	} else if (registration && !registration->member) {
		registration->events = event->events;
		registration->data = event->data;
	}
	lock_release(&set->lock);
}

static void nest(struct epollset *set, struct epollset *inner)
{
	lock_acquire(&set->lock);
	if (set->inner_count < INNER_MOST) {
		fdtab_take(&inner->object);
		set->inner[set->inner_count++] = inner;
		gain_interest(set);
	}
	lock_release(&set->lock);
}

/* The fd's connection has become plain, and its set has not heard of it. */
static void catch_up(struct epollset *set, int fd)
{
	struct registration *registration;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration && registration->member &&
	    conn_is_plain(registration->member->conn))
		member_to_kernel_locked(registration->member);
	lock_release(&set->lock);
}

static int plain_ctl(struct epollset *set, int op, int fd,
		     struct epoll_event *event)
{
	struct fdtab_object *object = fdtab_hold(fd, NULL);
	struct epollset *inner = epollset_from(object);
	int ret;

	if (!epollset_is_plain(set))
		catch_up(set, fd);
	ret = real.epoll_ctl(set->epoll, op, fd, event) == 0 ? 0 : -errno;
	if (ret == 0 && inner && op == EPOLL_CTL_ADD)
		nest(set, inner);
	else if (ret == 0 && !inner)
		note(set, op, fd, event);
	if (object)
		fdtab_release(object);
	return ret;
}

int epollset_ctl(struct epollset *set, int op, int fd, struct conn *conn,
		 struct epoll_event *event)
{
	if (!conn)
		return plain_ctl(set, op, fd, event);
	switch (op) {
	case EPOLL_CTL_ADD:
		if ((event->events & EPOLLEXCLUSIVE) &&
		    (event->events & ~EXCLUSIVE_WITH))
			return -EINVAL;
		return add(set, fd, conn, event);
	case EPOLL_CTL_MOD:
		return modify(set, fd, event);
	case EPOLL_CTL_DEL:
		return del(set, fd);
	default:
		return -EINVAL;
	}
}

/* A noted registration, off the kernel's set; false: there was none. */
static bool take_note(struct epollset *set, int fd, struct epoll_event *event)
{
	struct registration *registration;
	bool there = false;

	lock_acquire(&set->lock);
	registration = find(set, fd);
	if (registration && !registration->member) {
		event->events = registration->events;
		event->data = registration->data;
		HASH_DEL(set->registrations, registration);
		free(registration);
		there = real.epoll_ctl(set->epoll, EPOLL_CTL_DEL, fd, NULL) ==
			0;
	}
	lock_release(&set->lock);
	return there;
}

void epollset_adopt(int fd, struct conn *conn)
{
	struct epoll_event event;
	struct epollset *set;
	int saved = errno;

	lock_acquire(&sets_lock);
	for (set = sets; set; set = set->next)
		if (take_note(set, fd, &event))
			add(set, fd, conn, &event);
	lock_release(&sets_lock);
	errno = saved;
}

/* The epoll fd's last number is closed. */
static void set_last(struct fdtab_object *object)
{
	struct epollset *set = (struct epollset *)object;
	struct registration *registration, *next;
	struct member *member;
	int i;

	lock_acquire(&sets_lock);
	*set->link = set->next;
	if (set->next)
		set->next->link = set->link;
	lock_release(&sets_lock);
	while ((member = set->members)) {
		atomic_fetch_add(&member->references, 1);
		remove_member(member);
		free_registrations(member);
		if (conn_waiter_remove(member->conn, &member->waiter))
			member_release(member);
		member_release(member);
	}
	HASH_ITER(hh, set->registrations, registration, next) {
		HASH_DEL(set->registrations, registration);
		free(registration);
	}
	while ((member = set->dirty)) {
		set->dirty = member->dirty_next;
		member_release(member);
	}
	atomic_fetch_sub(&epollset_interests, (unsigned)set->inner_count);
	for (i = 0; i < set->inner_count; i++)
		fdtab_release(&set->inner[i]->object);
	if (set->bell >= 0)
		fd_close(set->bell);
	fd_close(set->epoll);
	lock_destroy(&set->lock);
	free(set);
}

/* In the child the sets' locks may have been anyone's. */
void epollset_after_fork(void)
{
	struct epollset *set;

	lock_init(&sets_lock, LOCK_epollsets);
	for (set = sets; set; set = set->next)
		lock_init(&set->lock, LOCK_epollset);
}
