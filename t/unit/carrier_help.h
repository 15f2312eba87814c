/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A carrier without RDMA, for units: an endpoint is one of a pair of stream
 * sockets. What a test does not need stays NULL.
 */
#ifndef CARRIER_HELP_H
#define CARRIER_HELP_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/real.h"
#include "conn/carrier.h"
#include "conn_help.h"

static unsigned carrier_looks;		/* calls of ready() */

static ssize_t carrier_receive(int rs, const struct iovec *iov, int count,
			       int flags)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov,
			      .msg_iovlen = (size_t)count };
	ssize_t got = real.recvmsg(rs, &msg, flags | MSG_DONTWAIT);

	return got < 0 ? -errno : got;
}

static ssize_t carrier_send(int rs, const struct iovec *iov, int count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov,
			      .msg_iovlen = (size_t)count };
	ssize_t put = real.sendmsg(rs, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);

	return put < 0 ? -errno : put;
}

static int carrier_ready(int rs, short events)
{
	struct pollfd pfd = { .fd = rs, .events = events };

	carrier_looks++;
	return real.poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

static void carrier_close(int rs)
{
	real.close(rs);
}

static const struct carrier carrier_pair = {
	.receive = carrier_receive,
	.send = carrier_send,
	.ready = carrier_ready,
	.close = carrier_close,
};

/* A connection on a lane of this carrier; *far is the lane's other end. */
static inline struct conn *conn_on_lane(int *far)
{
	struct conn *conn = conn_alone();
	int ends[2];

	carrier = &carrier_pair;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	conn->lane.rs = ends[0];
	*far = ends[1];
	lane_step(&conn->lane.stage, LANE_ON_up);
	conn->decision.lane.receive_buffer = 4096;
	conn->decision.lane.send_buffer = 4096;
	return conn;
}

#endif
