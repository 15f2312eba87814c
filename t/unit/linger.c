// SPDX-License-Identifier: BSD-2-Clause
/*
 * Closed connections that are kept for their peers are counted, and no longer
 * when they are gone, whatever took them: their end in order, or before it a
 * retreat that was over, an error, or no service thread to look after them.
 */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conn/core.h"
#include "conn/end.h"
#include "conn/linger.h"
#include "conn/watch.h"
#include "conn_help.h"

/* The service thread has done with it, so that it is only counted. */
static struct conn *make(void)
{
	struct conn *conn = conn_alone();

	unwatch_conn(conn);
	close_step(&conn->close.stage, CLOSE_ON_closed);
	return conn;
}

Test(linger, is_counted_once)
{
	struct conn *conn = make();

	end_linger(conn);
	end_linger(conn);
	cr_assert_eq(linger_count(), 1);
	linger_end(conn);
	linger_end(conn);
	cr_assert_eq(linger_count(), 0);
	end_linger(conn);	/* it is over for good */
	cr_assert_eq(linger_count(), 0);
}

/* Nobody looks at it any more, and the last who holds it lets it go. */
Test(linger, what_is_dropped_is_not_counted)
{
	struct conn *conn = make();

	end_linger(conn);
	cr_assert_eq(linger_count(), 1);
	conn_drop(conn);
	cr_assert_eq(linger_count(), 0);
}

Test(linger, what_a_child_inherits_is_its_parents)
{
	struct conn *old = make();
	int status;
	pid_t pid;

	end_linger(old);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		linger_after_fork();
		linger_end(old);
		_exit(linger_count() != 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(linger_count(), 1);
}

/* An exec has failed, and meanwhile it came to be plain: its end is in order. */
Test(linger, a_plain_end_is_no_reset)
{
	struct conn *conn = conn_alone();
	struct linger now = { .l_onoff = 1 };
	socklen_t length = sizeof(now);

	cr_assert_eq(watch_conn(conn), 0);
	conn->close.before = (struct linger){ 0 };
	cr_assert_eq(setsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &now,
				length), 0);
	conn->state = STATE_plain;
	unwatch_conn(conn);
	cr_assert_eq(getsockopt(conn->tcp, SOL_SOCKET, SO_LINGER, &now,
				&length), 0);
	cr_assert_eq(now.l_onoff, 0);
	cr_assert_eq(conn->close.before.l_onoff, LINGER_KEPT);
}
