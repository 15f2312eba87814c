// SPDX-License-Identifier: BSD-2-Clause
/*
 * connect(2) under a verdict that wants RDMA: the kernel's, with a marked SYN.
 * What its answer says decides whether there is a greeting later. Only under
 * `require` does the call wait for more.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/real.h"
#include "conn/unaware.h"
#include "diag/log.h"
#include "rdma/rdma.h"
#include "ready/asleep.h"
#include "ready/epoll.h"
#include "ready/ready.h"

#define MARKED_MS 1000

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return real.getsockopt(fd, level, name, &value, &length) == 0 ? value
								      : -1;
}

/*
 * A connect() that asks what became of an earlier one, of a connection that is
 * an ordinary socket by now. It may say 0, as the first does.
 */
static bool has_begun(int fd)
{
	uint8_t state = TCP_CLOSE;	/* of struct tcp_info the first byte */
	socklen_t length = sizeof(state);

	return real.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) ==
		       0 &&
	       state != TCP_CLOSE;
}

static uint64_t cookie(int fd)
{
	uint64_t value = 0;	/* 0: none, or no socket */
	socklen_t length = sizeof(value);

	return real.getsockopt(fd, SOL_SOCKET, SO_COOKIE, &value, &length) ==
			       0
		       ? value
		       : 0;
}

/* libc's FILEs would read and write a copy without asking us. */
static bool is_stdio(int fd)
{
	uint64_t own;
	int copy;

	if (!fd_has_note(fd, FD_NOTE_TWIN))
		return false;
	own = cookie(fd);
	for (copy = STDIN_FILENO; own && copy <= STDERR_FILENO; copy++)
		if (cookie(copy) == own)
			return true;
	return false;
}

/* Why this connect() is the kernel's alone; REASON_none: it is not. */
static enum reason excluded(int fd, bool fresh,
			    const struct sockaddr_storage *remote,
			    const struct policy_decision *decision)
{
	if (!fresh && option(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) == 1)
		return REASON_fast_open;
	if (is_stdio(fd))
		return REASON_passed_by;
	if (decision->greeting == POLICY_GREETING_PROBE &&
	    unaware_known(remote))
		return REASON_remembered_unaware;
	return rdma_open();
}

/* It stays on TCP: said once, and then it is nothing to us. */
static void tell(const struct sockaddr_storage *remote,
		 const struct policy_decision *decision, enum reason reason)
{
	bool fails = decision->mode == POLICY_REQUIRE;
	enum log_level level = fails ? LOG_WARN : LOG_INFO;
	char text[ADDR_TEXT_MAX];

	reason_count(reason);
	if (log_wants(level))
		log_put(level, "-> %s %s: lane=tcp reason=%s (%s) rule=%s",
			addr_format(remote, text),
			fails ? "refused" : "stays on tcp",
			reason_name(reason), reason_sentence(reason),
			decision->rule);
}

static int stay(const struct sockaddr_storage *remote,
		const struct policy_decision *decision, enum reason reason)
{
	tell(remote, decision, reason);
	return decision->mode == POLICY_REQUIRE ? -ENETUNREACH : CONN_PLAIN;
}

/* `require`: wait until the lane is there. */
static int finish(struct conn *conn)
{
	int ret;

	while ((ret = conn_dialled(conn)) == -EALREADY)
		ready_wait(conn, POLLOUT, READY_FOREVER);
	return ret == CONN_PLAIN ? 0 : ret;
}

/* There is no connection yet. */
static void nothing(void *arg)
{
	(void)arg;
}

static int kernel_connect(int fd, const struct conn_dialling *dialling)
{
	struct asleep_seal seal = { .forsake = nothing };
	int ret;

	pthread_cleanup_push(asleep_cancelled, &seal);
	asleep_begin(&seal);
	ret = real.connect(fd, dialling->to, dialling->length) == 0 ? 0
								     : -errno;
	asleep_end(&seal);
	pthread_cleanup_pop(0);
	return ret;
}

/*
 * The server whose SYN-ACK this thread saw marked last, for a second: a pool
 * that connects again and again need not ask before its first touch does.
 */
static __thread struct {
	struct sockaddr_storage remote;
	uint64_t until_ms;
} marked;

/* Has the kernel's answer certainly no mark? */
static bool answered_unmarked(int fd, const struct sockaddr_storage *remote)
{
	uint64_t now = clock_ms();

	if (now < marked.until_ms && addr_same(&marked.remote, remote))
		return false;
	if (mark_is_absent(fd))
		return true;
	marked.remote = *remote;
	marked.until_ms = now + MARKED_MS;
	return false;
}

/* What is known of the server as soon as the kernel's connection is there. */
static void look_at_server(int fd, const struct sockaddr_storage *remote,
			   struct conn_dialling *dialling)
{
	struct mark_reading reading = { .seen = false };

	dialling->established = mark_read(fd, remote->ss_family, &reading);
	dialling->seen = reading.seen;
}

/* The connection is the kernel's: nothing of ours is made for it. */
static int leave(int fd, const struct sockaddr_storage *remote,
		 const struct policy_decision *decision, enum reason reason,
		 int ret)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	tell(remote, decision, reason);
	if (decision->mode != POLICY_REQUIRE) {
		fd_set_note(fd, FD_NOTE_JUDGED, true);
		return ret;
	}
	real.connect(fd, &unspec, sizeof(unspec));
	return -ENETUNREACH;
}

/* Numbers copied before there was a connection stand for it, too. */
static void adopt_twins(int fd, struct conn *conn)
{
	uint64_t own;
	int twin;

	if (!fd_has_note(fd, FD_NOTE_TWIN))
		return;
	own = cookie(fd);
	for (twin = fd_next_twin(0); own && twin >= 0;
	     twin = fd_next_twin(twin + 1))
		if (twin != fd && cookie(twin) == own &&
		    fdtab_insert(twin, conn_object(conn)) == 0)
			epollset_adopt(twin, conn);
}

/* The greeting is for what connect() has begun, or made. */
static int adopt(int fd, const struct sockaddr_storage *remote,
		 const struct policy_decision *decision,
		 const struct conn_dialling *dialling, int ret)
{
	struct conn *conn = conn_new(fd, CONN_ACTIVE, decision, remote, NULL);
	bool waits;

	if (!conn) {
		tell(remote, decision, REASON_no_memory);
		return ret;
	}
	if (fdtab_insert(fd, conn_object(conn)) == 0) {
		epollset_adopt(fd, conn);
		adopt_twins(fd, conn);
		conn_dial(conn, dialling);
		waits = decision->mode == POLICY_REQUIRE;
		if (waits && real.fcntl(fd, F_GETFL, NULL) & O_NONBLOCK)
			ret = -EINPROGRESS;
		else if (waits && ret == 0)
			ret = finish(conn);
	}
	fdtab_release(conn_object(conn));
	return ret;
}

static int dial(int fd, bool fresh, const struct sockaddr_storage *remote,
		const struct policy_decision *decision,
		struct conn_dialling *dialling)
{
	bool may_maxseg = !fd_has_note(fd, FD_NOTE_MAXSEG);
	struct mark_syn syn;
	int ret;

	mark_syn(fd, remote, may_maxseg, fresh, &syn);
	dialling->marked_syn = may_maxseg;
	ret = kernel_connect(fd, dialling);
	mark_syn_sent(fd, &syn);
	if (ret != 0 && ret != -EINPROGRESS && ret != -EINTR)
		return ret;
	if (ret == 0 && decision->greeting == POLICY_GREETING_MARK &&
	    answered_unmarked(fd, remote))
		return leave(fd, remote, decision, REASON_peer_unmarked, ret);
	if (ret == 0)	/* the first touch looks closer */
		dialling->established = dialling->seen = true;
	else
		look_at_server(fd, remote, dialling);
	if (dialling->established && !dialling->seen &&
	    decision->greeting == POLICY_GREETING_MARK)
		return leave(fd, remote, decision, REASON_peer_unmarked, ret);
	return adopt(fd, remote, decision, dialling, ret);
}

int ready_connect(int fd, const struct sockaddr *to, socklen_t length,
		  const struct sockaddr_storage *remote,
		  const struct policy_decision *decision, enum reason barred)
{
	struct conn_dialling dialling = { .to = to, .length = length };
	bool fresh = fd_is_fresh(fd);
	enum reason reason;
	int ret;

	fd_set_note(fd, FD_NOTE_FRESH, false);
	if (!fresh && (option(fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP ||
		       has_begun(fd)))
		return CONN_PLAIN;
	reason = barred != REASON_none
			 ? barred
			 : excluded(fd, fresh, remote, decision);
	if (reason != REASON_none)
		return stay(remote, decision, reason);
	cancel_hold();
	ret = dial(fd, fresh, remote, decision, &dialling);
	cancel_release();
	return ret;
}
