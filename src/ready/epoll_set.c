// SPDX-License-Identifier: BSD-2-Clause
/* Epoll sets: their making and their end. */
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/real.h"
#include "ready/epoll_set.h"

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
	struct epollset *set = memory_new(sizeof(*set));
	int saved = errno;

	if (!set)
		return;
	set->epoll = fd_dup_high(epfd);
	if (set->epoll < 0) {
		memory_free(set);
		return;
	}
	set->object.last = set_last;
	set->object.references = 1;
	set->holders = 1;
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

void epollset_gain(struct epollset *set)
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

int epollset_hang_bell(struct epollset *set)
{
	struct epoll_event event = { .events = EPOLLIN,
				     .data.u64 = EPOLL_TAG };

	if (set->bell_hangs)
		return 0;
	if (set->bell < 0) {
		int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (bell < 0)
			return -errno;
		set->bell = fd_lift(bell);
	}
	if (real.epoll_ctl(set->epoll, EPOLL_CTL_ADD, set->bell, &event) != 0)
		return -ENOMEM;
	set->bell_hangs = true;
	return 0;
}

/*
 * With lock: nobody looks at what is dirty once the kernel is asked alone, and
 * each of them keeps a connection, and its number.
 */
static void forget_dirty(struct epollset *set)
{
	struct member *member, *dirty = set->dirty;

	set->dirty = NULL;
	set->dirty_last = &set->dirty;
	while ((member = dirty)) {
		dirty = member->dirty_next;
		member->dirty = false;
		member_release(member);
	}
}

void epollset_lose(struct epollset *set)
{
	atomic_fetch_sub(&epollset_interests, 1);
	if (atomic_fetch_sub(&set->interest, 1) != 1)
		return;
	forget_dirty(set);
	if (!set->bell_hangs)
		return;
	real.epoll_ctl(set->epoll, EPOLL_CTL_DEL, set->bell, NULL);
	set->bell_hangs = false;
}

void epollset_nest(struct epollset *set, struct epollset *inner)
{
	struct epollset **grown;

	lock_acquire(&set->lock);
	grown = memory_resize(set->inner, (size_t)(set->inner_count + 1) *
						  sizeof(void *));
	if (grown) {
		atomic_fetch_add(&inner->holders, 1);
		set->inner = grown;
		set->inner[set->inner_count++] = inner;
		epollset_gain(set);
	}
	epollset_ring(set);	/* who sleeps has not prepared it */
	lock_release(&set->lock);
}

bool epollset_unnest(struct epollset *set, struct epollset *inner)
{
	bool found = false;
	int i;

	lock_acquire(&set->lock);
	for (i = 0; i < set->inner_count && !found; i++)
		found = set->inner[i] == inner;
	if (found) {
		set->inner[i - 1] = set->inner[--set->inner_count];
		epollset_lose(set);
	}
	lock_release(&set->lock);
	if (found)
		epollset_drop(inner);
	return found;
}

/* With the sets lock. The kernel takes it out of all that it is in, too. */
static void leave_others(struct epollset *inner)
{
	struct epollset *set;

	for (set = sets; set; set = set->next)
		while (epollset_unnest(set, inner))
			;
}

void epollset_adopt(int fd, struct conn *conn)
{
	struct epollset *set;
	int saved = errno;

	lock_acquire(&sets_lock);
	for (set = sets; set; set = set->next)
		epollset_take_over(set, fd, conn);
	lock_release(&sets_lock);
	errno = saved;
}

void epollset_drop(struct epollset *set)
{
	if (atomic_fetch_sub(&set->holders, 1) != 1)
		return;
	lock_destroy(&set->lock);
	memory_free(set);
}

static struct member *take_member(struct epollset *set)
{
	struct member *member;

	lock_acquire(&set->lock);
	member = set->members;
	if (member) {
		atomic_fetch_add(&member->references, 1);
		member_remove_locked(member);
		member_free_registrations_locked(member);
	}
	lock_release(&set->lock);
	return member;
}

/* Of what is left, nothing is a connection's. Returns the dirty members. */
static struct member *empty(struct epollset *set)
{
	struct registration *registration, *next;
	struct member *dirty;

	lock_acquire(&set->lock);
	HASH_ITER(hh, set->registrations, registration, next) {
		HASH_DEL(set->registrations, registration);
		memory_free(registration);
	}
	dirty = set->dirty;
	set->dirty = NULL;
	set->dirty_last = &set->dirty;
	if (set->bell >= 0)
		fd_close(set->bell);
	if (set->epoll >= 0)
		fd_close(set->epoll);
	set->bell = set->epoll = -1;
	lock_release(&set->lock);
	return dirty;
}

/*
 * The epoll fd's last number is closed. Other threads may be telling a member
 * of its connection meanwhile, under the set's lock; a member holds the set.
 */
static void set_last(struct fdtab_object *object)
{
	struct epollset *set = (struct epollset *)object;
	struct member *member, *dirty;
	struct epollset **inner;
	int i, count;

	lock_acquire(&sets_lock);
	*set->link = set->next;
	if (set->next)
		set->next->link = set->link;
	leave_others(set);
	lock_release(&sets_lock);
	/* What the kernel's set has is its parent's as well. */
	if (set->inherited) {
		lock_acquire(&set->lock);
		fd_close(set->epoll);
		set->epoll = -1;
		lock_release(&set->lock);
	}
	while ((member = take_member(set))) {
		if (conn_waiter_remove(member->conn, &member->waiter))
			member_release(member);
		member_release(member);
	}
	dirty = empty(set);
	while ((member = dirty)) {
		dirty = member->dirty_next;
		member_release(member);
	}
	lock_acquire(&set->lock);
	inner = set->inner;
	count = set->inner_count;
	set->inner = NULL;
	set->inner_count = 0;
	lock_release(&set->lock);
	atomic_fetch_sub(&epollset_interests, (unsigned)count);
	for (i = 0; i < count; i++)
		epollset_drop(inner[i]);
	memory_free(inner);
	epollset_drop(set);
}

/* In the child the sets' locks may have been anyone's. */
void epollset_after_fork(void)
{
	struct epollset *set;

	lock_init(&sets_lock, LOCK_epollsets);
	for (set = sets; set; set = set->next) {
		/* Half changed by another thread: it is never taken apart. */
		if (!lock_is_free(&set->lock))
			fdtab_take(&set->object);
		lock_init(&set->lock, LOCK_epollset);
		set->inherited = true;
	}
}
