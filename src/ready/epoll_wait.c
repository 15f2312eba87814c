// SPDX-License-Identifier: BSD-2-Clause
/*
 * epoll_wait() on a set that holds connections. One round: look at what is
 * dirty, which arms it or finds it ready; ask the kernel; turn our tagged
 * events into dirt, and look at that.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/critical.h"
#include "base/real.h"
#include "ready/asleep.h"
#include "ready/epoll_set.h"
#include "ready/ready.h"
#include "ready/spin.h"

#define ALWAYS (EPOLLERR | EPOLLHUP)
#define POLL_BITS 0x7fff	/* EPOLL* below them are poll(2)'s POLL* */

struct catch {
	struct epoll_event *events;
	int max, count;
	uint64_t deadline_ms;
	bool peek;	/* report nothing; say whether there is something */
	bool ready;
	unsigned call;	/* this epoll_wait(); none is told twice in one */
	struct spin_wait wait;
};

/* With lock: what the enabled registrations still want to hear of. */
static short wanted(const struct member *member, bool *edge_only)
{
	const struct registration *registration;
	short events = 0;

	*edge_only = true;
	for (registration = member->registrations; registration;
	     registration = registration->sibling) {
		short asked = (short)(registration->events & POLL_BITS);

		if (registration->disabled)
			continue;
		if (registration->events & EPOLLET)
			asked &= ~registration->told;
		else
			*edge_only = false;
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

/* Raw TCP: the kernel's readiness of the socket is the connection's. */
static void look_at_raw(struct member *member, struct catch *catch,
			bool reported)
{
	short bits = 0;

	if (reported)
		bits = conn_ready(member->conn, POLL_BITS);
	lock_acquire(&member->set->lock);
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
		member_sync_locked(member, kernel_events(member), -1);
	}
	lock_release(&member->set->lock);
}

static void look_at_lane(struct member *member, struct catch *catch)
{
	struct conn_wait wait = { .asked_next = false };
	bool edge_only, told = false;
	short bits, events;

	lock_acquire(&member->set->lock);
	events = wanted(member, &edge_only);
	if (member->call == catch->call && !catch->peek) {
		member_dirty_locked(member);
		lock_release(&member->set->lock);
		return;
	}
	lock_release(&member->set->lock);

	bits = conn_arm(member->conn, events, &wait, &member->waiter);
	lock_acquire(&member->set->lock);
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
		else
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

/* Look once at each member that is dirty now. */
static void look_at_dirty(struct epollset *set, struct catch *catch)
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

/*
 * Over the lanes that have been used since the last look, and are not armed;
 * once in a wait, whose other rounds are for news that are nobody's.
 */
static void spin(struct epollset *set, struct spin_wait *wait,
		 uint64_t until_us)
{
	struct member *members[SPIN_MOST + 1], *member;
	struct spin spin = { .count = 0 };
	unsigned i, count = 0;
	bool edge_only;

	if (wait->began_us)
		return;
	lock_acquire(&set->lock);
	for (member = set->dirty; member && count <= SPIN_MOST;
	     member = member->dirty_next) {
		atomic_fetch_add(&member->references, 1);
		spin_add(&spin, member->conn, wanted(member, &edge_only));
		members[count++] = member;
	}
	lock_release(&set->lock);
	if (count <= SPIN_MOST)
		spin_over(&spin, wait, until_us);
	for (i = 0; i < count; i++)
		member_release(members[i]);
}

static void clear_bell(struct epollset *set)
{
	uint64_t rings;
	int saved = errno;

	while (set->bell >= 0 &&
	       real.read(set->bell, &rings, sizeof(rings)) > 0)
		;
	errno = saved;
}

/* Tagged events become dirt; the others move to the front. */
static int sort_out(struct epollset *set, struct epoll_event *events,
		    int count)
{
	struct registration *registration;
	struct member *member;
	int i, kept = 0;

	for (i = 0; i < count; i++) {
		if ((events[i].data.u64 & EPOLL_TAG_MASK) != EPOLL_TAG) {
			events[kept++] = events[i];
			continue;
		}
		if (events[i].data.u64 == EPOLL_TAG) {
			clear_bell(set);
			continue;
		}
		lock_acquire(&set->lock);
		member = member_by_id(set, (uint32_t)events[i].data.u64);
		if (member) {
			member->reported = true;
			for (registration = member->registrations; registration;
			     registration = registration->sibling)
				registration->told = 0;
			member_dirty_locked(member);
		}
		lock_release(&set->lock);
	}
	return kept;
}

/* How long to sleep at most: NULL for ever. */
static const struct timespec *sleep_time(const struct catch *catch,
					 uint64_t until_us,
					 struct timespec *time)
{
	uint64_t now = clock_us(), until = until_us;

	if (catch->deadline_ms != UINT64_MAX &&
	    catch->deadline_ms * 1000 < until)
		until = catch->deadline_ms * 1000;
	if (until == READY_FOREVER)
		return NULL;
	until = until > now ? until - now : 0;
	time->tv_sec = (time_t)(until / 1000000);
	time->tv_nsec = (long)(until % 1000000) * 1000;
	return time;
}

static atomic_uint calls;

static void prepare_inner(struct epollset *set)
{
	int i;

	for (i = 0; i < set->inner_count; i++)
		epollset_prepare(set->inner[i]);
}

static void forsaken(void *arg)
{
	struct epollset *set = arg;

	atomic_fetch_sub(&set->sleepers, 1);
	fdtab_release(&set->object);
}

/*
 * In ppoll(2), because epoll_pwait(2) also ends with EINTR for a signal that
 * is ignored, if it came while it was held back. 1: there is something.
 */
static int sleep_on(struct epollset *set, const struct timespec *time,
		    const sigset_t *mask)
{
	struct pollfd wait = { .fd = set->epoll, .events = POLLIN };
	struct asleep_seal seal = { .forsake = forsaken, .arg = set };
	int got;

	pthread_cleanup_push(asleep_cancelled, &seal);
	asleep_begin(&seal);
	got = real.ppoll(&wait, 1, time, mask);
	asleep_end(&seal);
	pthread_cleanup_pop(0);
	return got < 0 ? -errno : got;
}

/* The kernel's part of a round: its events, 0, or -errno. */
static int ask_kernel(struct epollset *set, struct catch *catch,
		      uint64_t until_us, const sigset_t *mask)
{
	int got, room = catch->max - catch->count;
	struct timespec time;

	if (room == 0) {
		set->kernels_turn = true;
		return 0;
	}
	if (catch->count == 0 && until_us != 0) {
		got = sleep_on(set, sleep_time(catch, until_us, &time), mask);
		if (got <= 0)
			return got;
	}
	got = real.epoll_pwait(set->epoll, catch->events + catch->count, room,
			       0, NULL);
	return got < 0 ? -errno : got;
}

/*
 * What is the kernel's, the listener say, must not wait for as long as there
 * are members enough to fill a small array: then it is asked first, every
 * other time. True: it had something.
 */
static bool take_turn(struct epollset *set, struct catch *catch)
{
	int got;

	if (!atomic_exchange(&set->kernels_turn, false))
		return false;
	got = real.epoll_pwait(set->epoll, catch->events, catch->max, 0, NULL);
	if (got > 0)
		catch->count = sort_out(set, catch->events, got);
	return catch->count > 0;
}

/*
 * What was told of as a connection, and has become the kernel's since, may be
 * told by the kernel, too: then it is one event. How many are others.
 */
static int merge(struct catch *catch, int got)
{
	struct epoll_event *old = catch->events, *new = old + catch->count;
	int i, at, kept = 0;

	for (i = 0; i < got; i++) {
		for (at = 0; at < catch->count; at++)
			if (old[at].data.u64 == new[i].data.u64)
				break;
		if (at < catch->count)
			old[at].events |= new[i].events;
		else
			new[kept++] = new[i];
	}
	return kept;
}

/* One round. The sleepers' count tells others to ring for new dirt. */
static int wait_round(struct epollset *set, struct catch *catch,
		      uint64_t until_us, const sigset_t *mask)
{
	unsigned moved = set->moved;
	int got;

	catch->deadline_ms = UINT64_MAX;
	atomic_fetch_add(&set->sleepers, 1);
	prepare_inner(set);
	if (take_turn(set, catch)) {
		look_at_dirty(set, catch);
		atomic_fetch_sub(&set->sleepers, 1);
		return 0;
	}
	spin(set, &catch->wait, until_us);
	look_at_dirty(set, catch);
	got = ask_kernel(set, catch, until_us, mask);
	atomic_fetch_sub(&set->sleepers, 1);
	if (got <= 0)
		return got;
	got = sort_out(set, catch->events + catch->count, got);
	catch->count += moved == set->moved ? got : merge(catch, got);
	look_at_dirty(set, catch);
	return 0;
}

/* Signals are held back but for the sleep itself, as in ready_poll(). */
int epollset_wait(struct epollset *set, struct epoll_event *events, int max,
		  uint64_t until_us, const sigset_t *mask)
{
	struct catch catch = { .events = events, .max = max,
			       .call = atomic_fetch_add(&calls, 1) + 1 };
	bool last = until_us != READY_FOREVER && clock_us() >= until_us;
	bool hold = !last;
	sigset_t own;
	int ret;

	if (hold)
		critical_block(&own);
	for (;;) {
		ret = wait_round(set, &catch, until_us,
				 mask || !hold ? mask : &own);
		if (ret < 0 || catch.count || last)
			break;
		last = until_us != READY_FOREVER && clock_us() >= until_us;
	}
	spin_slept(&catch.wait, catch.count > 0);
	if (hold)
		critical_unblock(&own);
	return catch.count ? catch.count : ret;
}

bool epollset_is_plain(const struct epollset *set)
{
	return atomic_load(&set->interest) == 0;
}

int epollset_sort(struct epollset *set, struct epoll_event *events, int count)
{
	return sort_out(set, events, count);
}

void epollset_prepare(struct epollset *set)
{
	struct catch catch = { .peek = true };

	if (epollset_is_plain(set))
		return;
	clear_bell(set);	/* what rings from here on stays */
	prepare_inner(set);
	look_at_dirty(set, &catch);
	if (catch.ready)
		epollset_ring(set);
}
