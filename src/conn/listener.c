// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rsockets that peers' lanes connect to: one per address family, made on
 * first need by the process that does the I/O, each with a thread that waits
 * in raccept(3). And the table of connections that a lane may claim, by
 * token: compared in constant time, good for one use.
 */
#include <string.h>
#include <sys/eventfd.h>

#include "base/addr.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/real.h"
#include "conn/carrier.h"
#include "conn/core.h"
#include "conn/listener.h"
#include "conn/parts.h"
#include "conn/quota.h"
#include "conn/work.h"
#include "diag/log.h"

#define ACCEPT_SLICE_MS 10000
#define ACCEPT_PAUSE_MS 100
#define STOP_MOST_MS 5000
#define RETRY_MS 1000	/* it takes a thread and a look at all addresses */
#define BACKLOG 128

static struct lock lock = LOCK_INIT(tokens);
static enum { NOT_MADE, BEING_MADE, MADE } progress;
static enum reason refusal;		/* NOT_MADE: why, ... */
static uint64_t retry_ms;		/* ... and not before that again */
/* Ports: 0: there is no listener of the family; written with lock. */
static _Atomic uint16_t port4, port6;
static uint16_t told4, told6;		/* the ports they had, if any */
static bool lost4, lost6;		/* since they were begun to be made */
static atomic_uint accepting;		/* threads */
static atomic_bool stopping;
static atomic_int bell = -1;		/* wakes them to stop */
static struct conn *waiting;		/* for the listeners, to answer */
static struct carrier_sizes sizes;	/* accepted lanes inherit them */

#define BUCKETS 1024
static struct conn *expected[BUCKETS];
static unsigned expected_count;

/* It failed for good: the next connection that wants it makes it anew. */
static void listener_lost(int rs, int error)
{
	struct sockaddr_storage at;
	int family = carrier->local_address(rs, &at) == 0 ? at.ss_family : 0;

	log_warn("the RDMA listener ended: %s", strerror(-error));
	lock_acquire(&lock);
	if (family != AF_INET6) {
		port4 = 0;
		lost4 = true;
	}
	if (family != AF_INET) {
		port6 = 0;
		lost6 = true;
	}
	if (progress == MADE)
		progress = NOT_MADE;
	lock_release(&lock);
}

/* Out of fds or memory for now, or it was one peer's fault (accept(2)). */
static bool passes(int error)
{
	switch (error) {
	case -EMFILE:
	case -ENFILE:
	case -ENOBUFS:
	case -ENOMEM:
	case -ECONNABORTED:
	case -ECONNRESET:
	case -ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

static void accept_loop(void *arg)
{
	int made = 0, rs = (int)(long)arg;

	while (!stopping) {
		made = carrier->accept(rs, bell, ACCEPT_SLICE_MS);
		if (made >= 0)
			conn_hooks.lane_came(made, carrier->lane_bytes(&sizes));
		else if (passes(made))
			real.poll(NULL, 0, ACCEPT_PAUSE_MS);
		else if (made != -EAGAIN && made != -EINTR)
			break;
	}
	if (!stopping)
		listener_lost(rs, made);
	carrier->close(rs);
	atomic_fetch_sub(&accepting, 1);
}

/* The port it had, which peers may have been told; else any. */
static int bind_to(int rs, struct sockaddr_storage *any, uint16_t port)
{
	struct sockaddr *address = (struct sockaddr *)any;
	int ret = -EADDRINUSE;

	addr_set_port(any, port);
	if (port)
		ret = carrier->bind(rs, address, addr_length(any));
	if (ret) {
		addr_set_port(any, 0);
		ret = carrier->bind(rs, address, addr_length(any));
	}
	return ret;
}

/* A listener on every address of the family; its port, 0 on failure. */
static uint16_t listen_on(sa_family_t family, uint16_t port)
{
	struct sockaddr_storage any = { .ss_family = family };
	int rs = carrier->socket(family, &sizes), ret = rs;

	if (rs < 0)
		goto failed;
	ret = bind_to(rs, &any, port);
	if (ret == 0)
		ret = carrier->listen(rs, BACKLOG);
	if (ret == 0)
		ret = carrier->local_address(rs, &any);
	atomic_fetch_add(&accepting, 1);
	if (ret == 0)
		ret = work_start(WORK_LISTEN, accept_loop, (void *)(long)rs);
	if (ret == 0)
		return addr_port(&any);
	atomic_fetch_sub(&accepting, 1);
	carrier->close(rs);
failed:
	log_warn("no RDMA listener for IPv%d: %s", family == AF_INET ? 4 : 6,
		 strerror(-ret));
	return 0;
}

static bool any_of(const struct sockaddr_storage *addresses, int count,
		   sa_family_t family)
{
	while (count-- > 0)
		if (addresses[count].ss_family == family)
			return true;
	return false;
}

static int make_bell(void)
{
	int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return made >= 0 ? fd_lift(made) : -1;
}

/* The listeners are there, or cannot be: whose REPLY has waited for that. */
static void answer(struct conn *conn, bool made, enum reason reason)
{
	struct conn *next;

	for (; conn; conn = next) {
		next = conn->join.reply_next;
		if (!made)
			conn->reason = reason;
		conn_hooks.listened(conn);
		conn_drop(conn);
	}
}

/* They are made, or there is a reason why not: who has waited is answered. */
static void tell_made(uint16_t made4, uint16_t made6, enum reason reason)
{
	struct conn *conn, *next;
	bool made;

	lock_acquire(&lock);
	told4 = made4 ? made4 : told4;
	told6 = made6 ? made6 : told6;
	if (made4 && !lost4)
		port4 = made4;
	if (made6 && !lost6)
		port6 = made6;
	made = port4 || port6;
	progress = made ? MADE : NOT_MADE;
	refusal = reason;
	retry_ms = made ? 0 : clock_ms() + RETRY_MS;
	conn = waiting;
	waiting = NULL;
	for (next = conn; next; next = next->join.reply_next)
		next->join.awaits = false;
	lock_release(&lock);
	answer(conn, made, reason);
}

static void make_listeners(void *arg)
{
	struct sockaddr_storage addresses[WIRE_REPLY_MAX_ADDRESSES];
	uint16_t made4 = 0, made6 = 0;
	enum reason reason = carrier->open();
	int count = 0;

	(void)arg;
	lock_acquire(&lock);
	lost4 = lost6 = false;
	lock_release(&lock);
	if (bell < 0)
		bell = make_bell();
	if (reason == REASON_none)
		count = carrier->addresses(addresses, WIRE_REPLY_MAX_ADDRESSES);
	if (reason == REASON_none)
		reason = count > 0 ? REASON_no_device : REASON_no_address;
	if (!port4 && any_of(addresses, count, AF_INET))
		made4 = listen_on(AF_INET, told4);
	if (!port6 && any_of(addresses, count, AF_INET6))
		made6 = listen_on(AF_INET6, told6);
	tell_made(made4, made6, reason);
}

/* Not here, where it would wait; and without threads nobody would accept. */
static void start_making(void)
{
	if (work_start(WORK_JOIN, make_listeners, NULL) != 0)
		tell_made(0, 0, REASON_no_thread);
}

bool listener_pause(void)
{
	uint64_t until_ms = clock_ms() + STOP_MOST_MS, one = 1;
	bool was_made = false, waits = true;

	while (waits && clock_ms() < until_ms) {
		lock_acquire(&lock);
		waits = progress == BEING_MADE;
		was_made = progress == MADE;
		if (was_made)
			progress = BEING_MADE;
		lock_release(&lock);
		if (waits)
			real.poll(NULL, 0, 1);
	}
	if (!was_made)
		return false;
	stopping = true;
	(void)!real.write(bell, &one, sizeof(one));
	while (accepting > 0 && clock_ms() < until_ms)
		real.poll(NULL, 0, 1);
	(void)!real.read(bell, &one, sizeof(one));
	stopping = false;
	port4 = port6 = 0;
	return true;
}

void listener_resume(void)
{
	start_making();
}

/* With lock: conn is answered when the listeners are there. */
static void await(struct conn *conn)
{
	if (conn->join.awaits)
		return;
	conn->join.awaits = true;
	conn_hold(conn);
	conn->join.reply_next = waiting;
	waiting = conn;
}

/*
 * 0: they are there; -EAGAIN: conn waits for them, held; -EADDRNOTAVAIL: there
 * were none a moment ago, and conn has the reason.
 */
static int await_listeners(struct conn *conn)
{
	bool start = false, made, failed;

	lock_acquire(&lock);
	made = progress == MADE;
	failed = progress == NOT_MADE && clock_ms() < retry_ms;
	if (failed) {
		conn->reason = refusal;
	} else if (!made) {
		await(conn);
		start = progress == NOT_MADE;
		progress = BEING_MADE;
	}
	if (start) {
		sizes.send_buffer = conn->decision.lane.send_buffer;
		sizes.receive_buffer = conn->decision.lane.receive_buffer;
	}
	lock_release(&lock);
	if (start)
		start_making();
	return made ? 0 : failed ? -EADDRNOTAVAIL : -EAGAIN;
}

int listener_addresses(struct conn *conn, struct sockaddr_storage *addresses,
		       int max)
{
	int i, kept = 0, count = await_listeners(conn);
	uint16_t port;

	if (count)
		return count == -EAGAIN ? count : 0;
	count = carrier->addresses(addresses, max);
	for (i = 0; i < count; i++) {
		port = addresses[i].ss_family == AF_INET ? port4 : port6;
		if (port == 0)
			continue;
		addresses[kept] = addresses[i];
		addr_set_port(&addresses[kept++], port);
	}
	return kept;
}

static unsigned bucket_of(const uint8_t token[WIRE_TOKEN_SIZE])
{
	return (token[0] | token[1] << 8) % BUCKETS;
}

enum reason listener_expect(struct conn *conn)
{
	struct quota *from;
	unsigned bucket;

	if (!conn_random(conn->join.token, sizeof(conn->join.token)))
		return REASON_no_random;
	bucket = bucket_of(conn->join.token);
	from = quota_hold(&conn->ends.remote);
	lock_acquire(&lock);
	if (!quota_take(from, QUOTA_TOKENS, 1, BOUND_tokens - expected_count)) {
		lock_release(&lock);
		quota_drop(from);
		return REASON_address_limit;
	}
	expected_count++;
	conn->join.from = from;
	conn_hold(conn);
	conn->join.expected = true;
	conn->join.token_next = expected[bucket];
	expected[bucket] = conn;
	lock_release(&lock);
	return REASON_none;
}

/* With lock. */
static void take_out(struct conn *conn)
{
	struct conn **link = &expected[bucket_of(conn->join.token)];

	while (*link != conn)
		link = &(*link)->join.token_next;
	*link = conn->join.token_next;
	conn->join.expected = false;
	expected_count--;
	quota_give(conn->join.from, QUOTA_TOKENS, 1);
	quota_drop(conn->join.from);
	conn->join.from = NULL;
}

void listener_unexpect(struct conn *conn)
{
	bool was;

	lock_acquire(&lock);
	was = conn->join.expected;
	if (was)
		take_out(conn);
	lock_release(&lock);
	if (was)
		conn_drop(conn);
}

static bool same_token(const uint8_t *a, const uint8_t *b)
{
	unsigned i, differ = 0;

	for (i = 0; i < WIRE_TOKEN_SIZE; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

/* With lock. */
static struct conn *find(const uint8_t token[WIRE_TOKEN_SIZE])
{
	struct conn *conn = expected[bucket_of(token)];

	while (conn && !same_token(conn->join.token, token))
		conn = conn->join.token_next;
	return conn;
}

struct conn *listener_find(const uint8_t token[WIRE_TOKEN_SIZE])
{
	struct conn *conn;

	lock_acquire(&lock);
	conn = find(token);
	if (conn)
		conn_hold(conn);
	lock_release(&lock);
	return conn;
}

struct conn *listener_claim(const uint8_t token[WIRE_TOKEN_SIZE])
{
	struct conn *conn;

	lock_acquire(&lock);
	conn = find(token);
	if (conn)
		take_out(conn);
	lock_release(&lock);
	return conn;
}

void listener_after_fork(void)
{
	lock_init(&lock, LOCK_tokens);
	progress = NOT_MADE;
	retry_ms = 0;
	port4 = port6 = told4 = told6 = 0;
	waiting = NULL;
	accepting = 0;
	stopping = false;
	if (bell >= 0)
		fd_close(bell);
	bell = -1;
	memset(expected, 0, sizeof(expected));
	expected_count = 0;
}
