// SPDX-License-Identifier: BSD-2-Clause
/*
 * What one address may hold: a part of what the others leave, so that some is
 * left for the next.
 */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/real.h"
#include "conn/quota.h"

static struct quota *of(const char *text)
{
	struct sockaddr_storage address;
	struct quota *quota;

	real_init();
	cr_assert_eq(addr_parse(text, &address), 0);
	quota = quota_hold(&address);
	cr_assert_not_null(quota);
	return quota;
}

/* How many of `left` it takes, one by one. */
static unsigned take_all(struct quota *quota, unsigned left)
{
	unsigned taken = 0;

	while (left > 0 && quota_take(quota, QUOTA_LANES, 1, left)) {
		taken++;
		left--;
	}
	return taken;
}

Test(quota, leaves_something_for_the_next)
{
	unsigned left = 1024, taken;

	quota_limit(75);
	taken = take_all(of("10.0.0.1:1"), left);
	cr_assert_eq(taken, 768);
	left -= taken;
	cr_assert_eq(take_all(of("10.0.0.2:1"), left), 192);
}

Test(quota, is_rounded_up)
{
	quota_limit(75);
	cr_assert_eq(take_all(of("10.0.0.1:1"), 1), 1);
	cr_assert_eq(take_all(of("10.0.0.2:1"), 2), 2);
	cr_assert_eq(take_all(of("10.0.0.3:1"), 4), 3);
	cr_assert_eq(take_all(of("10.0.0.4:1"), 0), 0);
}

Test(quota, may_be_all)
{
	quota_limit(100);
	cr_assert_eq(take_all(of("10.0.0.1:1"), 100), 100);
}

Test(quota, is_given_back)
{
	struct quota *quota = of("10.0.0.1:1");
	unsigned i;

	quota_limit(75);
	cr_assert_eq(take_all(quota, 100), 75);
	cr_assert_not(quota_may(quota, QUOTA_LANES, 1, 25));
	for (i = 0; i < 75; i++)
		quota_give(quota, QUOTA_LANES, 1);
	quota_drop(quota);
	cr_assert_eq(take_all(of("10.0.0.1:1"), 100), 75);
}

/* Ports differ; a host has 2^64 addresses of its IPv6 network. */
Test(quota, is_a_hosts)
{
	cr_assert_eq(of("10.0.0.1:1"), of("10.0.0.1:2"));
	cr_assert_eq(of("[::ffff:10.0.0.1]:1"), of("10.0.0.1:2"));
	cr_assert_eq(of("[fd00::1]:1"), of("[fd00::2]:1"));
	cr_assert_neq(of("[fd00::1]:1"), of("[fd00:0:0:1::1]:1"));
	cr_assert_neq(of("10.0.0.1:1"), of("10.0.0.2:1"));
}

Test(quota, without_a_limit_there_is_none)
{
	struct quota *quota = of("10.0.0.1:1");

	quota_limit(1);
	cr_assert(quota_take(quota, QUOTA_PINNED, 1 << 30, UINT64_MAX));
	cr_assert(quota_take(quota, QUOTA_PINNED, 1 << 30, UINT64_MAX));
	cr_assert(quota_take(NULL, QUOTA_LANES, 1, 1));
	cr_assert_not(quota_take(NULL, QUOTA_LANES, 1, 0));
}

Test(quota, a_child_begins_with_none)
{
	struct quota *quota = of("10.0.0.1:1");
	int status;
	pid_t pid;

	quota_limit(75);
	cr_assert_eq(take_all(quota, 100), 75);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		quota_after_fork();
		quota_drop(quota);	/* inherited */
		_exit(take_all(of("10.0.0.1:1"), 100) != 75);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}
