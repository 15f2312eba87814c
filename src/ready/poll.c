// SPDX-License-Identifier: BSD-2-Clause
/*
 * The sleeping itself. One round: arm every connection, which tells what is
 * ready or which kernel fds will have the news; sleep in ppoll(2) on those,
 * the plain fds and the bell; look again.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/critical.h"
#include "base/memory.h"
#include "base/real.h"
#include "ready/asleep.h"
#include "ready/bell.h"
#include "ready/epoll.h"
#include "ready/ready.h"
#include "ready/spin.h"

#define FEW 16		/* fds that need no heap */
#define NO_BELL_US 5000	/* RLIMIT_NOFILE is reached: look this often */

struct member {
	struct conn *conn;	/* NULL: a plain fd */
	struct bell_waiter waiter;
	int at;			/* its first place in the kernel's array */
};

struct round {
	struct pollfd *fds;	/* the caller's */
	nfds_t count;
	struct member *members;
	struct pollfd *kernel;	/* bell, then each member's */
	nfds_t used;
	uint64_t until_us, deadline_us;
	int bell;		/* < 0: none could be had */
	bool plain;		/* one of the fds is no connection of ours */
	bool look_only;
	bool on_stack;		/* there was no room in the yard */
	bool tries;		/* the caller tries again, whatever it was */
};

uint64_t ready_until(const struct timespec *timeout)
{
	if (!timeout)
		return READY_FOREVER;
	return clock_until(timeout->tv_sec, (timeout->tv_nsec + 999) / 1000);
}

static struct conn *hold_conn(int fd)
{
	struct fdtab_object *object = fd < 0 ? NULL : fdtab_hold(fd, NULL);
	struct conn *conn = conn_from(object);

	if (object && !conn)
		fdtab_release(object);
	return conn;
}

static void hold_all(struct round *round)
{
	nfds_t i;

	for (i = 0; i < round->count; i++) {
		struct member *member = &round->members[i];

		member->conn = hold_conn(round->fds[i].fd);
		if (!member->conn)
			round->plain = true;
		else if (!round->look_only)
			bell_hang(&member->waiter, round->bell, member->conn);
	}
}

static void release_all(struct round *round)
{
	nfds_t i;

	for (i = 0; i < round->count; i++) {
		struct member *member = &round->members[i];

		if (!member->conn)
			continue;
		bell_unhang(&member->waiter, member->conn);
		fdtab_release(conn_object(member->conn));
	}
}

static void free_arrays(struct round *round)
{
	if (round->count <= FEW)
		return;
	memory_free(round->members);
	memory_free(round->kernel);
}

/* The sleeper was cancelled. Its own call's reference is among the members'. */
static void forsaken(void *arg)
{
	release_all(arg);
	free_arrays(arg);
}

static int sleep_in_kernel(struct round *round, const struct timespec *timeout,
			   const sigset_t *mask)
{
	struct asleep_seal seal = { .forsake = forsaken, .arg = round,
				    .on_stack = round->on_stack };
	int ret;

	pthread_cleanup_push(asleep_cancelled, &seal);
	asleep_begin(&seal);
	ret = real.ppoll(round->kernel, round->used, timeout, mask);
	asleep_end(&seal);
	pthread_cleanup_pop(0);
	return ret;
}

static void add_kernel(struct round *round, int fd, short events)
{
	struct pollfd *entry = &round->kernel[round->used++];

	entry->fd = fd;
	entry->events = events;
	entry->revents = 0;
}

static void wake_by(struct round *round, uint64_t deadline_ms)
{
	if (deadline_ms != UINT64_MAX &&
	    deadline_ms * 1000 < round->deadline_us)
		round->deadline_us = deadline_ms * 1000;
}

static short arm_member(struct round *round, struct member *member,
			short events)
{
	struct conn_wait wait = { .asked_next = round->tries };
	short bits;
	int i;

	if (round->look_only)
		return conn_ready(member->conn, events);
	bits = conn_arm(member->conn, events, &wait, &member->waiter.waiter);
	if (bits)
		return bits;
	for (i = 0; i < wait.count; i++)
		add_kernel(round, wait.fds[i].fd, wait.fds[i].events);
	wake_by(round, wait.deadline_ms);
	return 0;
}

/* An epoll fd of ours is a plain fd once what is in it is armed. */
static void add_plain(struct round *round, const struct pollfd *entry)
{
	struct fdtab_object *object = NULL;
	struct epollset *set;

	if (entry->fd >= 0 && fdtab_maybe(entry->fd))
		object = fdtab_hold(entry->fd, NULL);
	set = epollset_from(object);
	if (set)
		wake_by(round, epollset_prepare(set));
	if (object)
		fdtab_release(object);
	add_kernel(round, entry->fd, entry->events);
}

/* Check and arm: how many connections are ready. */
static int arm_all(struct round *round)
{
	nfds_t i;
	int ready = 0;

	round->used = 0;
	round->deadline_us = round->until_us;
	if (round->bell < 0 && !round->look_only &&
	    clock_us() + NO_BELL_US < round->deadline_us)
		round->deadline_us = clock_us() + NO_BELL_US;
	add_kernel(round, round->bell, POLLIN);
	for (i = 0; i < round->count; i++) {
		struct pollfd *entry = &round->fds[i];
		struct member *member = &round->members[i];

		entry->revents = 0;
		member->at = (int)round->used;
		if (!member->conn)
			add_plain(round, entry);
		else if ((entry->revents = arm_member(round, member,
						      entry->events)))
			ready++;
	}
	return ready;
}

static const struct timespec *time_left(uint64_t until_us,
					struct timespec *left)
{
	uint64_t now;

	if (until_us == READY_FOREVER)
		return NULL;
	now = clock_us();
	now = now < until_us ? until_us - now : 0;
	left->tv_sec = (time_t)(now / 1000000);
	left->tv_nsec = (long)(now % 1000000) * 1000;
	return left;
}

static int collect_plain(struct round *round)
{
	nfds_t i;
	int ready = 0;

	for (i = 0; i < round->count; i++) {
		if (round->members[i].conn)
			continue;
		round->fds[i].revents =
			round->kernel[round->members[i].at].revents;
		ready += round->fds[i].revents != 0;
	}
	return ready;
}

/* One round; -EAGAIN: nothing yet, another one. */
static int sleep_round(struct round *round, const sigset_t *mask)
{
	struct timespec left, none = { 0, 0 };
	const struct timespec *timeout;
	int ret, ready = arm_all(round);
	bool again;

	if (ready && !round->plain)
		return ready;
	again = bell_rung();
	if (again && !round->plain && !round->look_only)
		return round->tries ? 1 : -EAGAIN;
	timeout = ready || again || round->look_only
			  ? &none
			  : time_left(round->deadline_us, &left);
	ret = sleep_in_kernel(round, timeout, mask);
	if (ret < 0)
		return ready ? ready : -errno;
	if (round->kernel[0].revents)
		bell_clear(round->bell);
	ready += collect_plain(round);
	if (ready || round->look_only)
		return ready;
	if (round->tries && ret > 0)
		return ret;
	if (round->until_us != READY_FOREVER && clock_us() >= round->until_us) {
		round->look_only = true;	/* a last look */
	}
	return -EAGAIN;
}

static void spin(const struct round *round, struct spin_wait *wait)
{
	struct spin spin = { .count = 0 };
	nfds_t i;

	for (i = 0; i < round->count && spin.count <= SPIN_MOST; i++)
		if (round->members[i].conn)
			spin_add(&spin, round->members[i].conn,
				 round->fds[i].events);
	spin_over(&spin, wait, round->until_us);
}

/*
 * Rounds until there is something. Signals are held back but for the sleep
 * itself: one that came between the look and the sleep must interrupt it.
 */
static int sleep_rounds(struct round *round, const sigset_t *mask)
{
	struct spin_wait wait = { 0 };
	sigset_t own;
	int ret;

	if (round->look_only)
		return sleep_round(round, mask);
	critical_block(&own);
	spin(round, &wait);
	do {
		ret = sleep_round(round, mask ? mask : &own);
	} while (ret == -EAGAIN);
	spin_slept(&wait, ret > 0);
	critical_unblock(&own);
	return ret;
}

/* What a poll() of few fds needs, in the thread's yard. */
struct few {
	struct round round;
	struct member members[FEW];
	struct pollfd kernel[1 + FEW * CONN_WAITS];
};

static int poll_round(struct round *round, const sigset_t *mask)
{
	nfds_t count = round->count;
	int ret;

	round->bell = bell_fd();
	if (count > FEW) {
		round->members = memory_array(count, sizeof(*round->members));
		round->kernel = memory_array(1 + count * CONN_WAITS,
				       sizeof(*round->kernel));
	}
	if (round->members && round->kernel) {
		round->look_only = round->until_us != READY_FOREVER &&
				   clock_us() >= round->until_us;
		cancel_hold();
		hold_all(round);
		ret = sleep_rounds(round, mask);
		release_all(round);
		cancel_release();
	} else {
		ret = -ENOMEM;
	}
	free_arrays(round);
	return ret;
}

int ready_poll(struct pollfd *fds, nfds_t count, uint64_t until_us,
	       const sigset_t *mask)
{
	struct few own, *few;
	int ret;

	pthread_testcancel();
	few = asleep_room(sizeof(*few));
	if (!few)
		few = &own;
	few->round = (struct round){ .fds = fds, .count = count,
				     .members = few->members,
				     .kernel = few->kernel,
				     .until_us = until_us,
				     .on_stack = few == &own };
	memset(few->members, 0, sizeof(few->members));
	ret = poll_round(&few->round, mask);
	if (few != &own)
		asleep_leave(few);
	return ret;
}

/* And what a sleep on one connection needs. */
struct one {
	struct round round;
	struct member member;
	struct pollfd kernel[1 + CONN_WAITS];
};

static void hang(struct one *one, const struct one *own, struct conn *conn,
		 struct pollfd *entry, uint64_t until_us)
{
	one->member = (struct member){ .conn = conn };
	one->round = (struct round){ .fds = entry, .count = 1,
				     .members = &one->member,
				     .kernel = one->kernel,
				     .until_us = until_us,
				     .on_stack = one == own,
				     .bell = bell_fd() };
	bell_hang(&one->member.waiter, one->round.bell, conn);
}

static void unhang(struct one *one, const struct one *own, struct conn *conn)
{
	bell_unhang(&one->member.waiter, conn);
	if (one != own)
		asleep_leave(one);
}

int ready_wait(struct conn *conn, short events, uint64_t until_us)
{
	struct pollfd entry = { .fd = -1, .events = events };
	struct one own, *one = asleep_room(sizeof(*one));
	int ret;

	if (!one)
		one = &own;
	hang(one, &own, conn, &entry, until_us);
	ret = sleep_rounds(&one->round, NULL);
	unhang(one, &own, conn);
	return ret > 0 ? entry.revents : ret;
}

int ready_sleep(struct conn *conn, short events, uint64_t until_us,
		const sigset_t *mask)
{
	struct pollfd entry = { .fd = -1, .events = events };
	struct one own, *one = asleep_room(sizeof(*one));
	int ret;

	if (!one)
		one = &own;
	hang(one, &own, conn, &entry, until_us);
	one->round.tries = true;
	do {
		ret = sleep_round(&one->round, mask);
	} while (ret == -EAGAIN);
	unhang(one, &own, conn);
	return ret;
}

void ready_after_fork(void)
{
	bell_after_fork();
	epollset_after_fork();
}
