// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a connection is ready for, and what to sleep on until it is: poll(2)'s
 * answers, computed from the kernel's for the directions that are on TCP and
 * from the rsocket's for those on RDMA.
 */
#include "base/clock.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/conduct.h"
#include "conn/core.h"
#include "conn/cross.h"
#include "conn/dial.h"
#include "conn/early.h"
#include "conn/greet.h"
#include "conn/greeting.h"
#include "conn/heir.h"
#include "conn/hold.h"
#include "conn/lane.h"
#include "conn/parts.h"
#include "conn/share.h"
#include "conn/watch.h"

#define READ_BITS (POLLIN | POLLRDNORM)
#define WRITE_BITS (POLLOUT | POLLWRNORM)
#define AWAY_LOOK_MS 1	/* its parent brings it back: look again */
#define PREFIX_LOOK_MS 2	/* a part of a magic is there: look again */
#define UNARMED_LOOK_MS 1	/* carrier->may_arm() */
#define PREFIX_PART 2		/* ... less and less often */
#define TAIL_LOOK_MS 1		/* the stream's last bytes are on their way, */
#define TAIL_SELDOM_MS 50	/* if the peer is honest */
#define TAIL_MOST 65536		/* with so much of it there, it has come */

static short kernel_poll(struct conn *conn, short events)
{
	struct pollfd tcp = { .fd = conn->tcp, .events = events };

	return real.poll(&tcp, 1, 0) > 0 ? tcp.revents : 0;
}

/* Has the peer said or shown that it will send no more? */
static bool peer_is_over(struct conn *conn)
{
	return conn->rx.end != OFFSET_NEVER || conn->leg.end != LEG_OPEN;
}

/*
 * The TCP leg is often faster than the lane, but TCP tells of the peer's end
 * when all before it has come: programs read to EAGAIN then, and close.
 */
static bool end_has_come(struct conn *conn)
{
	uint64_t left = conn->rx.end - conn_pulled(conn);
	size_t most = conn->decision.lane.receive_buffer / 4;

	if (left == 0 || conn->rx.tail_came)
		return true;
	if (conn->leg.end != LEG_OPEN && lane_over(conn))
		return true;
	if (conn->rx.end == OFFSET_NEVER)
		return false;
	most = most < TAIL_MOST ? most : TAIL_MOST;
	conn->rx.tail_came = conn_lane_holds(conn, left < most ? left : most);
	return conn->rx.tail_came;
}

/*
 * Is there anything to read? An rsocket that has ended says POLLIN whether it
 * holds bytes or not. Without any the service thread decides what the end is:
 * no fd of ours will tell it.
 */
static bool lane_readable(struct conn *conn, short lane)
{
	if (!lane_over(conn))
		return lane & POLLIN;
	if (conn->leg.end != LEG_OPEN || conn_lane_holds(conn, 1))
		return true;
	watch_look(conn);
	return false;
}

/* Bits of the receiving direction on RDMA. */
static short lane_read_bits(struct conn *conn, short lane)
{
	short bits = 0;

	if (lane & (POLLHUP | POLLERR))
		lane_step(&conn->lane.stage, LANE_ON_over);
	if (conn->rx.shut || conn->failure.reset ||
	    (peer_is_over(conn) && end_has_come(conn)))
		bits = READ_BITS | POLLRDHUP;
	else if (lane_readable(conn, lane))
		bits = READ_BITS;
	if (((bits & POLLRDHUP) && conn->tx.shut) || conn->failure.reset)
		bits |= POLLHUP;	/* both directions are shut: tcp(7) */
	return bits | (conn->failure.pending ? POLLERR : 0);
}

static short lane_write_bits(struct conn *conn, short lane)
{
	if ((lane & POLLOUT) || conn->tx.shut || conn->failure.reset ||
	    conn->leg.end != LEG_OPEN || (conn->close.peers & WIRE_CLOSE_FULL))
		return WRITE_BITS;
	return 0;
}

/* Active, and no byte of ours is out: the kernel's socket says how it is. */
static bool is_untouched(const struct conn *conn)
{
	enum conn_state state = conn_state(conn);

	return state == STATE_connecting ||
	       (state == STATE_greeting && conn->role == CONN_ACTIVE &&
		conn->greeting.stage == GREETING_QUIET);
}

/* TX_HOLD: would a send take something? Without a mark it would go raw. */
static bool may_hold(const struct conn *conn)
{
	return hold_room(conn) ||
	       (conn->role == CONN_PASSIVE && !conn->greeting.reply_due &&
		!conn->greeting.client.seen &&
		conn->mode != POLICY_REQUIRE);
}

/*
 * The bits now; `lane` are the rsocket's (0 without one). Only what is asked
 * for is looked up; of the kernel nothing if it is `asked_next`.
 */
static short compute(struct conn *conn, short events, short lane,
		     bool asked_next)
{
	enum rx_stage rx = conn->rx.stage;
	enum tx_stage tx = conn->tx.stage;
	bool at_boundary = conn_pulled(conn) == conn->rx.boundary;
	short kernel, bits = conn->rx.early.size ? READ_BITS : 0;

	if (rx == RX_CONTROL && conn->rx.end == conn->rx.bytes)
		bits |= READ_BITS | POLLRDHUP;
	if (conn_state(conn) == STATE_dead)
		return READ_BITS | WRITE_BITS |
		       (conn->failure.error ? POLLERR | POLLHUP : POLLRDHUP);
	if (is_untouched(conn))
		return conn->mode == POLICY_REQUIRE
			       ? 0
			       : kernel_poll(conn, events);
	if ((tx == TX_HOLD && may_hold(conn)) ||
	    ((tx == TX_RELEASE || hold_while_moving(conn)) &&
	     hold_room(conn)))
		bits |= WRITE_BITS;
	if (rx == RX_LANE)
		bits |= lane_read_bits(conn, lane);
	if (tx == TX_LANE)
		bits |= lane_write_bits(conn, lane);
	if (asked_next || ((rx != RX_RAW || at_boundary) && tx != TX_RAW))
		return bits;
	kernel = kernel_poll(conn, events);
	if (greet_awaits_lane(conn) && !(kernel_poll(conn, POLLRDHUP)))
		kernel &= ~READ_BITS;
	if (rx == RX_RAW && !at_boundary)
		bits |= kernel & ~WRITE_BITS;
	if (tx == TX_RAW)
		bits |= kernel & ~(READ_BITS | POLLRDHUP | POLLPRI);
	return bits;
}

/*
 * The application wants to read: that is a touch. Whether it can write it may
 * ask to know that connect() has come to its end, and that is none, unless
 * nothing can be held.
 */
static void look_at_dial(struct conn *conn, short events)
{
	if ((events & READ_BITS) ||
	    ((events & WRITE_BITS) && !conn->decision.handshake.hold))
		dial_touch(conn);
	else
		dial_look(conn);
}

static void look_ahead(struct conn *conn, short events)
{
	if (conn->tx.stage == TX_RELEASE)
		hold_release(conn);
	if (family_is_away(conn))
		family_look(conn);
	if (conn->rx.stage == RX_MAYBE || (conn->rx.stage == RX_RAW &&
				     conn_pulled(conn) == conn->rx.boundary))
		conn_find_stage(conn);
	if (conn->rx.stage != RX_GREET && conn->tx.stage != TX_HOLD)
		return;
	if (conn->role == CONN_ACTIVE) {
		look_at_dial(conn, events);
		return;
	}
	greet_look(conn);
	if (hold_any(conn) || ((events & WRITE_BITS) && !hold_room(conn)))
		greet_speak(conn);
}

static void look_first(struct conn *conn, short events)
{
	look_ahead(conn, events);
	conduct(conn);
}

/* Is a sleeper waiting for the bytes before an end that is known? */
static bool awaits_tail(struct conn *conn, short events)
{
	return conn->rx.stage == RX_LANE && peer_is_over(conn) &&
	       !conn->rx.tail_came && ((events & POLLRDHUP) || conn->tx.shut);
}

/* What to ask the rsocket for. Room in the send queue is not enough. */
static short lane_events(struct conn *conn, short events)
{
	bool reads = (events & READ_BITS) || awaits_tail(conn, events);

	return (reads ? POLLIN : 0) |
	       (events & WRITE_BITS && conn->tx.stage == TX_LANE &&
				!conn_ring_full(conn)
			? POLLOUT
			: 0);
}

short conn_ready(struct conn *conn, short events)
{
	short asked = events | POLLERR | POLLHUP | POLLNVAL;
	short lane = 0;

	look_first(conn, events);
	if (conn_is_plain(conn))
		return kernel_poll(conn, events);
	if (lane_enter(conn)) {
		lane = carrier->ready(conn->lane.rs, lane_events(conn, events));
		lane_leave(conn);
	}
	return compute(conn, events, lane, false) & asked;
}

static void add_wait(struct conn_wait *wait, int fd, short events)
{
	wait->fds[wait->count].fd = fd;
	wait->fds[wait->count].events = events;
	wait->fds[wait->count].revents = 0;
	wait->count++;
}

/*
 * A part of HELLO or REPLY may be there: its socket is readable, and says no
 * more.
 */
static bool has_prefix(const struct conn *conn)
{
	return conn_state(conn) == STATE_greeting &&
	       conn->rx.stage == RX_GREET && conn->greeting.prefix;
}

/* The events of the TCP leg that a sleeper is to hear of. */
static short tcp_events(struct conn *conn, short events)
{
	short wanted = 0;

	if (conn->state == STATE_connecting)
		return POLLOUT | (events & ~WRITE_BITS);
	if (is_untouched(conn))
		return events;
	if (conn->tx.stage == TX_RELEASE ||
	    conn->greeting.stage == GREETING_REDIAL)
		wanted |= POLLOUT;
	if (has_prefix(conn))
		return wanted;	/* see conn_arm */
	if (conn->rx.stage == RX_GREET && !conn->greeting.reply_due &&
	    conn->state == STATE_greeting)
		wanted |= POLLIN | (events & POLLPRI);
	if (greet_awaits_lane(conn))
		wanted |= events & (READ_BITS | POLLRDHUP) ? POLLRDHUP : 0;
	else if (conn->rx.stage == RX_RAW &&
		 conn_pulled(conn) != conn->rx.boundary)
		wanted |= events & (READ_BITS | POLLRDHUP | POLLPRI);
	/* Half a mark is readable: the service thread hears of more. */
	if (conn->rx.stage == RX_MAYBE && conn->leg.mark_ms == TIME_NEVER)
		wanted |= POLLIN;
	if (conn->tx.stage == TX_RAW)
		wanted |= events & WRITE_BITS;
	return wanted;
}

/* The socket is readable as it is, so that nothing tells of the other part. */
static uint64_t prefix_due(const struct conn *conn)
{
	uint64_t now = clock_ms(), end = conn->greeting.deadline_ms;
	uint64_t most = greeting_prefix_ms(conn), since;

	since = end == TIME_NEVER || end > now + most ? 0 : now + most - end;
	return now + PREFIX_LOOK_MS + since / PREFIX_PART;
}

static void set_deadline(struct conn *conn, struct conn_wait *wait)
{
	if (conn->leg.mark_ms < wait->deadline_ms)
		wait->deadline_ms = conn->leg.mark_ms;
	if (conn->greeting.deadline_ms < wait->deadline_ms)
		wait->deadline_ms = conn->greeting.deadline_ms;
	if (family_is_away(conn))
		wait->deadline_ms = clock_ms() + AWAY_LOOK_MS;
	if (has_prefix(conn))
		wait->deadline_ms = prefix_due(conn);
}

static void set_tail_deadline(struct conn *conn, struct conn_wait *wait)
{
	uint64_t due = clock_back_off(clock_ms(), conn->rx.end_ms,
				      TAIL_LOOK_MS, TAIL_SELDOM_MS);

	if (due < wait->deadline_ms)
		wait->deadline_ms = due;
}

static short look_unarmed(struct conn *conn, short events,
			  struct conn_wait *wait)
{
	wait->deadline_ms = clock_ms() + UNARMED_LOOK_MS;
	return carrier->ready(conn->lane.rs, lane_events(conn, events));
}

short conn_arm(struct conn *conn, short events, struct conn_wait *wait,
	       const struct conn_waiter *waiter)
{
	struct pollfd lane_wait = { .fd = -1 };
	short asked = events | POLLERR | POLLHUP, lane = 0, bits, tcp;

	wait->count = 0;
	wait->deadline_ms = TIME_NEVER;
	look_first(conn, events);
	if (conn_is_plain(conn)) {
		bits = wait->asked_next ? 0 : kernel_poll(conn, events);
		add_wait(wait, conn->tcp, events);
		return bits;
	}
	if (lane_enter(conn)) {
		if (carrier->may_arm())
			lane = carrier->arm(conn->lane.rs,
					lane_events(conn, events), &lane_wait);
		else
			lane = look_unarmed(conn, events, wait);
		lane_leave(conn);
		if (lane_wait.revents)
			conn_ring(conn, waiter);
	}
	bits = compute(conn, events, lane, wait->asked_next) & asked;
	if (!(bits & (POLLRDHUP | POLLHUP)) && (lane & POLLIN) &&
	    awaits_tail(conn, events))
		set_tail_deadline(conn, wait);
	if (bits)
		return bits;
	tcp = tcp_events(conn, events);
	if (tcp || conn_state(conn) <= STATE_greeting ||
	    greet_awaits_lane(conn) ||
	    (conn->rx.stage == RX_RAW && conn->tx.stage == TX_RAW))
		add_wait(wait, conn->tcp, tcp);
	if (lane_wait.fd >= 0 && lane == 0)
		add_wait(wait, lane_wait.fd, lane_wait.events);
	set_deadline(conn, wait);
	return 0;
}
