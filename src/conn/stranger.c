// SPDX-License-Identifier: BSD-2-Clause
#include "conn/stranger.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/memory.h"
#include "conn/carrier.h"
#include "conn/quota.h"
#include "conn/talk.h"

static struct lock lock = LOCK_INIT(strangers);
static struct stranger *first, **last = &first;
static unsigned served;		/* have a thread */

struct stranger *stranger_new(int rs, uint64_t pins)
{
	struct stranger *stranger = memory_new(sizeof(*stranger));
	struct sockaddr_storage from;

	if (!stranger)
		return NULL;
	if (carrier->peer_address(rs, &from) != 0)
		memset(&from, 0, sizeof(from));
	stranger->rs = rs;
	limits_pinned(&stranger->claim, &from, pins);
	return stranger;
}

enum reason stranger_enter(struct stranger *stranger)
{
	enum reason reason = limits_stranger_begin(&stranger->claim);

	if (reason != REASON_none)
		return reason;
	lock_acquire(&lock);
	stranger->next = NULL;
	*last = stranger;
	last = &stranger->next;
	lock_release(&lock);
	return REASON_none;
}

/* With lock. */
static void take_out(struct stranger **link)
{
	struct stranger *stranger = *link;

	*link = stranger->next;
	if (last == &stranger->next)
		last = link;
}

bool stranger_withdraw(struct stranger *stranger)
{
	struct stranger **link;
	bool found;

	lock_acquire(&lock);
	for (link = &first; *link && *link != stranger;)
		link = &(*link)->next;
	found = *link;
	if (found)
		take_out(link);
	lock_release(&lock);
	if (found)
		limits_stranger_end(stranger->claim.from);
	return found;
}

/* With lock: the first whose address has not its part of the threads. */
static struct stranger *pick(void)
{
	struct stranger **link = &first, *found;

	while (*link && !quota_take((*link)->claim.from, QUOTA_THREADS, 1,
				    BOUND_strangers - served))
		link = &(*link)->next;
	found = *link;
	if (found) {
		take_out(link);
		served++;
	}
	return found;
}

struct stranger *stranger_next(struct stranger *done)
{
	struct quota *from = done ? done->from : NULL;
	struct stranger *next;

	lock_acquire(&lock);
	if (done) {
		quota_give(from, QUOTA_THREADS, 1);
		served--;
	}
	next = pick();
	lock_release(&lock);
	if (next)
		next->from = quota_again(next->claim.from);
	if (done) {
		limits_stranger_end(from);
		quota_drop(from);
		memory_free(done);
	}
	return next;
}

static bool others_wait(void)
{
	bool wait;

	lock_acquire(&lock);
	wait = first;
	lock_release(&lock);
	return wait;
}

/* Any number of peers can make a lane and be silent. */
int stranger_await(const struct stranger *stranger)
{
	uint64_t begun_ms = clock_ms(), now = begun_ms;
	int ret = -ETIMEDOUT;

	while (ret == -ETIMEDOUT && now - begun_ms < BOUND_stranger_ms &&
	       (now - begun_ms < BOUND_stranger_busy_ms || !others_wait())) {
		ret = talk_wait(stranger->rs, POLLIN,
				now + BOUND_stranger_busy_ms);
		now = clock_ms();
	}
	return ret;
}

void stranger_after_fork(void)
{
	lock_init(&lock, LOCK_strangers);
	first = NULL;
	last = &first;
	served = 0;
}
