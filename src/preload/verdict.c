// SPDX-License-Identifier: BSD-2-Clause
#include "preload/verdict.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>

#include "base/addr.h"
#include "base/fd.h"
#include "diag/log.h"
#include "preload/kernel.h"
#include "preload/listen.h"
#include "preload/shim.h"
#include "preload/vectors.h"
#include "rdma/rdma.h"

static _Atomic enum reason forbidden;	/* REASON_none: nothing is */

bool verdict_possible(enum policy_role role)
{
	struct policy *policy;
	bool possible;

	if (!real_ready() || rdma_inside())
		return false;
	shim_look_for_fork();
	policy = policy_hold_current();
	possible = !policy_all_tcp(policy, role);
	policy_release(policy);
	return possible;
}

static void refuse(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);

	(void)fd;
	if (conn)
		conn_refuse(conn, *(enum reason *)arg);
}

void verdict_forbid(enum reason reason, enum log_level level)
{
	enum reason before = REASON_none;
	int saved = errno;

	if (atomic_compare_exchange_strong(&forbidden, &before, reason)) {
		log_put(level, "new connections stay on tcp: %s",
			reason_sentence(reason));
		fdtab_each(refuse, &reason);
	}
	errno = saved;
}

/* The policy's answer; nothing but `require` goes against what forbids it. */
static void decide(const struct policy_query *query,
		   struct policy_decision *decision)
{
	struct policy *policy = policy_hold_current();

	policy_decide(policy, query, decision);
	policy_release(policy);
	if (forbidden != REASON_none && decision->mode == POLICY_PREFER) {
		decision->mode = POLICY_TCP;
		decision->reason = forbidden;
	}
}

bool verdict_connect(const struct sockaddr *addr, socklen_t len,
		     struct sockaddr_storage *remote,
		     struct policy_decision *decision)
{
	struct policy_query query = { .role = POLICY_CONNECT };

	if (bad_pointer(addr) || len < sizeof(sa_family_t) ||
	    (addr->sa_family != AF_INET && addr->sa_family != AF_INET6) ||
	    !addr_normalize(&query.remote, addr, len) ||
	    !verdict_possible(POLICY_CONNECT))
		return false;
	query.port = addr_port(&query.remote);
	*remote = query.remote;
	decide(&query, decision);
	if (decision->mode == POLICY_TCP)
		reason_count(decision->reason);
	return decision->mode != POLICY_TCP;
}

static bool is_tcp(int fd)
{
	int protocol = 0;
	socklen_t length = sizeof(protocol);

	return real.getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol,
			       &length) == 0 &&
	       protocol == IPPROTO_TCP;
}

static void local_address(int fd, struct sockaddr_storage *local)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);

	if (real.getsockname(fd, (struct sockaddr *)&name, &length) != 0 ||
	    !addr_normalize(local, (struct sockaddr *)&name, length))
		memset(local, 0, sizeof(*local));
}

/*
 * What the SYN said. Who has set TCP_SAVE_SYN itself reads it itself, and the
 * kernel gives it once.
 */
static bool read_client(int listener, int fd, struct mark_client *client)
{
	memset(client, 0, sizeof(*client));
	return !fd_has_note(listener, FD_NOTE_SYN) &&
	       mark_read_client(fd, client);
}

/* It gets no lane, for this reason. False: its rule demands one. */
static bool may_be_plain(int fd, const struct policy_decision *decision,
			 enum reason reason)
{
	reason_count(reason);
	if (decision->mode != POLICY_REQUIRE)
		return true;
	log_warn("fd %d is closed, because its rule %s says require: %s", fd,
		 decision->rule, reason_sentence(reason));
	return false;
}

/*
 * No connection of a listener with such options gets a lane. HELLO is stripped,
 * if there is one. False: its rule demands a lane, and it is closed.
 */
static bool bar(struct conn *conn, int fd, int listener,
		const struct policy_decision *decision)
{
	enum reason reason = kernel_wants(listener, decision->any_path);

	if (reason == REASON_none)
		return true;
	kernel_option_came(fd, reason);
	if (decision->mode == POLICY_REQUIRE)
		return may_be_plain(fd, decision, reason);
	conn_refuse(conn, reason);
	return true;
}

/* False: the client has taken it back, or it may not be; it is closed. */
static bool accepted(int listener, int fd, const struct policy_query *query,
		     const struct policy_decision *decision,
		     const struct sockaddr_storage *local)
{
	struct mark_client client;
	struct conn *conn;
	bool keep;

	if (!read_client(listener, fd, &client) && !is_tcp(fd))
		return true;
	conn = conn_new(fd, CONN_PASSIVE, decision, &query->remote, local);
	if (!conn) {
		conn_decline(fd, &client, REASON_no_memory);
		if (!may_be_plain(fd, decision, REASON_no_memory)) {
			real.close(fd);
			return false;
		}
		return true;
	}
	fdtab_insert(fd, conn_object(conn));
	keep = bar(conn, fd, listener, decision) &&
	       conn_accepted(conn, listen_mark(listener),
			     listen_unmarked(listener), &client);
	if (!keep) {
		fdtab_evict(fd);
		real.close(fd);
	}
	fdtab_release(conn_object(conn));
	return keep;
}

bool verdict_accepted(int listener, int fd, const struct sockaddr *peer,
		      socklen_t len)
{
	struct policy_query query = { .role = POLICY_LISTEN };
	struct policy_decision decision;
	struct sockaddr_storage local;
	bool keep = true;
	int saved = errno;

	if (addr_normalize(&query.remote, peer, len)) {
		local_address(fd, &local);
		query.port = addr_port(&local);
		decide(&query, &decision);
		if (decision.mode != POLICY_TCP ||
		    listen_is_greeted(listener)) {
			/* HELLO must be stripped, whatever the verdict is. */
			keep = accepted(listener, fd, &query, &decision,
					&local);
		} else {
			reason_count(decision.reason);
			fd_set_note(fd, FD_NOTE_JUDGED, true);
		}
	}
	errno = saved;
	return keep;
}

void verdict_copy_name(struct sockaddr *to, socklen_t *len, socklen_t room,
		       const struct sockaddr *from, socklen_t size)
{
	memcpy(to, from, room < size ? room : size);
	*len = size;
}
