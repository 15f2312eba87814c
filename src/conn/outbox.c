// SPDX-License-Identifier: BSD-2-Clause
/*
 * What we say on the TCP leg behind our boundary: control records. Any thread
 * may say one.
 */
#include <string.h>

#include "base/real.h"
#include "conn/outbox.h"
#include "conn/parts.h"

/* With lock. True: all of it is out. */
static bool flush_locked(struct conn *conn)
{
	ssize_t put;

	while (conn->leg.out_size > 0) {
		put = real.send(conn->tcp, conn->leg.out, conn->leg.out_size,
				MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put < 0 && errno != EAGAIN && errno != EINTR) {
			/* Nobody will read it. EPIPE: FIN was here before. */
			if (errno == ECONNRESET)
				conn->leg.lost = true;
			put = conn->leg.out_size;
		}
		if (put <= 0)
			break;
		conn->leg.out_size -= put;
		conn->leg.out_kept -=
		    put < conn->leg.out_kept ? put : conn->leg.out_kept;
		memmove(conn->leg.out, conn->leg.out + put, conn->leg.out_size);
	}
	return conn->leg.out_size == 0;
}

/*
 * With lock. What waits already says less than a later one of its type, so
 * that there is always room; RESUME, behind which no record may come, is said
 * once.
 */
static void queue(struct conn *conn, const struct wire_record *record)
{
	unsigned at;

	if (!conn->leg.mark_sent) {
		memcpy(conn->leg.out, conn->join.mark, WIRE_TOKEN_SIZE);
		conn->leg.out_size = conn->leg.out_kept = WIRE_TOKEN_SIZE;
		conn->leg.mark_sent = true;
	}
	at = conn->leg.out_kept ? conn->leg.out_kept
			    : conn->leg.out_size % WIRE_RECORD_SIZE;
	while (at < conn->leg.out_size &&
	       conn->leg.out[at + WIRE_RECORD_TYPE] != record->type)
		at += WIRE_RECORD_SIZE;
	wire_put_record(conn->leg.out + at, record);
	if (at == conn->leg.out_size)
		conn->leg.out_size += WIRE_RECORD_SIZE;
}

void outbox_say(struct conn *conn, uint8_t type, uint32_t flags,
		uint64_t offset)
{
	struct wire_record record = { type, flags, offset };
	int saved = errno;

	lock_acquire(&conn->lock);
	if (!conn->leg.resume_said) {	/* else raw bytes follow: too late */
		conn->leg.resume_said = type == WIRE_RESUME;
		queue(conn, &record);
		flush_locked(conn);
	}
	lock_release(&conn->lock);
	errno = saved;
}

size_t outbox_return(struct conn *conn, uint64_t offset, const uint8_t *bytes,
		     size_t size)
{
	const size_t most = WIRE_RECORD_MAX - WIRE_RECORD_SIZE;

	size = size < most ? size : most;
	lock_acquire(&conn->lock);
	if (!flush_locked(conn) || conn->leg.resume_said)
		size = 0;
	if (size > 0) {
		wire_put_return(conn->leg.out, offset, bytes, size);
		conn->leg.out_size = conn->leg.out_kept = WIRE_RECORD_SIZE +
							  size;
		flush_locked(conn);
	}
	lock_release(&conn->lock);
	return size;
}

bool outbox_flushed(struct conn *conn)
{
	bool flushed;

	lock_acquire(&conn->lock);
	flushed = flush_locked(conn);
	lock_release(&conn->lock);
	return flushed;
}
