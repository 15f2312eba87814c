// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shutting down and closing. On TCP the kernel does it. On RDMA a CLOSE
 * record says where the stream ends, and the lane is taken down by a thread
 * that may wait for it, long after the application has closed its fd.
 */
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/real.h"
#include "conn/family.h"
#include "conn/internal.h"
#include "conn/limits.h"
#include "rdma/rdma.h"

#define LINGER_MOST_MS 60000	/* for the peer to consume what was sent */
#define SILENT_MOST_MS 5000	/* for the peer to say that it heard CLOSE */
#define LINGERERS_MANY 64	/* each has an fd: then none waits longer */
#define EXIT_MOST_MS 5000
#define DRAIN_STEPS 1024	/* a peer may send as fast as we read */

static atomic_uint lingerers;
static unsigned process;	/* forks before it: whose they are */

/* With send: shut the sending direction where it is. True: say CLOSE. */
static bool shut_sending(struct conn *conn)
{
	if (conn->tx.stage == TX_RAW)
		real.shutdown(conn->tcp, SHUT_WR);
	return conn->tx.stage == TX_LANE && !hold_any(conn);
}

static void shut_write(struct conn *conn)
{
	bool say;

	lock_acquire(&conn->tx.lock);
	say = !conn->tx.shut && shut_sending(conn);
	conn->tx.shut = true;
	lock_release(&conn->tx.lock);
	if (say)
		control_say(conn, WIRE_CLOSE, 0, conn->tx.bytes);
}

static int shut_down(struct conn *conn, int how);

/*
 * With send and lock. Nothing of the application's may go yet, or something has
 * to go before: FIN, or the end of reading, comes behind it. False: it is the
 * kernel's to do now.
 */
static bool shut_later(struct conn *conn, int how)
{
	if (conn->state > STATE_greeted || conn->tx.stage == TX_RAW)
		return false;
	dial_await_locked(conn);
	if (how != SHUT_RD)
		conn->tx.shut = true;
	if (how != SHUT_WR)
		conn->rx.shut = true;
	return true;
}

/* REPLY or a late HELLO is yet to come, in a stream that goes raw already. */
static int shut_raw(struct conn *conn, int how)
{
	if (how != SHUT_RD)
		conn->tx.shut = true;
	return real.shutdown(conn->tcp, how) == 0 ? 0 : -errno;
}

/* The peer lets nothing go before the lane, and something is to go. */
static bool needs_lane(const struct conn *conn)
{
	return conn->greeting.peer_requires && hold_any(conn);
}

/* Shut down before the connection has a lane. */
static int shut_early(struct conn *conn, int how)
{
	bool later, greets = conn->rx.stage == RX_GREET;

	/* Still connecting, as the application sees it (tcp(7)). */
	if (conn->role == CONN_ACTIVE &&
	    conn->mode == POLICY_REQUIRE) {
		dial_dissolve(conn);
		hold_quit(conn, REASON_closed);
		return 0;
	}
	if (!needs_lane(conn))	/* not any more */
		conn_refuse(conn, REASON_closed);
	if (conn->role == CONN_PASSIVE && greets) {
		greet_look(conn);
		greet_speak(conn);
	}
	if (conn_is_plain(conn))
		return CONN_PLAIN;
	lock_acquire(&conn->tx.lock);
	lock_acquire(&conn->lock);
	later = shut_later(conn, how);
	lock_release(&conn->lock);
	lock_release(&conn->tx.lock);
	if (later) {
		conn_ring(conn, NULL);
		hold_attend(conn);
		return 0;
	}
	if (conn_state(conn) == STATE_greeting)
		return shut_raw(conn, how);
	if (conn_is_plain(conn))
		return CONN_PLAIN;
	return shut_down(conn, how);	/* a lane came just now */
}

static int shut_down(struct conn *conn, int how)
{
	enum conn_state state = conn_state(conn);

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return CONN_PLAIN;	/* the kernel knows the errno */
	if (state == STATE_plain || state == STATE_dead)
		return CONN_PLAIN;
	if (state <= STATE_greeted)
		return shut_early(conn, how);
	if (conn->failure.reset ||
	    (conn->tx.shut && conn->rx.end != OFFSET_NEVER))
		return -ENOTCONN;	/* both directions are over */
	if (how != SHUT_RD)
		shut_write(conn);
	if (how != SHUT_WR)
		conn->rx.shut = true;
	conn_ring(conn, NULL);
	return 0;
}

int conn_shutdown(struct conn *conn, int how)
{
	int saved = errno, ret = shut_down(conn, how);

	errno = saved;
	return ret;
}

/* Has the peer sent what the application has not read? */
static bool unread(struct conn *conn)
{
	int bytes = 0;

	if (conn->rx.early.size)
		return true;
	if (conn->rx.stage == RX_LANE)
		return conn->rx.end != conn->rx.bytes &&
		       conn_lane_holds(conn, 1);
	return real.ioctl(conn->tcp, FIONREAD, &bytes) == 0 && bytes > 0;
}

/*
 * No thread may be looking at the rsocket when it is closed. Several may come
 * here; one closes it.
 */
static void close_lane(struct conn *conn)
{
	int rs;

	conn->lane.closed = true;
	while (atomic_load(&conn->lane.users) > 0)
		real.poll(NULL, 0, 1);
	lock_acquire(&conn->rx.lock);
	lock_release(&conn->rx.lock);
	lock_acquire(&conn->tx.lock);
	rs = conn->lane.rs;
	conn->lane.rs = -1;
	lock_release(&conn->tx.lock);
	if (rs < 0)
		return;
	rdma_close(rs);
	limits_give(conn);
}

static void close_lane_job(void *arg)
{
	struct conn *conn = arg;

	close_lane(conn);
	conn_drop(conn);
}

void end_lane_alone(struct conn *conn)
{
	if (conn->lane.rs < 0)
		return;
	conn_hold(conn);
	if (work_start(WORK_DISCARD, close_lane_job, conn) != 0)
		close_lane_job(conn);
}

static void close_rsocket_job(void *arg)
{
	rdma_close((int)(long)arg);
}

void end_rsocket(int rs)
{
	if (work_start(WORK_DISCARD, close_rsocket_job, (void *)(long)rs) != 0)
		rdma_close(rs);
}

void conn_dissolve(struct conn *conn)
{
	hold_drop(conn);
	conn_step(conn, conn_state(conn) < STATE_greeted ? EVENT_unaware
							 : EVENT_dissolved,
		  REASON_closed);
	end_lane_alone(conn);
}

static void linger(struct conn *conn)
{
	conn->close.linger_ms = clock_ms() + LINGER_MOST_MS;
	if (atomic_exchange(&conn->close.lingering, true))
		return;
	conn->close.process = process;
	atomic_fetch_add(&lingerers, 1);
}

void end_lingered(struct conn *conn)
{
	if (atomic_exchange(&conn->close.lingering, false) &&
	    conn->close.process == process)
		atomic_fetch_sub(&lingerers, 1);
}

unsigned end_lingerers(void)
{
	return atomic_load(&lingerers);
}

void end_after_fork(void)
{
	lingerers = 0;
	process++;
}

/*
 * Who is honest says at once that CLOSE was heard, or what a retreat waits for:
 * its library does. What only its application can do has its time, unless there
 * are many.
 */
static bool is_late(const struct conn *conn, uint64_t now_ms)
{
	if (now_ms < conn->close.linger_ms - LINGER_MOST_MS + SILENT_MOST_MS)
		return false;
	if (atomic_load(&lingerers) > LINGERERS_MANY)
		return true;
	return conn_state(conn) == STATE_retreating ? retreat_owed(conn)
						    : !conn->close.heard;
}

/*
 * The application has closed. rclose(3) returns when the peer's memory has
 * what was sent; the service thread keeps the TCP leg, and the replay ring,
 * until the peer's application has it too.
 */
static void take_down(void *arg)
{
	struct conn *conn = arg;

	close_lane(conn);
	linger(conn);
	if (service_watch(conn) != 0)
		control_flush(conn);
	conn_drop(conn);
}

/* Read what the kernel has, so that closing sends FIN and not RST. */
static void drain(struct conn *conn)
{
	char scratch[16384];
	int left = DRAIN_STEPS;

	while (left-- > 0 && real.recv(conn->tcp, scratch, sizeof(scratch),
				       MSG_DONTWAIT) > 0)
		;
}

bool end_linger_over(struct conn *conn, uint64_t now_ms)
{
	const struct linger reset = { .l_onoff = 1 };
	enum conn_state state = conn_state(conn);
	bool all = conn->tx.acked >= conn->tx.bytes ||
		   (conn->close.peers & WIRE_CLOSE_FULL);
	/* A closed socket answers with RST, and CLOSE might be lost by it. */
	bool known = conn->rx.stage != RX_LANE || (all && conn->close.heard);

	/* Bytes are on their way back to us, if the peer wants them still. */
	if (conn->leave.begun && !(conn->close.peers & WIRE_CLOSE_FULL))
		known = false;

	if (now_ms < conn->close.linger_ms && !is_late(conn, now_ms)) {
		if (state == STATE_retreating)
			return false;
		if (state == STATE_on_rdma && conn->leg.end == LEG_OPEN &&
		    !(control_flushed(conn) && known))
			return false;
	} else if (state == STATE_retreating && !family_shares(conn)) {
		real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &reset,
				sizeof(reset));	/* it lacks bytes */
	}
	if (!family_shares(conn))
		drain(conn);
	else if (state == STATE_retreating)
		conn_fail(conn, -ECONNRESET, REASON_forked);
	return true;
}

/* SO_LINGER with a time of zero: close() resets (socket(7)). */
static bool resets_on_close(struct conn *conn)
{
	struct linger linger = { 0, 0 };
	socklen_t length = sizeof(linger);

	return real.getsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &linger,
			       &length) == 0 &&
	       linger.l_onoff && linger.l_linger == 0;
}

/*
 * CLOSE comes behind what is held: end_settle(), when that is on the lane, or
 * on TCP again.
 */
static bool holds_end(struct conn *conn)
{
	if (conn_state(conn) != STATE_on_rdma || !hold_any(conn))
		return false;
	if (conn->close.linger_ms == TIME_NEVER)
		conn->close.linger_ms = clock_ms() + LINGER_MOST_MS;
	service_look(conn);
	return true;
}

/* Once: a close that meets the end of the join is seen by both. */
static void end_lane(struct conn *conn)
{
	uint32_t flags = WIRE_CLOSE_FULL;

	if (holds_end(conn))
		return;

	if (atomic_exchange(&conn->lane.ending, true))
		return;
	if (conn_state(conn) == STATE_on_rdma) {
		if (unread(conn) || resets_on_close(conn))
			flags |= WIRE_CLOSE_RESET;
		control_say(conn, WIRE_CLOSE, flags, conn->tx.bytes);
		conn_report(conn, "closed");
	}
	conn_hold(conn);
	if (work_start(WORK_END, take_down, conn) != 0)
		take_down(conn);
}

void end_held_late(struct conn *conn)
{
	const struct linger reset = { .l_onoff = 1 };

	real.setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &reset,
			sizeof(reset));
	conn_fail(conn, -ECONNRESET, REASON_lane_stalled);
	end_lane(conn);
}

void end_sent(struct conn *conn)
{
	bool closed = conn->close.lingering && !family_shares(conn);

	if (conn->tx.stage == TX_RAW && (conn->tx.shut || closed))
		real.shutdown(conn->tcp, SHUT_WR);
}

void end_linger(struct conn *conn)
{
	if (conn->close.lingering)
		return;
	linger(conn);
	lock_acquire(&conn->tx.lock);
	end_sent(conn);
	lock_release(&conn->tx.lock);
	service_watch(conn);
}

/*
 * A client that may send HELLO yet must not be answered with RST, which would
 * take from it what it has not read: FIN goes, the socket stays for a while.
 */
static bool awaits_hello(struct conn *conn)
{
	struct greeting *greeting = &conn->greeting;

	if (conn->role != CONN_PASSIVE || !greeting->client.seen ||
	    conn->rx.stage != RX_GREET || greeting->stage != GREETING_QUIET)
		return false;
	if (conn->tx.stage == TX_HOLD) { /* FIN has the grace that bytes have */
		conn->tx.shut = true;
		greet_speak(conn);
		return true;
	}
	real.shutdown(conn->tcp, SHUT_WR);
	greeting->deadline_ms =
		clock_ms() + conn->decision.handshake.timeout_ms;
	return true;
}

/*
 * What is held goes before the end. Before a reset, too: its server's kernel
 * would have it, and the server's accept() something to hand out.
 */
static bool has_to_wait(struct conn *conn)
{
	bool resets = resets_on_close(conn);

	if (hold_waits(conn) || (conn->greeting.reply_due && !resets)) {
		/* trusted: REPLY is yet to come */
		if (conn->tx.stage == TX_RAW && !resets)
			real.shutdown(conn->tcp, SHUT_WR);
		return true;
	}
	return !resets && awaits_hello(conn);
}

/*
 * A HELLO that nobody looked at must not turn our FIN into RST; but the parent
 * that closes what its child serves leaves HELLO to the child. A REPLY that
 * comes after the end would do the same to the peer's.
 */
void end_greeting(struct conn *conn)
{
	bool shares = family_shares(conn);

	if (needs_lane(conn) && !resets_on_close(conn)) {
		service_watch(conn);
		return;		/* end_settle() */
	}
	if (!shares)
		conn_refuse(conn, REASON_closed);
	if (conn->role == CONN_PASSIVE && !shares)
		greet_look(conn);
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
	if (conn_is_plain(conn))
		return;
	if ((!shares || hold_any(conn)) && has_to_wait(conn)) {
		lock_acquire(&conn->lock);
		dial_await_locked(conn);
		lock_release(&conn->lock);
		service_watch(conn);
		return;
	}
	hold_drop(conn);
	hold_quit(conn, REASON_closed);
}

void end_conn(struct conn *conn)
{
	int saved = errno;
	enum conn_state state;

	lock_acquire(&conn->lock);
	conn->close.begun = true;
	state = conn->state;
	lock_release(&conn->lock);
	if (state != STATE_plain && family_end(conn))
		goto out;
	switch (state) {
	case STATE_plain:
		break;
	case STATE_connecting:
	case STATE_greeting:
	case STATE_greeted:
		end_greeting(conn);
		break;
	case STATE_joining:
		if (hold_any(conn))	/* exit() waits for it: hold_waits() */
			service_watch(conn);
		break;	/* end_settle() */
	case STATE_retreating:
		end_linger(conn);
		break;
	default:
		end_lane(conn);
	}
out:
	family_ended(conn);
	errno = saved;
}

void end_settle(struct conn *conn)
{
	bool say;

	if (conn->tx.shut && conn_state(conn) != STATE_dead) {
		lock_acquire(&conn->tx.lock);
		say = shut_sending(conn);
		lock_release(&conn->tx.lock);
		if (say)
			control_say(conn, WIRE_CLOSE, 0, conn->tx.bytes);
	}
	if (!conn->close.begun)
		return;
	if (family_shares(conn)) {	/* perhaps since it was closed */
		if (conn_state(conn) == STATE_on_rdma && !conn->forked.owed)
			family_owe(conn);
		return;
	}
	if (conn_state(conn) == STATE_retreating)
		end_linger(conn);
	else if (conn_state(conn) == STATE_on_rdma ||
		 conn_state(conn) == STATE_dead)
		end_lane(conn);
}

static void end_entry(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);
	bool mine;

	(void)fd;
	(void)arg;
	if (!conn)
		return;
	lock_acquire(&conn->lock);
	mine = conn->state == STATE_on_rdma && !conn->close.begun &&
	       !conn->forked.owed;
	if (mine)
		conn->close.begun = true;
	lock_release(&conn->lock);
	if (mine)
		end_lane(conn);
}

/* Accepted, and its client has HELLO on its way: as if it had been closed. */
static void end_untouched(struct conn *conn)
{
	bool mine;

	lock_acquire(&conn->lock);
	mine = family_untouched(conn) && conn->greeting.client.seen &&
	       !conn->close.begun;
	if (mine)
		conn->close.begun = true;
	lock_release(&conn->lock);
	if (mine)
		end_greeting(conn);
}

/* Held bytes are nowhere else: their greeting is to be over soon. */
static void hurry_entry(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	(void)fd;
	(void)arg;
	if (!conn || conn_is_away(conn))
		return;
	end_untouched(conn);
	if (!hold_waits(conn))
		return;
	if (conn->role == CONN_ACTIVE)
		dial_hurry(conn, REASON_closed);
	service_watch(conn);
}

/*
 * HELLO is out, and nothing else: a REPLY that nobody has read would make a
 * reset of our end. It has a moment; then FIN goes first.
 */
static void asked_entry(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);
	struct pollfd tcp = { .events = POLLIN };
	uint64_t until_ms = *(uint64_t *)arg, now;

	(void)fd;
	if (!conn || conn->role != CONN_ACTIVE || conn_is_away(conn) ||
	    conn_state(conn) != STATE_greeting || hold_waits(conn) ||
	    conn->greeting.stage != GREETING_ASKED || family_shares(conn))
		return;
	conn_refuse(conn, REASON_closed);
	tcp.fd = conn->tcp;
	now = clock_ms();
	if (now < until_ms)
		real.poll(&tcp, 1, (int)(until_ms - now));
	dial_look(conn);
	if (!conn_is_plain(conn))
		real.shutdown(conn->tcp, SHUT_WR);
}

void conn_exit(void)
{
	uint64_t until_ms = clock_ms() + EXIT_MOST_MS;
	uint64_t reply_ms = clock_ms() + GREETING_GRACE_MS;
	uint64_t answer_ms = clock_ms() + CONN_ANSWER_MS;
	int saved = errno;

	family_exit();
	fdtab_each(asked_entry, &reply_ms);
	fdtab_each(hurry_entry, NULL);
	while (service_holds() && clock_ms() < until_ms)
		real.poll(NULL, 0, 1);
	fdtab_each(end_entry, NULL);
	work_wait(WORK_END, EXIT_MOST_MS);
	/* A peer that still talks would reset what TCP has yet to deliver. */
	while (service_retreats(clock_ms() >= answer_ms, false) &&
	       clock_ms() < until_ms)
		real.poll(NULL, 0, 1);
	service_retreats(true, true);
	errno = saved;
}
