// SPDX-License-Identifier: BSD-2-Clause
#include "conn/limits.h"

#include "conn/carrier.h"
#include "conn/parts.h"

static struct lock lock = LOCK_INIT(limits);
static uint64_t lanes, pinned;
static unsigned family;		/* forks: what was taken before is not ours */
static uint64_t coming;		/* of `pinned`, not pinned yet, perhaps */
static atomic_uint joins;

/* The limits as they are now; the rings hear of theirs. */
static struct policy_limits current(void)
{
	struct policy *policy = policy_hold_current();
	struct policy_limits limits;

	policy_limits(policy, &limits);
	policy_release(policy);
	replay_limit_all(limits.ring_memory);
	return limits;
}

static uint64_t need_of(const struct conn *conn)
{
	const struct carrier_sizes sizes = {
		.send_buffer = conn->decision.lane.send_buffer,
		.receive_buffer = conn->decision.lane.receive_buffer,
	};

	return carrier->lane_bytes(&sizes);
}

/* With lock: the policy's limits alone. */
static enum reason judge(const struct conn *conn,
			 const struct policy_limits *limits)
{
	if (lanes >= limits->lanes)
		return REASON_lane_limit;
	if (pinned + need_of(conn) > limits->pinned)
		return REASON_pinned_limit;
	if (conn->decision.lane.replay &&
	    replay_all() + REPLAY_FIRST > limits->ring_memory)
		return REASON_ring_limit;
	return REASON_none;
}

enum reason limits_look(const struct conn *conn)
{
	struct policy_limits limits = current();
	enum reason reason;

	lock_acquire(&lock);
	reason = judge(conn, &limits);
	lock_release(&lock);
	return reason;
}

enum reason limits_take(struct conn *conn, bool there)
{
	uint64_t left = there ? UINT64_MAX : carrier->bytes_left();
	uint64_t need = need_of(conn);
	struct policy_limits limits = current();
	enum reason reason;

	lock_acquire(&lock);
	reason = judge(conn, &limits);
	if (reason == REASON_none && !there && left < coming + need)
		reason = REASON_memlock;
	if (reason == REASON_none) {
		lanes++;
		pinned += need;
		coming += there ? 0 : need;
		conn->lane.pins = need;
		conn->lane.pins_family = family;
		conn->lane.pins_coming = !there;
	}
	lock_release(&lock);
	return reason == REASON_memlock ? carrier->bytes_reason() : reason;
}

/* With lock. */
static void arrive(struct conn *conn)
{
	if (conn->lane.pins_coming)
		coming -= conn->lane.pins;
	conn->lane.pins_coming = false;
}

void limits_arrived(struct conn *conn)
{
	lock_acquire(&lock);
	arrive(conn);
	lock_release(&lock);
}

void limits_give(struct conn *conn)
{
	lock_acquire(&lock);
	if (conn->lane.pins && conn->lane.pins_family == family) {
		arrive(conn);
		lanes--;
		pinned -= conn->lane.pins;
	}
	conn->lane.pins = 0;
	lock_release(&lock);
}

bool limits_join_begin(void)
{
	uint64_t most = current().joins;

	if (atomic_fetch_add(&joins, 1) < most)
		return true;
	limits_join_end();
	return false;
}

void limits_join_end(void)
{
	atomic_fetch_sub(&joins, 1);
}

void limits_uses(struct limits_use uses[LIMITS_USES])
{
	struct policy_limits limits = current();

	lock_acquire(&lock);
	uses[0] = (struct limits_use){ "lanes", lanes, limits.lanes };
	uses[1] = (struct limits_use){ "pinned", pinned, limits.pinned };
	uses[2] = (struct limits_use){ "ring_memory", replay_all(),
				       limits.ring_memory };
	uses[3] = (struct limits_use){ "joins", joins, limits.joins };
	lock_release(&lock);
}

/* The lanes are the parent's; those it inherited give nothing back. */
void limits_after_fork(void)
{
	lock_init(&lock, LOCK_limits);
	lanes = pinned = coming = 0;
	family++;
	joins = 0;
}
