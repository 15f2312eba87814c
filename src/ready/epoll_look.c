// SPDX-License-Identifier: BSD-2-Clause
/*
 * Looking at the dirty members of an epoll set: each is found ready, and told
 * of, or is armed, so that the kernel's set has the news.
 */
#include "base/real.h"
#include "ready/epoll_set.h"
#include "ready/ready.h"

#define ALWAYS (EPOLLERR | EPOLLHUP)
#define POLL_BITS 0x7fff	/* EPOLL* below them are poll(2)'s POLL* */

short member_wanted_locked(const struct member *member)
{
	const struct registration *registration;
	short events = 0;

	for (registration = member->registrations; registration;
	     registration = registration->sibling) {
		short asked = (short)(registration->events & POLL_BITS);

		if (registration->disabled)
			continue;
		if (registration->events & EPOLLET)
			asked &= ~registration->told;
		events |= asked;
	}
	return events;
}

/* With lock: all that the enabled registrations ask, edges included. */
static uint32_t kernel_events(const struct member *member)
{
	const struct registration *registration;
	uint32_t events = 0;
	bool edge = true, any = false;

	for (registration = member->registrations; registration;
	     registration = registration->sibling) {
		if (registration->disabled)
			continue;
		any = true;
		events |= registration->events & POLL_BITS;
		edge &= !!(registration->events & EPOLLET);
	}
	return any ? events | (edge ? EPOLLET : 0) | EPOLLERR : 0;
}

/* With lock: report `bits` to the registrations that want them. */
static bool deliver(struct member *member, short bits, struct catch *catch)
{
	struct registration *registration;
	bool told = false;

	if (catch->peek) {
		catch->ready = true;
		return true;
	}
	for (registration = member->registrations; registration;
	     registration = registration->sibling) {
		short mine = bits & (short)((registration->events & POLL_BITS) |
					    ALWAYS);

		if (registration->events & EPOLLET)
			mine &= ~registration->told;
		if (!mine || registration->disabled ||
		    catch->count == catch->max)
			continue;
		catch->events[catch->count].events = (uint32_t)mine;
		catch->events[catch->count++].data = registration->data;
		registration->told |= mine;
		registration->disabled =
			registration->events & EPOLLONESHOT;
		told = true;
		member->call = catch->call;
	}
	return told;
}

/* With lock: register what conn_arm() says will have the news. */
static void sync_to_wait(struct member *member, const struct conn_wait *wait)
{
	uint32_t tcp_events = 0;
	int i, wait_fd = -1;

	for (i = 0; i < wait->count; i++) {
		if (wait->fds[i].fd == conn_socket(member->conn))
			tcp_events = (uint32_t)wait->fds[i].events | EPOLLERR;
		else if (conn_is_armed(member->conn))
			wait_fd = wait->fds[i].fd;
	}
	member_sync_locked(member, tcp_events, wait_fd);
}

/*
 * With lock: what the program has been told of, and has read some of, may have
 * got more since: that is news, which no completion tells if it came before the
 * lane was armed. True: there is some.
 */
static bool has_more(struct member *member, uint64_t came, bool any)
{
	struct registration *registration;
	bool more = false;

	for (registration = member->registrations; registration;
	     registration = registration->sibling) {
		if (!(registration->events & EPOLLET) ||
		    !(registration->told & POLLIN))
			continue;
		if (any && came == registration->came)
			continue;
		registration->told &= ~POLLIN;
		more |= any;
	}
	return more;
}

/* With lock. */
static bool has_edge(const struct member *member)
{
	const struct registration *registration;

	for (registration = member->registrations; registration;
	     registration = registration->sibling)
		if (registration->events & EPOLLET)
			return true;
	return false;
}

/* With lock: has anybody been told by the edge that there is something? */
static bool told_in(const struct member *member)
{
	const struct registration *registration;

	for (registration = member->registrations; registration;
	     registration = registration->sibling)
		if ((registration->events & EPOLLET) &&
		    (registration->told & POLLIN))
			return true;
	return false;
}

/* With lock: who is told of POLLIN now is told of so much. */
static void note_came(struct member *member, uint64_t came)
{
	struct registration *registration;

	for (registration = member->registrations; registration;
	     registration = registration->sibling)
		if (!(registration->told & POLLIN))
			registration->came = came;
}

/*
 * With lock: arm it, which tells what is ready. *latest: no other thread has
 * begun to since; where it has, what it found is newer.
 */
static short arm_locked(struct member *member, struct conn_wait *wait,
			bool *latest)
{
	struct lock *lock = &member->set->lock;
	unsigned look = ++member->looks;
	bool edge = has_edge(member), any = false, again = false;
	bool told, counted;
	short bits, events;
	uint64_t came = 0;

	do {
		told = edge && told_in(member);
		events = member_wanted_locked(member);
		lock_release(lock);
		bits = conn_arm(member->conn, events, wait, &member->waiter);
		counted = (told || (edge && (bits & POLLIN))) &&
			  conn_came(member->conn, &came, &any);
		lock_acquire(lock);
		again = !again && told && counted &&
			has_more(member, came, any);
	} while (again);
	if (counted && (bits & POLLIN))
		note_came(member, came);
	*latest = look == member->looks;
	return bits;
}

static void look_at_lane(struct member *member, struct catch *catch)
{
	struct conn_wait wait = { .asked_next = false };
	bool latest, told = false;
	short bits;

	lock_acquire(&member->set->lock);
	if (member->call == catch->call && !catch->peek) {
		member_dirty_locked(member);
		lock_release(&member->set->lock);
		return;
	}
	bits = arm_locked(member, &wait, &latest);
	if (conn_is_plain(member->conn)) {
		member_to_kernel_locked(member);
		lock_release(&member->set->lock);
		if (conn_waiter_remove(member->conn, &member->waiter))
			member_release(member);
		return;
	}
	if (!member->gone) {
		if (bits)
			told = deliver(member, bits, catch);
		else if (latest)
			sync_to_wait(member, &wait);
		member->deadline_ms = told ? UINT64_MAX : wait.deadline_ms;
		if (told || member->deadline_ms != UINT64_MAX ||
		    (bits && catch->count == catch->max))
			member_dirty_locked(member);
		if (member->deadline_ms < catch->deadline_ms)
			catch->deadline_ms = member->deadline_ms;
	}
	lock_release(&member->set->lock);
}

/*
 * Raw TCP: the kernel's readiness of the socket is the connection's. It may be
 * joining by now. What becomes of it after that rings, and has to have the
 * lock.
 */
static void look_at_raw(struct member *member, struct catch *catch,
			bool reported)
{
	short bits = 0;

	if (reported)
		bits = conn_ready(member->conn, POLL_BITS);
	lock_acquire(&member->set->lock);
	if (!conn_is_raw(member->conn)) {
		lock_release(&member->set->lock);
		look_at_lane(member, catch);
		return;
	}
	if (member->call == catch->call && !catch->peek) {
		member->reported = reported;	/* next time */
		member_dirty_locked(member);
	} else if (!member->gone) {
		struct registration *registration;

		for (registration = member->registrations; registration;
		     registration = registration->sibling)
			registration->told = 0;
		if (bits)
			deliver(member, bits, catch);
		if (bits && catch->peek) {
			member->reported = true;	/* for who asks */
			member_dirty_locked(member);
		}
		member_sync_locked(member, kernel_events(member), -1);
	}
	lock_release(&member->set->lock);
}

static struct member *pop_dirty(struct epollset *set)
{
	struct member *member;

	lock_acquire(&set->lock);
	member = set->dirty;
	if (member) {
		set->dirty = member->dirty_next;
		if (!set->dirty)
			set->dirty_last = &set->dirty;
		member->dirty = false;
	}
	lock_release(&set->lock);
	return member;
}

void epollset_look(struct epollset *set, struct catch *catch)
{
	struct member *member;
	unsigned budget = 0;

	lock_acquire(&set->lock);
	for (member = set->dirty; member; member = member->dirty_next)
		budget++;
	lock_release(&set->lock);
	while (budget-- > 0 && (catch->peek || catch->count < catch->max)) {
		bool reported;

		member = pop_dirty(set);
		if (!member)
			break;
		reported = member->reported;
		member->reported = false;
		if (conn_is_raw(member->conn))
			look_at_raw(member, catch, reported);
		else
			look_at_lane(member, catch);
		member_release(member);
	}
}
