// SPDX-License-Identifier: BSD-2-Clause
/*
 * The service thread: one per process, started on first need, all signals
 * blocked. It watches the TCP legs that no application thread may be looking
 * at: greetings of non-blocking connects, and control records of lanes.
 *
 * A watched connection is held. Only this thread gives up that hold, between
 * two rounds, so an event's pointer is always good.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/critical.h"
#include "base/fd.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/drain.h"
#include "conn/family.h"
#include "conn/internal.h"
#include "conn/limits.h"
#include "conn/operator.h"

#define EVENTS 64
#define POLICY_MS 1000	/* between looks for a new policy, with lanes */
#define CHANNEL UINT64_C(1)	/* tag of an event's data: children */

static struct lock lock = LOCK_INIT(service);
static int epoll = -1, bell = -1;
static int control = -1;	/* the socket for operators */
static struct conn *watched, *gone;
static atomic_bool started;
static atomic_bool behind;	/* jobs wait for a thread */
static int timer = -1;		/* timer.c's */

static void wake(void)
{
	uint64_t one = 1;
	int saved = errno;

	if (bell >= 0 && real.write(bell, &one, sizeof(one)) < 0)
		errno = saved;
	errno = saved;
}

/* The thread's own: the policy that lanes were judged by, held; its number. */
static struct policy *policy;
static unsigned policy_number;
static uint64_t policy_due_ms;

/* A watched connection that follows this one, held; NULL: it was the last. */
static struct conn *next_watched(struct conn *after)
{
	struct conn *conn;

	lock_acquire(&lock);
	conn = after ? after->watch.next : watched;
	if (conn)
		conn_hold(conn);
	lock_release(&lock);
	if (after)
		conn_drop(after);
	return conn;
}

/*
 * Who has a lane wants to hear of a new policy, though nothing asks for one.
 * Only then is every connection looked at.
 */
static void look_for_policy(uint64_t now)
{
	struct conn *conn = NULL;
	struct policy *newest;

	if (carrier->live() == 0 || now < policy_due_ms)
		return;
	policy_due_ms = now + POLICY_MS;
	operator_knock(control);	/* who came when there was no fd */
	newest = policy_hold_current();
	if (newest == policy) {
		policy_release(newest);
		return;
	}
	if (policy)
		policy_release(policy);
	policy = newest;
	policy_number++;
	while ((conn = next_watched(conn)))
		tick(conn);
}

void drain_if_judged(struct conn *conn)
{
	if (!policy || conn_state(conn) != STATE_on_rdma ||
	    conn->close.lingering || conn->watch.judged == policy_number)
		return;
	conn->watch.judged = policy_number;
	drain_by_policy(conn, policy);
}

/* What is watched no more, and whose events this thread may have had. */
static void drop_gone(void)
{
	struct conn *conn, *next;

	lock_acquire(&lock);
	conn = gone;
	gone = NULL;
	lock_release(&lock);
	for (; conn; conn = next) {
		next = conn->watch.next;
		conn_drop(conn);
	}
}

/* The timer has rung: each whose time has come. */
static void run_timers(void)
{
	uint64_t rings, now = clock_ms();
	struct conn *conn;

	(void)!real.read(timer, &rings, sizeof(rings));
	while ((conn = timer_due(now))) {
		tick(conn);
		conn_drop(conn);
	}
}

static int time_to_sleep(void)
{
	uint64_t now = clock_ms();

	if (carrier->live() == 0)
		return -1;
	return policy_due_ms > now ? (int)(policy_due_ms - now) : 0;
}

static void *service_thread(void *arg)
{
	struct epoll_event events[EVENTS];
	uint64_t rings;
	int i, count;

	(void)arg;
	for (;;) {
		drop_gone();
		audit_table();
		if (atomic_exchange(&behind, false))
			work_catch_up();
		look_for_policy(clock_ms());
		count = real.epoll_pwait(epoll, events, EVENTS,
					 time_to_sleep(), NULL);
		for (i = 0; i < count; i++) {
			if (events[i].data.ptr == &control)
				operator_knock(control);
			else if (events[i].data.u64 & CHANNEL)
				family_hear((void *)(uintptr_t)(
					events[i].data.u64 & ~CHANNEL));
			else if (events[i].data.ptr == &timer)
				run_timers();
			else if (events[i].data.ptr)
				tick(events[i].data.ptr);
			else if (real.read(bell, &rings, sizeof(rings)) < 0)
				continue;
		}
	}
	return NULL;
}

bool service_catch_up(void)
{
	if (!started)
		return false;
	atomic_store(&behind, true);
	wake();
	return true;
}

static int start_thread(void)
{
	pthread_t thread;
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, NULL, service_thread, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret == 0)
		pthread_detach(thread);
	return -ret;
}

/* With lock. A process does without it, if need be. */
static void listen_to_operators(void)
{
	/* Edge-triggered: at EMFILE accept() leaves him where he is. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLET,
				     .data.ptr = &control };

	control = operator_listen();
	if (control < 0)
		return;
	if (real.epoll_ctl(epoll, EPOLL_CTL_ADD, control, &event) != 0) {
		fd_close(control);
		control = -1;
	}
}

/* With lock. */
static int start(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct epoll_event ring = { .events = EPOLLIN,
				    .data.ptr = &timer };

	if (started)
		return 0;
	if (critical_in_handler())
		return -EAGAIN;	/* pthread_create(3) allocates */
	epoll = real.epoll_create1(EPOLL_CLOEXEC);
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	timer = timer_fd();
	if (epoll < 0 || bell < 0 || timer < 0)
		goto failed;
	epoll = fd_lift(epoll);
	bell = fd_lift(bell);
	if (real.epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &event) != 0 ||
	    real.epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &ring) != 0)
		goto failed;
	listen_to_operators();
	if (start_thread() != 0)
		goto failed;
	started = true;
	return 0;
failed:
	if (epoll >= 0)
		fd_close(epoll);
	if (bell >= 0)
		fd_close(bell);
	if (control >= 0)
		fd_close(control);
	epoll = bell = control = -1;
	return -ENOMEM;
}

/* With lock. Edge-triggered: adding it reports what is there already. */
static int watch(struct conn *conn)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = conn,
	};

	/* The thread may have its first event before we return. */
	conn->watch.on = true;
	if (real.epoll_ctl(epoll, EPOLL_CTL_ADD, conn->tcp, &event) != 0) {
		conn->watch.on = false;
		return -errno;
	}
	conn_hold(conn);
	conn->watch.next = watched;
	conn->watch.link = &watched;
	if (watched)
		watched->watch.link = &conn->watch.next;
	watched = conn;
	return 0;
}

int service_watch(struct conn *conn)
{
	int ret, saved = errno;

	lock_acquire(&lock);
	ret = conn->watch.on || conn->watch.done ? 0 : start();
	if (ret == 0 && !conn->watch.on && !conn->watch.done)
		ret = watch(conn);
	lock_release(&lock);
	service_look(conn);
	errno = saved;
	return ret;
}

void service_look(struct conn *conn)
{
	if (conn->watch.on)
		timer_by(conn, 0);
}

int service_start(void)
{
	int ret;

	if (started)
		return 0;
	lock_acquire(&lock);
	ret = start();
	lock_release(&lock);
	return ret;
}

void service_unwatch(struct conn *conn)
{
	int saved = errno;
	bool was;

	timer_forget(conn);
	lock_acquire(&lock);
	was = conn->watch.on;
	if (was) {
		real.epoll_ctl(epoll, EPOLL_CTL_DEL, conn->tcp, NULL);
		*conn->watch.link = conn->watch.next;
		if (conn->watch.next)
			conn->watch.next->watch.link = conn->watch.link;
		conn->watch.next = gone;
		gone = conn;
	}
	conn->watch.on = false;
	conn->watch.done = true;
	lock_release(&lock);
	if (was)
		wake();
	errno = saved;
}

int service_watch_channel(int channel, void *children)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = (uintptr_t)children | CHANNEL,
	};
	int ret, saved = errno;

	lock_acquire(&lock);
	ret = start();
	if (ret == 0 && real.epoll_ctl(epoll, EPOLL_CTL_ADD, channel,
				       &event) != 0)
		ret = -errno;
	lock_release(&lock);
	errno = saved;
	return ret;
}

void service_unwatch_channel(int channel)
{
	/* Locked: who watched it must have come back from that. */
	lock_acquire(&lock);
	real.epoll_ctl(epoll, EPOLL_CTL_DEL, channel, NULL);
	lock_release(&lock);
}

bool service_holds(void)
{
	struct conn *conn;
	bool any = false;

	lock_acquire(&lock);
	for (conn = watched; conn && !any; conn = conn->watch.next)
		any = !conn->forked.parent && hold_waits(conn);
	lock_release(&lock);
	return any;
}

bool service_retreats(bool late, bool give_up)
{
	const struct linger reset = { .l_onoff = 1 };
	struct conn *conn;
	bool any = false, late_now;

	lock_acquire(&lock);
	for (conn = watched; conn; conn = conn->watch.next) {
		if (!conn->watch.on || conn->forked.parent ||
		    (conn_state(conn) != STATE_retreating &&
		     !conn->leave.begun && !hold_waits(conn)))
			continue;
		late_now = late && retreat_owed(conn);
		any |= !late_now;
		if (late_now ||
		    (give_up && (conn->tx.stage == TX_RETREAT ||
				 conn->leave.begun || hold_any(conn))))
			real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER,
					&reset, sizeof(reset));
	}
	lock_release(&lock);
	return any;
}

/* What our parent has closed must not stay open because of us. */
static void close_ended(void)
{
	struct conn *conn;

	for (conn = watched; conn; conn = conn->watch.next)
		if (atomic_load(&conn->object.references) == 0)
			fd_park(conn->tcp);
}

void service_after_fork(void)
{
	close_ended();
	lock_init(&lock, LOCK_service);
	limits_after_fork();
	if (epoll >= 0)
		fd_close(epoll);
	if (bell >= 0)
		fd_close(bell);
	if (control >= 0)
		fd_close(control);
	timer_after_fork();
	operator_after_fork();
	epoll = bell = control = -1;
	policy = NULL;		/* the parent's thread holds it, for good */
	policy_due_ms = 0;
	watched = gone = NULL;
	started = false;
}
