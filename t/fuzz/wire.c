/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire decoders, each fed with the whole input. What decodes must encode
 * to a message that decodes to the same; a message's length never depends on
 * what follows it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conn/wire.h"
#include "diag/reason.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth)
{
	if (!truth)
		abort();
}

static void hello(const uint8_t *data, size_t size)
{
	struct wire_hello first, second;
	uint8_t out[WIRE_HELLO_MAX];
	size_t n;

	memset(&first, 0, sizeof(first));
	memset(&second, 0, sizeof(second));
	if (wire_get_hello(data, size, &first) != 0)
		return;
	n = wire_put_hello(out, &first);
	must(n == WIRE_HELLO_SIZE && wire_length(out, n) == (int)n);
	must(wire_get_hello(out, n, &second) == 0);
	must(first.flags == second.flags);
	must(!memcmp(first.mark, second.mark, sizeof(first.mark)));
	must(!memcmp(&first.local, &second.local, sizeof(first.local)));
	must(!memcmp(&first.remote, &second.remote, sizeof(first.remote)));
}

static void reply(const uint8_t *data, size_t size)
{
	struct wire_reply first, second;
	uint8_t out[WIRE_REPLY_MAX];
	size_t n;

	if (wire_get_reply(data, size, &first) != 0)
		return;
	must(first.count >= 0 && first.count <= WIRE_REPLY_MAX_ADDRESSES);
	must(reason_sentence(first.reason) != NULL);
	n = wire_put_reply(out, &first);
	must(n <= sizeof(out) && wire_length(out, n) == (int)n);
	must(wire_get_reply(out, n, &second) == 0);
	must(first.count == second.count && first.flags == second.flags);
	must(!memcmp(first.token, second.token, sizeof(first.token)));
}

static void lane(const uint8_t *data, size_t size)
{
	struct wire_lane first, second;
	uint8_t out[WIRE_LANE_MAX];
	size_t n;

	if (wire_get_lane(data, size, &first) != 0)
		return;
	n = wire_put_lane(out, &first);
	must(n == (first.signed_ ? WIRE_LANE_MAX : WIRE_LANE_SIZE));
	must(n == size && wire_lane_length(out) == (int)n);
	must(wire_get_lane(out, n, &second) == 0);
	must(first.type == second.type && first.boundary == second.boundary);
	must(first.signed_ == second.signed_);
	must(!memcmp(first.mac, second.mac, sizeof(first.mac)));
}

static void records(const uint8_t *data, size_t size)
{
	struct wire_record record;
	int n;

	while ((n = wire_get_record(data, size, &record)) > 0) {
		must((size_t)n <= size && n >= WIRE_RECORD_SIZE);
		data += n;
		size -= (size_t)n;
	}
	must(n == -EAGAIN || size > 0);
}

static void lengths(const uint8_t *data, size_t size)
{
	int whole = wire_length(data, size), part;
	size_t i;

	must(whole <= UINT16_MAX);
	for (i = 0; i <= size && i < 64; i++) {
		part = wire_length(data, i);
		must(part == -EAGAIN || part == whole);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	lengths(data, size);
	hello(data, size);
	reply(data, size);
	lane(data, size);
	records(data, size);
	return 0;
}
