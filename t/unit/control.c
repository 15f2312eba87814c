// SPDX-License-Identifier: BSD-2-Clause
/* What outbox_say() says arrives, however long the TCP leg takes nothing. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/real.h"
#include "conn/core.h"
#include "conn/cross.h"
#include "conn/inbox.h"
#include "conn/outbox.h"
#include "conn/parts.h"

#define MANY 5000

static struct conn *conn;
static int ends[2];
static size_t ballast;

/* A leg that has taken the mark and ACK{1}, and takes no more. */
static void make_full_leg(void)
{
	static const char bytes[4096];
	struct policy_decision decision = { 0 };
	struct sockaddr_storage remote = { .ss_family = AF_INET };
	ssize_t put;

	real_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	conn = conn_new(ends[0], CONN_PASSIVE, &decision, &remote, NULL);
	cr_assert_not_null(conn);
	memset(conn->join.mark, 0xaa, sizeof(conn->join.mark));
	outbox_say(conn, WIRE_ACK, 0, 1);
	while ((put = send(ends[0], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		ballast += put;
	cr_assert_eq(errno, EAGAIN);
}

static void take(void *to, size_t size)
{
	cr_assert_eq(recv(ends[1], to, size, MSG_WAITALL), (ssize_t)size);
}

static void empty_leg(void)
{
	uint8_t in[4096];
	size_t size;

	for (; ballast > 0; ballast -= size) {
		size = ballast < sizeof(in) ? ballast : sizeof(in);
		take(in, size);
	}
}

static struct wire_record next(void)
{
	struct wire_record record;
	uint8_t in[WIRE_RECORD_SIZE];

	take(in, sizeof(in));
	cr_assert_eq(wire_get_record(in, sizeof(in), &record),
		     WIRE_RECORD_SIZE);
	return record;
}

Test(control, what_waits_is_said_once_and_newest)
{
	uint8_t mark[WIRE_TOKEN_SIZE];
	struct wire_record record;
	uint64_t i;

	make_full_leg();
	for (i = 2; i < MANY; i++) {
		outbox_say(conn, WIRE_ACK, 0, i);
		outbox_say(conn, WIRE_PROBE, 0, 2 * i);
	}
	outbox_say(conn, WIRE_CLOSE, 0, 7);
	outbox_say(conn, WIRE_CLOSE, WIRE_CLOSE_FULL, 7);
	outbox_say(conn, WIRE_RETREAT, 0, 8);
	outbox_say(conn, WIRE_ACK, WIRE_ACK_CLOSE, MANY);
	outbox_say(conn, WIRE_RESUME, 0, 9);
	outbox_say(conn, WIRE_ACK, 0, MANY + 1); /* behind RESUME: never */
	cr_assert_not(outbox_flushed(conn));

	take(mark, sizeof(mark));
	cr_assert_arr_eq(mark, conn->join.mark, sizeof(mark));
	cr_assert_eq(next().offset, 1);
	empty_leg();
	cr_assert(outbox_flushed(conn));
	record = next();
	cr_assert_eq(record.type, WIRE_ACK);
	cr_assert_eq(record.offset, MANY);
	cr_assert_eq(record.flags, WIRE_ACK_CLOSE);
	record = next();
	cr_assert_eq(record.type, WIRE_PROBE);
	cr_assert_eq(record.offset, 2 * (MANY - 1));
	record = next();
	cr_assert_eq(record.type, WIRE_CLOSE);
	cr_assert_eq(record.flags, WIRE_CLOSE_FULL);
	cr_assert_eq(next().type, WIRE_RETREAT);
	record = next();
	cr_assert_eq(record.type, WIRE_RESUME);
	cr_assert_eq(record.offset, 9);
	cr_assert_eq(recv(ends[1], mark, 1, MSG_DONTWAIT), -1);
}

Test(control, a_record_that_went_in_part_is_ended)
{
	make_full_leg();
	outbox_say(conn, WIRE_PROBE, 0, 1);
	/* As if the leg had taken five bytes of a record before. */
	cr_assert_eq(conn->leg.out_size, WIRE_RECORD_SIZE);
	conn->leg.out_size -= 5;
	memmove(conn->leg.out, conn->leg.out + 5, conn->leg.out_size);
	outbox_say(conn, WIRE_PROBE, 0, 2);
	outbox_say(conn, WIRE_PROBE, 0, 3);
	cr_assert_eq(conn->leg.out_size, 2 * WIRE_RECORD_SIZE - 5);
	cr_assert_eq(conn->leg.out[WIRE_RECORD_SIZE - 5], WIRE_PROBE);
	cr_assert_eq(conn->leg.out[2 * WIRE_RECORD_SIZE - 5 - 1], 3);
}

/* What it carries looks like records, and is sent as it is. */
Test(control, a_return_waits_whole)
{
	uint8_t bytes[300], in[WIRE_RECORD_MAX];
	size_t most = WIRE_RECORD_MAX - WIRE_RECORD_SIZE;

	make_full_leg();
	memset(bytes, WIRE_ACK, sizeof(bytes));
	cr_assert_eq(outbox_return(conn, 70, bytes, sizeof(bytes)), most);
	cr_assert_eq(outbox_return(conn, 70 + most, bytes, 9), 0);
	outbox_say(conn, WIRE_ACK, 0, 5);
	outbox_say(conn, WIRE_ACK, 0, 6);
	cr_assert_eq(conn->leg.out_size, WIRE_RECORD_MAX + WIRE_RECORD_SIZE);
	take(in, WIRE_TOKEN_SIZE);
	cr_assert_eq(next().offset, 1);
	empty_leg();
	cr_assert(outbox_flushed(conn));
	take(in, sizeof(in));
	cr_assert_eq(in[WIRE_RECORD_TYPE], WIRE_RETURN);
	cr_assert_arr_eq(in + WIRE_RECORD_SIZE, bytes, most);
	cr_assert_eq(next().offset, 6);
}

/* A mark may begin as a record of any type does. */
Test(control, the_mark_is_no_record)
{
	make_full_leg();
	conn->leg.mark_sent = false;
	conn->leg.out_size = conn->leg.out_kept = 0;
	memset(conn->join.mark, WIRE_ACK, sizeof(conn->join.mark));
	outbox_say(conn, WIRE_ACK, 0, 1);
	outbox_say(conn, WIRE_ACK, 0, 2);
	cr_assert_eq(conn->leg.out_size, WIRE_TOKEN_SIZE + WIRE_RECORD_SIZE);
	cr_assert_arr_eq(conn->leg.out, conn->join.mark, WIRE_TOKEN_SIZE);
	cr_assert_eq(conn->leg.out[WIRE_TOKEN_SIZE + WIRE_RECORD_SIZE - 1], 2);
}

/* -- what the leg tells ------------------------------------------------------ */

static void make_leg(enum conn_state state)
{
	struct policy_decision decision = { 0 };
	struct sockaddr_storage remote = { .ss_family = AF_INET };

	real_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	conn = conn_new(ends[0], CONN_PASSIVE, &decision, &remote, NULL);
	cr_assert_not_null(conn);
	memset(conn->join.peer_mark, 0xbb, sizeof(conn->join.peer_mark));
	conn->decision.lane.stall_timeout_ms = 3000;
	conn->state = state;
	conn->rx.stage = RX_RAW;
	conn->tx.stage = TX_RAW;
	close(ends[0]);
}

static bool comes_true(bool (*what)(const struct conn *conn))
{
	int i;

	for (i = 0; i < 2000 && !what(conn); i++)
		real.poll(NULL, 0, 1);
	return what(conn);
}

static bool plain(const struct conn *of)
{
	return conn_is_plain(of);
}

/* The lane was cancelled at the boundary; no application looks at it. */
static void cancel(void)
{
	make_leg(STATE_joining);
	conn->rx.boundary = 0;
	cr_assert(conn_step(conn, EVENT_cancelled, REASON_join_timeout));
	conn_cross(conn);
	cr_assert_eq(conn->rx.stage, RX_MAYBE);
	real.poll(NULL, 0, 20);
	cr_assert_not(conn_is_plain(conn));
}

Test(control, raw_bytes_at_the_boundary_are_seen_by_the_service_thread)
{
	char byte;

	cancel();
	cr_assert_eq(send(ends[1], "x", 1, 0), 1);
	cr_assert(comes_true(plain));
	cr_assert_eq(recv(conn_socket(conn), &byte, 1, MSG_DONTWAIT), 1);
	cr_assert_eq(byte, 'x');
}

Test(control, so_is_a_part_of_the_mark_that_is_none)
{
	cancel();
	conn->decision.lane.stall_timeout_ms = 100;
	cr_assert_eq(send(ends[1], "\xbb\xbb", 2, 0), 2);
	real.poll(NULL, 0, 30);
	cr_assert_not(conn_is_plain(conn));
	cr_assert(comes_true(plain));
}

Test(control, so_is_the_mark)
{
	struct wire_record record = { WIRE_RETREAT, 0, 0 };
	uint8_t out[WIRE_TOKEN_SIZE + 2 * WIRE_RECORD_SIZE];

	cancel();
	memcpy(out, conn->join.peer_mark, WIRE_TOKEN_SIZE);
	wire_put_record(out + WIRE_TOKEN_SIZE, &record);
	record.type = WIRE_RESUME;
	wire_put_record(out + WIRE_TOKEN_SIZE + WIRE_RECORD_SIZE, &record);
	cr_assert_eq(send(ends[1], out, sizeof(out), 0), sizeof(out));
	cr_assert(comes_true(plain));
	cr_assert_eq(recv(conn_socket(conn), out, 1, MSG_DONTWAIT), -1);
}

/* What the kernel says when the peer has shut down, and later resets. */
static void kernel_says(ssize_t *got, int *got_error, int *put_error)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t length = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM, 0), near, far;
	struct pollfd reset = { .events = 0 };
	char byte;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(listener, (struct sockaddr *)&in, length), 0);
	cr_assert_eq(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&in, &length);
	far = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(far, (struct sockaddr *)&in, length), 0);
	near = accept(listener, NULL, NULL);
	shutdown(far, SHUT_WR);
	cr_assert_eq(send(near, "x", 1, 0), 1);
	close(far);		/* with a byte unread */
	reset.fd = near;
	cr_assert_eq(poll(&reset, 1, 5000), 1);
	*got = recv(near, &byte, 1, 0);
	*got_error = errno;
	cr_assert_eq(send(near, "x", 1, MSG_NOSIGNAL), -1);
	*put_error = errno;
}

Test(control, a_reset_behind_a_half_close_is_the_kernels)
{
	int got_error, put_error;
	struct iovec iov = { &put_error, 1 };
	ssize_t got;

	make_leg(STATE_on_rdma);
	conn->rx.stage = RX_LANE;
	conn->tx.stage = TX_LANE;
	conn->rx.end = conn->rx.bytes;
	inbox_ended(conn, LEG_RST);
	kernel_says(&got, &got_error, &put_error);
	cr_assert_eq(conn_receive(conn, &iov, 1, 0),
		     got < 0 ? -got_error : got);
	cr_assert_eq(got, 0);
	cr_assert_eq(conn_transmit(conn, &iov, 1, 0), -put_error);
	cr_assert_eq(put_error, EPIPE);
}
