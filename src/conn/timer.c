// SPDX-License-Identifier: BSD-2-Clause
/*
 * When the service thread is to look at a connection next: a heap, and one
 * timerfd for its top, so that who sets a time wakes nobody, and a wake-up
 * costs what is due. Each connection in it is held.
 *
 * The application's threads set times for what they may leave alone: bytes that
 * are held for the greeting, or are outstanding on a lane.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/core.h"
#include "conn/loop.h"
#include "conn/parts.h"
#include "conn/timer.h"

#define ROOM_FIRST 64

static struct lock lock = LOCK_INIT(timer);
static int timer = -1;
static uint64_t rings_ms = TIME_NEVER;	/* what the timerfd is set to */
static struct conn **heap;		/* places 1 to count */
static unsigned count, room, turns;

static void run_timers(void *arg);
static struct loop_source source = { .ready = run_timers };

int timer_begin(void)
{
	int made = -1;

	if (timer < 0)
		made = real.timerfd_create(CLOCK_MONOTONIC,
					   TFD_CLOEXEC | TFD_NONBLOCK);
	if (made >= 0)
		timer = fd_lift(made);
	return timer < 0 ? -EMFILE : loop_add_held(timer, EPOLLIN, &source);
}

/* With lock. */
static void put(struct conn *conn, unsigned place)
{
	heap[place] = conn;
	conn->watch.place = place;
}

/* With lock. Of two that are due at once, who was set first is. */
static bool is_before(const struct conn *a, const struct conn *b)
{
	return a->watch.due_ms < b->watch.due_ms ||
	       (a->watch.due_ms == b->watch.due_ms &&
		(int)(a->watch.turn - b->watch.turn) < 0);
}

/* With lock: towards the top, or the bottom, as far as it has to. */
static void sift(unsigned place)
{
	struct conn *conn = heap[place];
	unsigned child;

	while (place > 1 && is_before(conn, heap[place / 2])) {
		put(heap[place / 2], place);
		place /= 2;
	}
	while ((child = 2 * place) <= count) {
		if (child < count && is_before(heap[child + 1], heap[child]))
			child++;
		if (!is_before(heap[child], conn))
			break;
		put(heap[child], place);
		place = child;
	}
	put(conn, place);
}

/* With lock. False: no memory. */
static bool enter(struct conn *conn)
{
	unsigned more = room ? room * 2 : ROOM_FIRST;
	struct conn **grown;

	if (count + 1 >= room) {
		grown = memory_resize(heap, more * sizeof(struct conn *));
		if (!grown)
			return false;
		heap = grown;
		room = more;
	}
	conn_hold(conn);
	put(conn, ++count);
	return true;
}

/* With lock; its hold is the caller's now. */
static void take_out(struct conn *conn)
{
	unsigned place = conn->watch.place;
	struct conn *last = heap[count--];

	conn->watch.place = 0;
	conn->watch.due_ms = TIME_NEVER;
	if (last == conn)
		return;
	put(last, place);
	sift(place);
}

/* With lock: the timerfd rings for the top, or before. */
static void set_clock(void)
{
	uint64_t now = clock_ms(),
		 due = count ? heap[1]->watch.due_ms : TIME_NEVER;
	uint64_t in = due > now ? due - now : 0;
	/* Not zero, which would be never. */
	struct itimerspec time = {
		.it_value = { (time_t)(in / 1000),
			      (long)(in % 1000) * 1000000 + 1 }
	};

	if (due >= rings_ms || due == TIME_NEVER)
		return;
	rings_ms = due;
	timerfd_settime(timer, 0, &time, NULL);
}

/* With lock. */
static void set(struct conn *conn, uint64_t due_ms)
{
	conn->watch.due_ms = due_ms;
	conn->watch.turn = turns++;
	if (!conn->watch.place && !enter(conn))
		return;		/* events will have it looked at */
	sift(conn->watch.place);
	set_clock();
}

void timer_by(struct conn *conn, uint64_t due_ms)
{
	int saved = errno;

	if (due_ms == TIME_AT_ONCE)	/* behind what is due already */
		due_ms = clock_ms();
	if (due_ms == TIME_NEVER || (!loop_runs() && loop_start() != 0))
		return;
	lock_acquire(&lock);
	if (!conn->watch.place || due_ms < conn->watch.due_ms)
		set(conn, due_ms);
	lock_release(&lock);
	errno = saved;
}

void timer_forget(struct conn *conn)
{
	bool was;

	lock_acquire(&lock);
	was = conn->watch.place;
	if (was)
		take_out(conn);
	lock_release(&lock);
	if (was)
		conn_drop(conn);
}

static unsigned next_turn(void)
{
	unsigned turn;

	lock_acquire(&lock);
	turn = turns;
	lock_release(&lock);
	return turn;
}

/* Whose time has come, set before this turn, held; NULL: nobody's. */
static struct conn *next_due(uint64_t now_ms, unsigned turn)
{
	struct conn *conn = NULL;

	lock_acquire(&lock);
	if (count && heap[1]->watch.due_ms <= now_ms &&
	    (int)(heap[1]->watch.turn - turn) < 0) {
		conn = heap[1];
		take_out(conn);
	} else {
		rings_ms = TIME_NEVER;
		set_clock();
	}
	lock_release(&lock);
	return conn;
}

/* It has rung. What is set meanwhile waits until others had their events. */
static void run_timers(void *arg)
{
	uint64_t rings, now = clock_ms();
	unsigned turn = next_turn();
	struct conn *conn;

	(void)arg;
	(void)!real.read(timer, &rings, sizeof(rings));
	while ((conn = next_due(now, turn))) {
		loop_hooks.look(conn);
		conn_drop(conn);
	}
}

void timer_after_fork(void)
{
	lock_init(&lock, LOCK_timer);
	if (timer >= 0)
		fd_close(timer);
	timer = -1;
	rings_ms = TIME_NEVER;
	memory_free(heap);
	heap = NULL;
	count = room = 0;
}
