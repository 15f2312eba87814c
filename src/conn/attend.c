// SPDX-License-Identifier: BSD-2-Clause
/*
 * Greetings that the application may leave alone: bytes are held and it does
 * something else, or it has accepted and does not look. Mostly its own threads
 * see to the greeting at once, and to watch each connection for that would cost
 * the service thread a wake-up. So a connection is noted here, and one timer
 * rings for all: those whose greeting is not over by then are watched.
 */
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/real.h"
#include "conn/internal.h"

static struct lock lock = LOCK_INIT(attend);
static int timer = -1;
static uint64_t rings_ms = TIME_NEVER;
static struct conn *noted;

int attend_timer(void)
{
	int made = -1;

	if (timer < 0)
		made = real.timerfd_create(CLOCK_MONOTONIC,
					   TFD_CLOEXEC | TFD_NONBLOCK);
	if (made >= 0)
		timer = fd_lift(made);
	return timer;
}

/* With lock. */
static void enter(struct conn *conn)
{
	conn_hold(conn);
	conn->attend_ms = TIME_NEVER;
	conn->attend_next = noted;
	conn->attend_link = &noted;
	if (noted)
		noted->attend_link = &conn->attend_next;
	noted = conn;
}

/* With lock; its hold is the caller's now. */
static void take_out(struct conn *conn)
{
	*conn->attend_link = conn->attend_next;
	if (conn->attend_next)
		conn->attend_next->attend_link = conn->attend_link;
	conn->attend_link = NULL;
}

/* With lock: ring then, if not before. */
static void ring_at(uint64_t due_ms)
{
	uint64_t now = clock_ms(), in = due_ms > now ? due_ms - now : 1;
	struct itimerspec time = {
		.it_value = { (time_t)(in / 1000), (long)(in % 1000) * 1000000 }
	};

	if (due_ms >= rings_ms)
		return;
	rings_ms = due_ms;
	timerfd_settime(timer, 0, &time, NULL);
}

void attend_after(struct conn *conn, unsigned ms)
{
	uint64_t due_ms = clock_ms() + ms;
	int saved = errno;

	if (conn->watched || service_start() != 0)
		return;
	lock_acquire(&lock);
	if (!conn->attend_link)
		enter(conn);
	if (due_ms < conn->attend_ms)
		conn->attend_ms = due_ms;
	ring_at(conn->attend_ms);
	lock_release(&lock);
	errno = saved;
}

void attend_forget(struct conn *conn)
{
	bool was;

	lock_acquire(&lock);
	was = conn->attend_link != NULL;
	if (was)
		take_out(conn);
	lock_release(&lock);
	if (was)
		conn_drop(conn);
}

/* With lock. One that is due; NULL: none is, and the timer is set. */
static struct conn *next_due(uint64_t now)
{
	struct conn *conn;

	for (conn = noted; conn; conn = conn->attend_next) {
		if (conn->attend_ms <= now) {
			take_out(conn);
			return conn;
		}
		ring_at(conn->attend_ms);
	}
	return NULL;
}

/*
 * In a process that shares a connection with its children, who touches it
 * first is to have it.
 */
static void look_after(struct conn *conn)
{
	if (conn->share || (conn_state(conn) != STATE_greeting &&
			    conn->tx != TX_RELEASE))
		return;
	service_watch(conn);
	greeting_look(conn);
}

void attend_rung(void)
{
	uint64_t rings, now = clock_ms();
	struct conn *conn;

	(void)!real.read(timer, &rings, sizeof(rings));
	lock_acquire(&lock);
	rings_ms = TIME_NEVER;
	while ((conn = next_due(now))) {
		lock_release(&lock);
		look_after(conn);
		conn_drop(conn);
		lock_acquire(&lock);
	}
	lock_release(&lock);
}

void attend_after_fork(void)
{
	lock_init(&lock, LOCK_attend);
	if (timer >= 0)
		fd_close(timer);
	timer = -1;
	rings_ms = TIME_NEVER;
	noted = NULL;
}
