// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the service thread does beside looking at watched connections (watch.c)
 * and at those whose time has come (timer.c): operators, new policies, threads
 * that a signal handler could not make.
 */
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fd.h"
#include "conn/carrier.h"
#include "conn/drain.h"
#include "conn/limits.h"
#include "conn/loop.h"
#include "conn/operator.h"
#include "conn/quota.h"
#include "conn/ration.h"
#include "conn/service.h"
#include "conn/stranger.h"
#include "conn/tick.h"
#include "conn/timer.h"
#include "conn/watch.h"
#include "conn/work.h"

#define POLICY_MS 1000	/* between looks for a new policy, with lanes */

static int control = -1;	/* the socket for operators */

static uint64_t policy_due_ms;	/* the thread's own */

/*
 * Who has a lane wants to hear of a new policy, though nothing asks for one.
 * Only then is every connection looked at.
 */
static void look_for_policy(uint64_t now)
{
	struct conn *conn = NULL;

	if (carrier->live() == 0 || now < policy_due_ms)
		return;
	policy_due_ms = now + POLICY_MS;
	operator_knock(control);	/* who came when there was no fd */
	if (!drain_policy_is_new())
		return;
	while ((conn = watch_after(conn)))
		tick(conn);
}

static int time_to_sleep(void)
{
	uint64_t now = clock_ms();

	if (carrier->live() == 0)
		return -1;
	return policy_due_ms > now ? (int)(policy_due_ms - now) : 0;
}

static int have_round(void)
{
	watch_drop_gone();
	audit_table();
	work_catch_up();
	look_for_policy(clock_ms());
	return time_to_sleep();
}

static void knock(void *arg)
{
	(void)arg;
	operator_knock(control);
}

static struct loop_source operators = { .ready = knock };

/* A process does without operators, if need be. */
static int begin(void)
{
	if (control < 0)
		control = operator_listen();
	/* Edge-triggered: at EMFILE accept() leaves him where he is. */
	if (control >= 0 &&
	    loop_add_held(control, EPOLLIN | EPOLLET, &operators) != 0) {
		fd_close(control);
		control = -1;
	}
	return timer_begin();
}

static void look(void *watched)
{
	tick(watched);
}

const struct loop_hooks loop_hooks = {
	.begin = begin,
	.round = have_round,
	.look = look,
};

void service_after_fork(void)
{
	watch_after_fork();
	loop_after_fork();
	limits_after_fork();
	quota_after_fork();
	ration_after_fork();
	stranger_after_fork();
	if (control >= 0)
		fd_close(control);
	timer_after_fork();
	operator_after_fork();
	control = -1;
	drain_after_fork();
	policy_due_ms = 0;
}
