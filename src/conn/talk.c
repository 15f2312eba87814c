// SPDX-License-Identifier: BSD-2-Clause
#include "conn/talk.h"

#include "base/clock.h"
#include "base/real.h"
#include "conn/auth.h"
#include "conn/carrier.h"
#include "conn/parts.h"

#define SLICE_MS 5	/* librdmacm's own threads may take the news */

int talk_wait(int rs, short events, uint64_t until_ms)
{
	struct pollfd wait;
	int ready;

	for (;;) {
		wait.fd = -1;
		wait.events = wait.revents = 0;
		ready = carrier->arm(rs, events, &wait);
		if (ready != 0)
			return ready < 0 ? ready : 0;
		if (clock_ms() >= until_ms)
			return -ETIMEDOUT;
		real.poll(&wait, wait.fd >= 0, SLICE_MS);
	}
}

static int put_all(const struct talk *talk, uint8_t *out, size_t size)
{
	struct iovec iov = { out, size };
	ssize_t put;
	int ret;

	while (iov.iov_len > 0) {
		put = carrier->send(talk->rs, &iov, 1);
		if (put > 0) {
			iov.iov_base = (uint8_t *)iov.iov_base + put;
			iov.iov_len -= put;
			continue;
		}
		if (put != -EAGAIN)
			return put == 0 ? -EIO : put;
		ret = talk_wait(talk->rs, POLLOUT, talk->until_ms);
		if (ret)
			return ret;
	}
	return 0;
}

static int get_all(const struct talk *talk, uint8_t *in, size_t size)
{
	struct iovec iov = { in, size };
	ssize_t got;
	int ret;

	while (iov.iov_len > 0) {
		got = carrier->receive(talk->rs, &iov, 1, 0);
		if (got > 0) {
			iov.iov_base = (uint8_t *)iov.iov_base + got;
			iov.iov_len -= got;
			continue;
		}
		if (got != -EAGAIN)
			return got == 0 ? -ECONNRESET : got;
		ret = talk_wait(talk->rs, POLLIN, talk->until_ms);
		if (ret)
			return ret;
	}
	return 0;
}

int talk_put(struct talk *talk, struct wire_lane *message)
{
	uint8_t out[WIRE_LANE_MAX];
	size_t size;

	message->signed_ = talk->conn && talk->conn->join.authentic;
	size = wire_put_lane(out, message);
	if (message->signed_ && !auth_sign(talk->conn, out, talk->last))
		return -EKEYREJECTED;
	return put_all(talk, out, size);
}

int talk_read(const struct talk *talk, uint8_t in[WIRE_LANE_MAX])
{
	int ret = get_all(talk, in, WIRE_LANE_SIZE), size;

	if (ret)
		return ret;
	size = wire_lane_length(in);
	if (size > WIRE_LANE_SIZE)
		ret = get_all(talk, in + WIRE_LANE_SIZE, size - WIRE_LANE_SIZE);
	return ret ? ret : size;
}

int talk_check(const struct conn *conn, const uint8_t *in,
	       const struct wire_lane *message, uint8_t last[WIRE_MAC_SIZE])
{
	if (message->type == WIRE_REFUSED)
		return message->boundary == REASON_lane_address
			       ? -EREMCHG
			       : -EKEYREJECTED; /* what he says of ours */
	if (message->signed_ != conn->join.authentic)
		return conn->join.authentic ? -EKEYREJECTED : -EPROTO;
	return !conn->join.authentic || auth_check(conn, in, last) ? 0
							       : -EKEYREJECTED;
}

int talk_get(struct talk *talk, enum wire_type type, struct wire_lane *message)
{
	uint8_t in[WIRE_LANE_MAX];
	int ret, size = talk_read(talk, in);

	if (size < 0)
		return size;
	ret = wire_get_lane(in, size, message);
	if (ret == 0)
		ret = talk_check(talk->conn, in, message, talk->last);
	if (ret == 0 && message->type != type)
		ret = -EPROTO;
	return ret;
}
