// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is asked of every connection: who holds it, where it is, its names.
 */
#include <string.h>
#include <sys/random.h>

#include "base/fd.h"
#include "base/memory.h"
#include "conn/core.h"
#include "conn/crowd.h"
#include "conn/early.h"
#include "conn/linger.h"
#include "conn/parts.h"

struct fdtab_object *conn_object(struct conn *conn)
{
	return &conn->object;
}

int conn_socket(const struct conn *conn)
{
	return conn->tcp;
}

enum conn_state conn_state(const struct conn *conn)
{
	return atomic_load(&conn->state);
}

bool conn_is_plain(const struct conn *conn)
{
	return conn_state(conn) == STATE_plain;
}

void conn_hold(struct conn *conn)
{
	atomic_fetch_add(&conn->holders, 1);
}

void conn_drop(struct conn *conn)
{
	int saved = errno;

	if (atomic_fetch_sub(&conn->holders, 1) != 1)
		return;
	tally_end(conn);
	crowd_leave(conn);
	linger_end(conn);
	fd_close(conn->tcp);
	lock_destroy(&conn->lock);
	lock_destroy(&conn->rx.lock);
	lock_destroy(&conn->tx.lock);
	lock_destroy(&conn->waits.lock);
	replay_free(&conn->tx.replay);
	memory_free(conn->greeting.held);
	conn_early_drop(conn);
	memory_free(conn->leave.back);
	memory_free(conn->join.offer);
	memory_free(conn);
	errno = saved;
}

bool conn_is_armed(const struct conn *conn)
{
	return !lane_closed(conn);
}

bool lane_enter(struct conn *conn)
{
	atomic_fetch_add(&conn->lane.users, 1);
	if (conn->lane.rs >= 0 && !lane_closed(conn) &&
	    conn_state(conn) == STATE_on_rdma)
		return true;
	lane_leave(conn);
	return false;
}

void lane_leave(struct conn *conn)
{
	atomic_fetch_sub(&conn->lane.users, 1);
}

void conn_know_local(struct conn *conn)
{
	uint64_t words[CONN_LOCAL_WORDS];
	int i;

	memcpy(words, &conn->ends.local, sizeof(words));
	for (i = 0; i < CONN_LOCAL_WORDS; i++)
		conn->ends.local_words[i] = words[i];
}

void conn_read_local(const struct conn *conn, struct sockaddr_storage *local)
{
	uint64_t words[CONN_LOCAL_WORDS];
	int i;

	for (i = 0; i < CONN_LOCAL_WORDS; i++)
		words[i] = conn->ends.local_words[i];
	memset(local, 0, sizeof(*local));
	memcpy(local, words, sizeof(words));
}

bool conn_random(uint8_t *bytes, size_t size)
{
	int saved = errno;
	ssize_t got = 0;

	while (size > 0) {
		got = getrandom(bytes, size, 0);
		if (got < 0 && errno != EINTR)
			break;
		if (got > 0) {
			bytes += got;
			size -= got;
		}
	}
	errno = saved;
	return size == 0;
}
