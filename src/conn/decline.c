// SPDX-License-Identifier: BSD-2-Clause
/*
 * An accepted connection for which there is no struct conn, because memory or
 * file descriptors have run out: its client may greet all the same, and the
 * application must not read that.
 */
#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/real.h"
#include "conn/parts.h"

#define WAIT_PART 10	/* accept() waits one part of so many for it, */
#define WAIT_TIME_MS 2000	/* and may make up for so long */
#define WAIT_LEAST_MS 3		/* else: HELLO_MS of the client, and a trip */

/*
 * The length of the HELLO at the head of the stream; 0: it is not there yet;
 * -1: what is there is something else.
 */
static int find_hello(int fd, uint8_t *in, size_t size)
{
	ssize_t got = real.recv(fd, in, size, MSG_PEEK | MSG_DONTWAIT);
	int length;

	if (got <= 0)
		return got < 0 && errno == EAGAIN ? 0 : -1;
	length = wire_length(in, (size_t)got);
	if (length == -EAGAIN || length > got)
		return 0;
	return length > 0 ? length : -1;
}

static void say_no(int fd, enum reason reason)
{
	struct wire_reply reply = { .reason = reason };
	uint8_t out[WIRE_REPLY_MAX];
	size_t size = wire_put_reply(out, &reply);

	real.send(fd, out, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * accept() waits for HELLOs that do not come a tenth of the time, whoever
 * connects, and ten times at once; then for none of them long.
 */
static bool may_wait(void)
{
	static _Atomic uint64_t paid_ms;	/* before or after now */
	uint64_t now = clock_ms(), before = paid_ms, from;

	do {
		from = before + WAIT_TIME_MS > now ? before
						   : now - WAIT_TIME_MS;
		if (from > now)
			return false;
	} while (!atomic_compare_exchange_weak(
			&paid_ms, &before,
			from + WAIT_PART * GREETING_GRACE_MS));
	return true;
}

static uint64_t wait_ms(const struct mark_client *client)
{
	if (!client->seen)
		return 0;
	return may_wait() ? GREETING_GRACE_MS : WAIT_LEAST_MS;
}

void conn_decline(int fd, const struct mark_client *client, enum reason reason)
{
	uint64_t begun = clock_ms(), wait = UINT64_MAX;
	uint8_t in[WIRE_HELLO_MAX];
	int length, saved = errno;

	while ((length = find_hello(fd, in, sizeof(in))) == 0) {
		if (wait == UINT64_MAX)
			wait = wait_ms(client);
		if (clock_ms() - begun >= wait)
			break;
		/* Not for the socket: a part of HELLO is as ready as all. */
		real.poll(NULL, 0, 1);
	}
	if (length > 0) {
		real.recv(fd, in, (size_t)length, MSG_DONTWAIT);
		say_no(fd, reason);
	}
	errno = saved;
}
