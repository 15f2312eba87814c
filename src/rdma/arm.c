// SPDX-License-Identifier: BSD-2-Clause
/*
 * Check, arm, and take the wait fd out of rpoll(3).
 *
 * rpoll() looks at the rsocket, arms its completion queue, and calls poll()
 * with {wait fd, a process-wide eventfd}. That poll() is our shim, which asks
 * rdma_poll_hook() first. If the wait fd is readable, the news is old or has
 * just come: rpoll() is told so, once, takes it, looks and arms again; what
 * comes after that is for the sleeper to see. If it is not readable, the wait
 * fd is copied out and rpoll() is told EINTR: it takes back its count of
 * sleepers (rs_poll_exit) and returns; nothing is left behind, and the queue
 * stays armed. As nobody sleeps inside rpoll(), the count is never above zero
 * for long, and its eventfd, which wakes such sleepers, is not needed.
 *
 * A listening rsocket's news is the other end of a socketpair, which rpoll()
 * asks for with a timeout of zero on the way: that fd is the one to wait for,
 * and not the one that rpoll() would sleep on (connection manager's channel,
 * emptied by a thread of librdmacm).
 */
#include <errno.h>

#include "base/critical.h"
#include "base/fd.h"
#include "base/real.h"
#include "rdma/runtime.h"
#include "rdma/turns.h"

/*
 * How long rpoll() would sleep if its poll() were not ours: somebody else's
 * preloaded library or a program's own poll() stands before us.
 */
#define NOT_OURS_MS 1000

struct arming {
	struct pollfd *wait;
	int queue;	/* a listener's accept queue, or -1 */
	bool asked;	/* the hook has been called */
	bool told;	/* and has said that there is news */
	bool caught;	/* and has taken the wait fd */
};

__thread struct arming *rdma_arming;
static __thread bool armed;	/* this thread has, before */

int rdma_poll_hook(struct pollfd *fds, nfds_t count, int timeout)
{
	struct arming *arming = rdma_arming;
	int result = arming->told && timeout ? 0 : real.poll(fds, count, 0);
	short old;

	arming->asked = true;
	if (timeout == 0) {
		if (result == 0 && count == 1)
			arming->queue = fds[0].fd;
		return result;
	}
	if (result != 0) {
		arming->wait->revents |= fds[0].revents;
		arming->told = true;
		return result;
	}
	old = arming->wait->revents;
	*arming->wait = fds[0];
	arming->wait->revents = old;
	if (arming->queue >= 0)
		arming->wait->fd = arming->queue;
	arming->caught = true;
	fd_claim(arming->wait->fd, FD_RUNTIME);	/* made by the kernel, unseen */
	errno = EINTR;
	return -1;
}

int rdma_ready(int rs, short events)
{
	struct pollfd fd = { .fd = rs, .events = events };
	long ret;

	turn_begin(rs);
	ret = INSIDE(runtime.rpoll(&fd, 1, 0));
	turn_end(rs);
	return ret > 0 ? fd.revents : (int)ret;
}

/* One rpoll(); 0 when it has been made to return by the hook, or slept. */
static int arm_once(int rs, short events, struct arming *state)
{
	struct pollfd fd = { .fd = rs, .events = events };
	long ret;

	turn_begin(rs);
	rdma_arming = state;
	ret = INSIDE(runtime.rpoll(&fd, 1, NOT_OURS_MS));
	rdma_arming = NULL;
	turn_end(rs);
	if (ret > 0)
		return fd.revents;
	return state->caught ? 0 : (int)ret;
}

bool rdma_may_arm(void)
{
	return armed || !critical_in_handler();
}

int rdma_arm(int rs, short events, struct pollfd *wait)
{
	struct arming state = { .wait = wait, .queue = -1 };
	int ready;

	armed = true;
	wait->fd = -1;
	wait->events = wait->revents = 0;
	do {
		ready = arm_once(rs, events, &state);
	} while (ready == 0 && !state.caught && state.asked);
	return ready == 0 && !state.caught ? -ENOSYS : ready;
}
