/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection without a program, for units that look at what is kept of it. */
#ifndef CONN_HELP_H
#define CONN_HELP_H

#include <criterion/criterion.h>
#include <sys/socket.h>

#include "base/real.h"
#include "conn/parts.h"

/* Accepted, in its greeting; the other end is open and says nothing. */
static inline struct conn *conn_alone(void)
{
	struct policy_decision decision = { 0 };
	struct sockaddr_storage remote = { .ss_family = AF_INET };
	struct conn *conn;
	int ends[2];

	real_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	conn = conn_new(ends[0], CONN_PASSIVE, &decision, &remote, NULL);
	cr_assert_not_null(conn);
	return conn;
}

#endif
