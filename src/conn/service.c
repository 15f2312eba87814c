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
#include "base/fd.h"
#include "base/real.h"
#include "conn/drain.h"
#include "conn/family.h"
#include "conn/internal.h"
#include "conn/limits.h"
#include "conn/operator.h"

#define EVENTS 64
#define TICK_MS 500	/* the longest a deadline may go unseen */
#define CLOSE_MS 500	/* CLOSE may come behind the lane's own end */
#define LEAVE_MS 1	/* what is on the lane still comes in */
#define POLICY_MS 1000	/* between looks for a new policy, with lanes */
#define CHANNEL UINT64_C(1)	/* tag of an event's data: children */

static struct lock lock = LOCK_INIT(service);
static int epoll = -1, bell = -1;
static int control = -1;	/* the socket for operators */
static struct conn *watched;
static atomic_bool started;
static int timer = -1;		/* attend.c's */
static atomic_bool idle;	/* nothing is outstanding: no tick is due */

void service_wake(void)
{
	uint64_t one = 1;
	int saved = errno;

	if (bell >= 0 && real.write(bell, &one, sizeof(one)) < 0)
		errno = saved;
	errno = saved;
}

/*
 * Is there anything that should still have come or gone by the lane? If it is
 * being left in order, leave.c knows.
 */
static bool lane_is_missed(const struct conn *conn)
{
	return !leave_waits(conn) &&
	       (conn->rx_end != conn->rx_bytes ||
		!(conn->peer_close & WIRE_CLOSE_FULL));
}

/* The time the RDMA lane was given after its end, or the peer's, is over. */
static void time_over(struct conn *conn)
{
	conn->deadline_ms = TIME_NEVER;
	if (conn->leg != LEG_OPEN) {
		conn->lane_over = true;
		conn_ring(conn, NULL);
	} else if (conn->lane_over && lane_is_missed(conn) &&
		   !conn_lane_holds(conn, 1)) {
		retreat_lane(conn, REASON_lane_dead);
	}
}

/*
 * A lane is dead when bytes are outstanding and the peer, asked, has not seen
 * them for stall_timeout. An application that does not read is no sign of it.
 */
static bool look_for_stall(struct conn *conn, uint64_t now)
{
	uint32_t most = conn->decision.lane.stall_timeout_ms;

	if (conn->probed)
		control_answer_probe(conn);
	if (conn->replay.limit == 0 || (conn->peer_close & WIRE_CLOSE_FULL))
		return false;
	if (conn->acked == conn->tx_bytes)
		conn->progress_ms = 0;
	else if (conn->progress_ms == 0)
		conn->progress_ms = now;
	else if (now - conn->progress_ms >= most)
		retreat_lane(conn, REASON_lane_stalled);
	else if (now - conn->progress_ms >= most / 2 && !conn->probe_sent) {
		conn->probe_sent = true;
		control_say(conn, WIRE_PROBE, 0, conn->tx_bytes);
	}
	return conn->probed || conn->acked != conn->tx_bytes;
}

/* True: it has to be looked at again soon. */
static bool tick(struct conn *conn, uint64_t now)
{
	enum conn_state state = conn_state(conn);
	bool soon = conn->lingering;

	if (conn->lingering && end_linger_over(conn, now)) {
		conn->lingering = false;
		service_unwatch(conn);
		return false;
	}
	if (state == STATE_on_rdma && conn->leg == LEG_OPEN &&
	    conn->tx == TX_LANE)
		soon |= look_for_stall(conn, now);

	if (state == STATE_connecting || state == STATE_greeting) {
		if (now >= conn->greeting.deadline_ms)
			greeting_look(conn);
		return false;
	}
	if (conn->lane_over && conn->leg == LEG_OPEN && !conn->lingering &&
	    conn->deadline_ms == TIME_NEVER && state == STATE_on_rdma &&
	    lane_is_missed(conn) && !conn_lane_holds(conn, 1))
		conn->deadline_ms =
			conn->rx_end == OFFSET_NEVER ? now + CLOSE_MS : now;
	if (conn->rx == RX_MAYBE)
		conn_find_stage(conn);
	if (now >= conn->deadline_ms && !conn->lingering)
		time_over(conn);
	return soon;
}

/* The thread's own: the policy that lanes were judged by, held; its number. */
static struct policy *policy;
static unsigned policy_number;
static uint64_t policy_due_ms;

/* Who has a lane wants to hear of a new policy, though nothing asks for one. */
static void look_for_policy(uint64_t now)
{
	struct policy *newest;

	if (now < policy_due_ms)
		return;
	policy_due_ms = now + POLICY_MS;
	newest = policy_hold_current();
	if (newest == policy) {
		policy_release(newest);
		return;
	}
	if (policy)
		policy_release(policy);
	policy = newest;
	policy_number++;
}

/* True: it is on a lane, which a policy may say something of. */
static bool judge(struct conn *conn, uint64_t now)
{
	if (conn_state(conn) != STATE_on_rdma || conn->lingering)
		return false;
	look_for_policy(now);
	if (conn->judged != policy_number) {
		conn->judged = policy_number;
		drain_by_policy(conn, policy);
	}
	return true;
}

static void look(struct conn *conn)
{
	if (!conn->watched)
		return;
	if (conn->state == STATE_connecting || conn->state == STATE_greeting)
		greeting_look(conn);
	if (conn->tx == TX_RELEASE)
		hold_release(conn);
	control_flush(conn);
	control_look(conn);
	family_pay(conn);
	if (conn->lingering)
		tick(conn, clock_ms());
}

/* The next of the list that is still watched, held; drops the unwatched. */
static struct conn *next_watched(struct conn *after)
{
	struct conn **link, *conn, *gone = NULL;

	lock_acquire(&lock);
	link = after ? &after->service_next : &watched;
	while ((conn = *link) && !conn->watched) {
		*link = conn->service_next;
		conn->service_next = gone;
		gone = conn;
	}
	lock_release(&lock);
	while (gone) {
		struct conn *next = gone->service_next;

		conn_drop(gone);
		gone = next;
	}
	return conn;
}

/* Look at every deadline; how long until the next, in milliseconds. */
static int tick_all(void)
{
	uint64_t now = clock_ms(), next = TIME_NEVER;
	struct conn *conn = NULL;
	bool soon = false;

	audit_table();
	idle = true;
	while ((conn = next_watched(conn))) {
		soon |= tick(conn, now);
		if (leave_look(conn) && now + LEAVE_MS < next)
			next = now + LEAVE_MS;
		if (judge(conn, now) && policy_due_ms < next)
			next = policy_due_ms;
		if (conn->deadline_ms < next)
			next = conn->deadline_ms;
		if (conn->greeting.deadline_ms < next)
			next = conn->greeting.deadline_ms;
	}
	if (soon) {
		idle = false;	/* nobody has to wake us for that */
		if (now + TICK_MS < next)
			next = now + TICK_MS;
	}
	if (next == TIME_NEVER)
		return -1;
	now = clock_ms();
	return next > now ? (int)(next - now) : 0;
}

static void *service_thread(void *arg)
{
	struct epoll_event events[EVENTS];
	uint64_t rings;
	int i, count;

	(void)arg;
	for (;;) {
		count = real.epoll_pwait(epoll, events, EVENTS, tick_all(),
					 NULL);
		for (i = 0; i < count; i++) {
			if (events[i].data.ptr == &control)
				operator_knock(control);
			else if (events[i].data.u64 & CHANNEL)
				family_hear((void *)(uintptr_t)(
					events[i].data.u64 & ~CHANNEL));
			else if (events[i].data.ptr == &timer)
				attend_rung();
			else if (events[i].data.ptr)
				look(events[i].data.ptr);
			else if (real.read(bell, &rings, sizeof(rings)) < 0)
				continue;
		}
	}
	return NULL;
}

void service_outstanding(void)
{
	if (atomic_load_explicit(&idle, memory_order_relaxed) &&
	    atomic_exchange(&idle, false))
		service_wake();
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
	struct epoll_event event = { .events = EPOLLIN,
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
	epoll = real.epoll_create1(EPOLL_CLOEXEC);
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	timer = attend_timer();
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
	conn->watched = true;
	if (real.epoll_ctl(epoll, EPOLL_CTL_ADD, conn->tcp, &event) != 0) {
		conn->watched = false;
		return -errno;
	}
	conn_hold(conn);
	conn->service_next = watched;
	watched = conn;
	return 0;
}

int service_watch(struct conn *conn)
{
	int ret, saved = errno;

	lock_acquire(&lock);
	ret = conn->watched || conn->unwatched ? 0 : start();
	if (ret == 0 && !conn->watched && !conn->unwatched)
		ret = watch(conn);
	lock_release(&lock);
	service_look(conn);
	errno = saved;
	return ret;
}

/* Touch the registration: an edge-triggered fd reports its state again. */
void service_look(struct conn *conn)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = conn,
	};
	int saved = errno;

	lock_acquire(&lock);
	if (conn->watched)
		real.epoll_ctl(epoll, EPOLL_CTL_MOD, conn->tcp, &event);
	lock_release(&lock);
	errno = saved;
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

	attend_forget(conn);
	lock_acquire(&lock);
	was = conn->watched;
	if (was)
		real.epoll_ctl(epoll, EPOLL_CTL_DEL, conn->tcp, NULL);
	conn->watched = false;
	conn->unwatched = true;
	lock_release(&lock);
	if (was)
		service_wake();
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

bool service_retreats(bool give_up)
{
	const struct linger reset = { .l_onoff = 1 };
	struct conn *conn;
	bool any = false;

	lock_acquire(&lock);
	for (conn = watched; conn; conn = conn->service_next) {
		if (!conn->watched || conn->parent ||
		    (conn_state(conn) != STATE_retreating && !conn->leaving &&
		     !hold_waits(conn)))
			continue;
		any = true;
		if (give_up && (conn->tx == TX_RETREAT || conn->leaving ||
				hold_any(conn)))
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

	for (conn = watched; conn; conn = conn->service_next)
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
	attend_after_fork();
	epoll = bell = control = -1;
	policy = NULL;		/* the parent's thread holds it, for good */
	policy_due_ms = 0;
	watched = NULL;
	started = false;
}
