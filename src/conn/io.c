// SPDX-License-Identifier: BSD-2-Clause
/*
 * The application's bytes, on whichever lane their direction is. Each
 * direction has a lock; under it one non-blocking call is made.
 */
#include <string.h>

#include "base/iov.h"
#include "base/real.h"
#include "conn/conduct.h"
#include "conn/core.h"
#include "conn/cross.h"
#include "conn/dial.h"
#include "conn/early.h"
#include "conn/fallback.h"
#include "conn/greet.h"
#include "conn/heir.h"
#include "conn/hold.h"
#include "conn/join.h"
#include "conn/lane.h"
#include "conn/parts.h"
#include "conn/raw.h"
#include "conn/share.h"
#include "conn/watch.h"

static void look_at_greeting(struct conn *conn)
{
	if (conn->role == CONN_PASSIVE)
		greet_look(conn);
	else
		dial_touch(conn);
}

/* STATE_dead: the error once, as a socket has it, then `after`. */
static ssize_t say_failure(struct conn *conn, ssize_t after)
{
	if (conn->failure.error == 0 ||
	    atomic_exchange(&conn->failure.told, true))
		return after;
	return conn->failure.error;
}

void conn_untell(struct conn *conn, ssize_t error)
{
	if (conn_state(conn) == STATE_dead) {
		if (conn->failure.error == error)
			conn->failure.told = false;
	} else if (error == -ECONNRESET) {
		conn->failure.pending = ECONNRESET;
	}
}

/* With receive: has so much been consumed that the peer should know? */
static bool ack_due(const struct conn *conn)
{
	uint64_t since = conn->rx.bytes - conn->rx.ack_sent;

	return conn->rx.stage == RX_LANE && since > 0 &&
	       (conn->rx.bytes == conn->rx.end ||
		(conn->rx.ack_every && since >= conn->rx.ack_every));
}

/* From one lane, or what was taken in early. */
static ssize_t receive_part(struct conn *conn, const struct iovec *iov,
			    int count, int flags)
{
	ssize_t got;

	if (conn_is_plain(conn))
		return CONN_PLAIN;
	if (conn_state(conn) == STATE_dead)
		return say_failure(conn, 0);
	if ((flags & MSG_PEEK) && is_astride(conn))
		return flags & MSG_TRUNC
			       ? peek_amount(conn, iov_size(iov, count))
			       : peek_across(conn, iov, count);
	if (conn->rx.early.size)
		return conn_early_receive(conn, iov, count, flags);
	if (cross_find(conn) != 0)
		return -EAGAIN;
	switch (atomic_load(&conn->rx.stage)) {
	case RX_RAW:
		if (conn->rx.bytes == conn->rx.boundary)
			return -EAGAIN;
		if (greet_awaits_lane(conn))
			return greet_receive(conn);
		got = raw_receive(conn, iov, count, flags);
		cross_locked(conn);
		return got;
	case RX_LANE:
		return lane_receive(conn, iov, count, flags);
	default:
		return conn->rx.end == conn->rx.bytes ? 0 : -EAGAIN;
	}
}

/* As much as there is, on both lanes, as TCP would give it. */
static ssize_t receive_locked(struct conn *conn, const struct iovec *iov,
			      int count, int flags)
{
	bool goes_on = !(flags & (MSG_PEEK | MSG_TRUNC)) && is_astride(conn);
	ssize_t more = receive_part(conn, iov, count, flags), got = more;
	struct iovec rest[IOV_PART];
	int used;

	while (goes_on && more > 0) {
		used = iov_rest(rest, iov, count, (size_t)got);
		if (used == 0 || conn_is_reset(conn, true))
			break;
		more = receive_part(conn, rest, used, flags);
		got += more > 0 ? more : 0;
	}
	if (goes_on && got > 0 && more < 0)
		conn_untell(conn, more);
	return got;
}

/*
 * What the lane cannot do: out-of-band bytes. Raw ones spoil the count. For a
 * client they are no reason to begin a greeting. False: it is on a lane.
 */
static bool may_have_urgent(struct conn *conn)
{
	bool may;

	if (conn->rx.stage == RX_GREET && conn->role == CONN_PASSIVE)
		greet_look(conn);
	may = refuse_lane(conn, REASON_urgent) == 0;
	conduct(conn);
	return may;
}

/* Has the call used up what was ready? At the end of the stream nothing is. */
static bool used_up(ssize_t moved, const struct iovec *iov, int count)
{
	return moved == -EAGAIN ||
	       (moved > 0 && (size_t)moved < iov_size(iov, count));
}

/* What only the kernel's socket has: out-of-band bytes, the error queue. */
static ssize_t kernel_receive(struct conn *conn, const struct iovec *iov,
			      int count, int flags)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov,
			      .msg_iovlen = count };
	ssize_t got = real.recvmsg(conn->tcp, &msg, flags | MSG_DONTWAIT);

	return got < 0 ? -errno : got;
}

/* What the lane's end is, the service thread says, as long as it has not. */
static void look_at_end(struct conn *conn)
{
	if (lane_over(conn) && conn_state(conn) == STATE_on_rdma)
		watch_look(conn);
}

ssize_t conn_receive(struct conn *conn, const struct iovec *iov, int count,
		     int flags)
{
	enum rx_stage before;
	bool acknowledge;
	ssize_t got;

	if (flags & MSG_OOB)	/* also of one that is on its way back */
		(void)may_have_urgent(conn);
	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return kernel_receive(conn, iov, count, flags);
	if (conn->rx.stage == RX_GREET)
		look_at_greeting(conn);
	if (family_is_away(conn))
		family_look(conn);
	lock_acquire(&conn->rx.lock);
	before = conn->rx.stage;
	got = receive_locked(conn, iov, count, flags);
	if (got > 0 && !(flags & MSG_PEEK))
		conn_moved(conn, conn->rx.stage == RX_LANE ? FLOW_RDMA_RECEIVED
						     : FLOW_TCP_RECEIVED);
	acknowledge = got > 0 && ack_due(conn);
	if (acknowledge)
		conn_acknowledge(conn);
	lock_release(&conn->rx.lock);

	cross_changed(conn, before);
	if (got == -EAGAIN)
		look_at_end(conn);
	if (conn->waits.sets && !conn_is_raw(conn))
		conn_used(conn, used_up(got, iov, count) ? POLLIN : 0);
	if (got == -EAGAIN && conn->rx.shut)
		return 0;
	if (got > 0 && conn_state(conn) == STATE_greeted)
		join_if_worth(conn);
	conduct(conn);
	return got;
}

static ssize_t tcp_transmit(struct conn *conn, const struct iovec *iov,
			    int count, int flags)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov,
			      .msg_iovlen = count };
	ssize_t put = real.sendmsg(conn->tcp, &msg, flags | MSG_DONTWAIT);

	if (put < 0)
		return -errno;
	conn->tx.bytes += put;
	conn->tx.raw += put;
	return put;
}

static ssize_t transmit_locked(struct conn *conn, const struct iovec *iov,
			       int count, int flags, bool *released)
{
	if (conn_is_plain(conn))
		return CONN_PLAIN;
	if (conn_state(conn) == STATE_dead)
		return say_failure(conn, -EPIPE);
	if (conn_state(conn) == STATE_connecting)
		return -EAGAIN;
	if (conn->tx.stage == TX_RELEASE)
		*released = hold_release_locked(conn);
	switch (atomic_load(&conn->tx.stage)) {
	case TX_HOLD:
	case TX_RELEASE:
		if (greet_awaits_lane(conn) && raw_is_reset(conn, false))
			return tcp_transmit(conn, iov, count, flags);
		return hold_take(conn, iov, count);
	case TX_RAW:
		return tcp_transmit(conn, iov, count, flags);
	case TX_LANE:
		if (conn_closed(conn))	/* exit(): CLOSE has the end */
			return -EAGAIN;
		if (conn->tx.shut)
			return -EPIPE;
		if (hold_any(conn) && !hold_on_lane(conn))
			return hold_take(conn, iov, count);
		return lane_transmit(conn, iov, count);
	case TX_FROZEN:
		if (conn_state(conn) == STATE_joining && raw_is_over(conn))
			return tcp_transmit(conn, iov, count, flags);
		/* fallthrough */
	case TX_RETREAT:
		if (conn->failure.reset)	/* nobody will answer */
			return lane_gone(conn, iov, count);
		if (hold_while_moving(conn))
			return hold_take(conn, iov, count);
		break;
	}
	return -EAGAIN;
}

/*
 * The ring is full and cannot grow: the lane is left, as long as the peer's
 * bytes can be had again. If not, the ACKs that come in their time make room.
 */
static void leave_for_ring(struct conn *conn, int denied)
{
	if (denied && conn->rx.ack_every)
		(void)fall_back(conn, denied == -EDQUOT ? REASON_ring_limit
							 : REASON_no_memory);
}

ssize_t conn_transmit(struct conn *conn, const struct iovec *iov, int count,
		      int flags)
{
	bool held, released = false;
	int denied = 0;
	ssize_t put;

	if ((flags & MSG_OOB) && !may_have_urgent(conn))
		return -EOPNOTSUPP;
	if (flags & MSG_OOB)
		return conn_is_plain(conn) ? CONN_PLAIN : -EAGAIN;
	if (conn->tx.stage == TX_HOLD) {
		look_at_greeting(conn);
		greet_speak(conn);
	}
	if (family_is_away(conn))
		family_look(conn);
	lock_acquire(&conn->tx.lock);
	held = hold_any(conn);
	put = transmit_locked(conn, iov, count, flags, &released);
	if (put > 0)
		conn_moved(conn, conn->tx.stage == TX_LANE ? FLOW_RDMA_SENT
						     : FLOW_TCP_SENT);
	if (put == -EAGAIN && conn->tx.stage == TX_LANE)
		denied = conn->tx.replay.denied;
	held = !held && hold_any(conn);
	lock_release(&conn->tx.lock);

	if (released)
		hold_over(conn);
	if (held)
		hold_attend(conn);

	leave_for_ring(conn, denied);
	if (put == -EAGAIN)
		look_at_end(conn);
	if (conn->waits.sets && !conn_is_raw(conn))
		conn_used(conn, used_up(put, iov, count) ? POLLOUT : 0);
	if (put > 0 && conn_state(conn) == STATE_greeted)
		join_if_worth(conn);
	conduct(conn);
	return put;
}
