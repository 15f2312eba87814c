// SPDX-License-Identifier: BSD-2-Clause
/*
 * epoll_wait() on a set that holds connections. One round: look at what is
 * dirty (epoll_look.c), which arms it or finds it ready; ask the kernel; turn
 * our tagged events into dirt, and look at that.
 */
#include <errno.h>
#include <limits.h>
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

	if (wait->began_us)
		return;
	lock_acquire(&set->lock);
	for (member = set->dirty; member && count <= SPIN_MOST;
	     member = member->dirty_next) {
		atomic_fetch_add(&member->references, 1);
		spin_add(&spin, member->conn, member_wanted_locked(member));
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
		short counted;

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
			/* has_more() knows whether it is news */
			counted = conn_reads_lane(member->conn) ? POLLIN : 0;
			for (registration = member->registrations; registration;
			     registration = registration->sibling)
				registration->told &= counted;
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

/*
 * The inner set before *at, held; NULL: there are no more. From the last to the
 * first, because the last takes the place of one that is taken out.
 */
static struct epollset *next_inner(struct epollset *set, int *at)
{
	struct epollset *inner = NULL;

	lock_acquire(&set->lock);
	if (*at > set->inner_count)
		*at = set->inner_count;
	if (*at > 0) {
		inner = set->inner[--*at];
		atomic_fetch_add(&inner->holders, 1);
	}
	lock_release(&set->lock);
	return inner;
}

static uint64_t prepare_inner(struct epollset *set)
{
	uint64_t due, least = UINT64_MAX;
	struct epollset *inner;
	int at = INT_MAX;

	while ((inner = next_inner(set, &at))) {
		due = epollset_prepare(inner);
		least = due < least ? due : least;
		epollset_drop(inner);
	}
	return least;
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

	atomic_fetch_add(&set->sleepers, 1);
	catch->deadline_ms = prepare_inner(set);
	if (take_turn(set, catch)) {
		epollset_look(set, catch);
		atomic_fetch_sub(&set->sleepers, 1);
		return 0;
	}
	spin(set, &catch->wait, until_us);
	epollset_look(set, catch);
	got = ask_kernel(set, catch, until_us, mask);
	atomic_fetch_sub(&set->sleepers, 1);
	if (got <= 0)
		return got;
	got = sort_out(set, catch->events + catch->count, got);
	catch->count += moved == set->moved ? got : merge(catch, got);
	epollset_look(set, catch);
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

/* Who goes away with some of them leaves the others to who sleeps. */
int epollset_sort(struct epollset *set, struct epoll_event *events, int count)
{
	int kept = sort_out(set, events, count);

	if (kept > 0)
		epollset_ring(set);
	return kept;
}

uint64_t epollset_prepare(struct epollset *set)
{
	struct catch catch = { .peek = true };

	if (epollset_is_plain(set))
		return UINT64_MAX;
	/* Its last number may be closed meanwhile, and the bell with it. */
	lock_acquire(&set->lock);
	clear_bell(set);	/* what rings from here on stays */
	lock_release(&set->lock);
	catch.deadline_ms = prepare_inner(set);
	epollset_look(set, &catch);
	lock_acquire(&set->lock);
	if (catch.ready)
		epollset_ring(set);
	lock_release(&set->lock);
	return catch.deadline_ms;
}
