// SPDX-License-Identifier: BSD-2-Clause
/* What connections have carried is counted once, while they live and after. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/real.h"
#include "conn/core.h"
#include "conn/crowd.h"
#include "conn/parts.h"

static struct tally_view views[TALLY_ROWS];

static struct conn *make(const char *rule)
{
	struct sockaddr_storage remote = { .ss_family = AF_INET };
	struct policy_decision decision = { .mode = POLICY_PREFER };
	struct conn *conn;
	int ends[2];

	real_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	snprintf(decision.rule, sizeof(decision.rule), "%s", rule);
	conn = conn_new(ends[0], CONN_PASSIVE, &decision, &remote, NULL);
	cr_assert_not_null(conn);
	close(ends[0]);
	close(ends[1]);
	return conn;
}

static void carry(struct conn *conn, uint64_t tcp, uint64_t rdma)
{
	conn->tx.bytes += tcp + rdma;
	conn->tx.raw += tcp;
	conn_moved(conn, FLOW_TCP_SENT);
}

/* As an asker does; the row of that rule. */
static const struct tally_view *row(const char *rule)
{
	struct crowd crowd;
	size_t i, count;

	crowd_gather(&crowd);
	count = tally_read(crowd.conns, crowd.count, views);
	crowd_disperse(&crowd);
	for (i = 0; i < count; i++)
		if (!strcmp(views[i].rule, rule))
			return &views[i];
	cr_assert_fail("no row of %s", rule);
	return NULL;
}

Test(tally, the_living_and_the_ended)
{
	struct conn *one = make("a"), *other = make("a"), *third = make("b");

	carry(one, 10, 1000);
	carry(other, 20, 0);
	carry(third, 5, 5);
	cr_assert_eq(row("a")->bytes[FLOW_TCP_SENT], 30);
	cr_assert_eq(row("a")->bytes[FLOW_RDMA_SENT], 1000);
	cr_assert_eq(row("a")->messages[FLOW_TCP_SENT], 2);
	cr_assert_eq(row("a")->open_tcp, 2);
	cr_assert_eq(row("b")->bytes[FLOW_TCP_SENT], 5);
	conn_drop(one);
	cr_assert_eq(row("a")->bytes[FLOW_TCP_SENT], 30);
	cr_assert_eq(row("a")->bytes[FLOW_RDMA_SENT], 1000);
	cr_assert_eq(row("a")->open_tcp, 1);
	cr_assert_eq(row("a")->connections, 2);
	conn_drop(other);
	conn_drop(third);
}

/* One that was counted and cannot be seen for a while makes nothing fall. */
Test(tally, no_number_falls)
{
	struct conn *conn = make("a");

	carry(conn, 100, 0);
	cr_assert_eq(row("a")->bytes[FLOW_TCP_SENT], 100);
	conn->object.references = 0;	/* closed, and not freed yet */
	cr_assert_eq(row("a")->bytes[FLOW_TCP_SENT], 100);
	cr_assert_eq(row("a")->open_tcp, 0);
	conn_drop(conn);
	cr_assert_eq(row("a")->bytes[FLOW_TCP_SENT], 100);
}

Test(tally, steps)
{
	struct conn *conn = make("a");

	tally_step(conn, STATE_greeted, STATE_joining, REASON_too_short);
	tally_step(conn, STATE_joining, STATE_on_rdma, REASON_on_rdma);
	tally_step(conn, STATE_on_rdma, STATE_retreating, REASON_drained);
	tally_step(conn, STATE_retreating, STATE_plain, REASON_drained);
	tally_step(conn, STATE_joining, STATE_plain, REASON_no_route);
	tally_step(conn, STATE_joining, STATE_plain, REASON_peer_closed);
	cr_assert_eq(row("a")->joined, 1);
	cr_assert_eq(row("a")->unjoined, 1);
	cr_assert_eq(row("a")->ended, 1);
	cr_assert_eq(row("a")->retreats, 1);
	cr_assert_eq(conn->account.retreats, 1);
	cr_assert_eq(row("a")->join.buckets[0], 1);
	cr_assert_eq(row("a")->retreat.buckets[0], 1);
	conn_drop(conn);
}

/* A cancelled lane carried nothing, so nothing was left. */
Test(tally, a_cancelled_lane_is_no_retreat)
{
	struct conn *conn = make("a");

	tally_step(conn, STATE_joining, STATE_retreating, REASON_join_failed);
	tally_step(conn, STATE_retreating, STATE_plain, REASON_join_failed);
	cr_assert_eq(row("a")->unjoined, 1);
	cr_assert_eq(row("a")->retreats, 0);
	cr_assert_eq(row("a")->retreat.buckets[0], 0);
	conn_drop(conn);
}

Test(tally, rules_have_a_most)
{
	struct conn *conns[TALLY_ROWS + 10];
	char rule[16];
	int i;

	for (i = 0; i < TALLY_ROWS + 10; i++) {
		snprintf(rule, sizeof(rule), "rule%d", i);
		conns[i] = make(rule);
		carry(conns[i], 1, 0);
	}
	cr_assert_eq(row("rule62")->bytes[FLOW_TCP_SENT], 1);
	cr_assert_eq(row(TALLY_OTHER)->bytes[FLOW_TCP_SENT], 11);
	for (i = 0; i < TALLY_ROWS + 10; i++)
		conn_drop(conns[i]);
	cr_assert_eq(row(TALLY_OTHER)->bytes[FLOW_TCP_SENT], 11);
}

/* What a child has inherited counts for its parent. */
Test(tally, a_child_begins_at_zero)
{
	struct conn *conn = make("a");

	carry(conn, 100, 0);
	cr_assert_eq(row("a")->bytes[FLOW_TCP_SENT], 100);
	tally_after_fork();
	crowd_after_fork();
	cr_assert_eq(row("a")->bytes[FLOW_TCP_SENT], 0);
	cr_assert_eq(row("a")->open_tcp, 0);
	conn_drop(conn);
	cr_assert_eq(row("a")->bytes[FLOW_TCP_SENT], 0);
}

/* More than the list is locked for at once. */
Test(crowd, each_once)
{
	struct conn *conns[1000];
	struct crowd crowd;
	uint64_t last = 0;
	size_t i;

	for (i = 0; i < 1000; i++)
		conns[i] = make("a");
	crowd_gather(&crowd);
	cr_assert_eq(crowd.count, 1000);
	for (i = 1000; i--;) {
		cr_assert_gt(crowd.conns[i]->account.number, last);
		last = crowd.conns[i]->account.number;
	}
	crowd_disperse(&crowd);
	for (i = 0; i < 1000; i++)
		conn_drop(conns[i]);
	crowd_gather(&crowd);
	cr_assert_eq(crowd.count, 0);
	crowd_disperse(&crowd);
}
