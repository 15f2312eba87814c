// SPDX-License-Identifier: BSD-2-Clause
#include "conn/limits.h"

#include <string.h>

#include "conn/carrier.h"
#include "conn/parts.h"
#include "conn/quota.h"

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
	quota_limit(limits.address_share);
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
static enum reason judge(const struct conn *conn, uint64_t more,
			 const struct policy_limits *limits)
{
	if (lanes >= limits->lanes)
		return REASON_lane_limit;
	if (pinned + more > limits->pinned)
		return REASON_pinned_limit;
	if (conn->decision.lane.replay &&
	    replay_all() + REPLAY_FIRST > limits->ring_memory)
		return REASON_ring_limit;
	return REASON_none;
}

/* What may be pinned yet, `left` by the kernel. With lock. */
static uint64_t pins_left(const struct policy_limits *limits, uint64_t left)
{
	uint64_t ours = limits->pinned == UINT64_MAX ? UINT64_MAX
			: limits->pinned > pinned ? limits->pinned - pinned
						  : 0;

	return ours < left ? ours : left;
}

/* A client's lane will be its address's. With lock. */
static enum reason judge_quota(const struct conn *conn,
			       const struct quota *from, uint64_t left,
			       const struct policy_limits *limits)
{
	if (quota_may(from, QUOTA_LANES, 1, limits->lanes - lanes) &&
	    quota_may(from, QUOTA_PINNED, need_of(conn),
		      pins_left(limits, left)))
		return REASON_none;
	return REASON_address_limit;
}

enum reason limits_look(const struct conn *conn)
{
	struct quota *from = quota_hold(&conn->ends.remote);
	struct policy_limits limits = current();
	enum reason reason;

	lock_acquire(&lock);
	reason = judge(conn, need_of(conn), &limits);
	if (reason == REASON_none)
		reason = judge_quota(conn, from, UINT64_MAX, &limits);
	lock_release(&lock);
	quota_drop(from);
	return reason;
}

enum reason limits_take(struct conn *conn)
{
	uint64_t left = carrier->bytes_left(), need = need_of(conn);
	struct policy_limits limits = current();
	enum reason reason;

	lock_acquire(&lock);
	reason = judge(conn, need, &limits);
	if (reason == REASON_none && left < coming + need)
		reason = REASON_memlock;
	if (reason == REASON_none) {
		lanes++;
		pinned += need;
		coming += need;
		conn->lane.claim = (struct limits_claim){
			.pins = need,
			.lane = true,
			.coming = true,
			.family = family,
		};
	}
	lock_release(&lock);
	return reason == REASON_memlock ? carrier->bytes_reason() : reason;
}

enum reason limits_admit(struct conn *conn, struct limits_claim *claim)
{
	struct policy_limits limits = current();
	enum reason reason;

	lock_acquire(&lock);
	reason = judge(conn, 0, &limits);
	if (reason == REASON_none &&
	    !quota_take(claim->from, QUOTA_LANES, 1, limits.lanes - lanes))
		reason = REASON_address_limit;
	claim->lane = reason == REASON_none;
	lanes += claim->lane;
	conn->lane.claim = *claim;
	memset(claim, 0, sizeof(*claim));
	lock_release(&lock);
	return reason;
}

/* With lock. */
static void arrive(struct limits_claim *claim)
{
	if (claim->coming)
		coming -= claim->pins;
	claim->coming = false;
}

void limits_arrived(struct conn *conn)
{
	lock_acquire(&lock);
	arrive(&conn->lane.claim);
	lock_release(&lock);
}

void limits_give(struct limits_claim *claim)
{
	struct quota *from = NULL;

	lock_acquire(&lock);
	if (claim->family == family) {
		arrive(claim);
		lanes -= claim->lane;
		pinned -= claim->pins;
		from = claim->from;
		quota_give(from, QUOTA_PINNED, claim->pins);
		if (claim->lane)
			quota_give(from, QUOTA_LANES, 1);
	}
	memset(claim, 0, sizeof(*claim));
	lock_release(&lock);
	quota_drop(from);
}

void limits_pinned(struct limits_claim *claim,
		   const struct sockaddr_storage *from, uint64_t bytes)
{
	claim->from = quota_hold(from);
	claim->pins = bytes;
	quota_add(claim->from, QUOTA_PINNED, bytes);
	lock_acquire(&lock);
	claim->family = family;
	pinned += bytes;
	lock_release(&lock);
}

enum reason limits_stranger_begin(const struct limits_claim *claim)
{
	uint64_t left = carrier->bytes_left(), joining = joins;
	struct policy_limits limits = current();
	enum reason reason = REASON_none;

	lock_acquire(&lock);
	if (pinned > limits.pinned)
		reason = REASON_pinned_limit;
	else if (!quota_may(claim->from, QUOTA_PINNED, 0,
			    pins_left(&limits, left)))
		reason = REASON_address_limit;
	lock_release(&lock);
	if (reason == REASON_none && !limits_join_begin())
		reason = REASON_join_limit;
	else if (reason == REASON_none &&
		 !quota_take(claim->from, QUOTA_JOINS, 1,
			     limits.joins > joining ? limits.joins - joining
						    : 1)) {
		limits_join_end();
		reason = REASON_address_limit;
	}
	return reason;
}

void limits_stranger_end(struct quota *from)
{
	quota_give(from, QUOTA_JOINS, 1);
	limits_join_end();
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
