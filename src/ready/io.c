// SPDX-License-Identifier: BSD-2-Clause
/*
 * Blocking I/O on a connection: try, sleep, try again. The kernel's socket is
 * asked whether to block and for how long, at the moment of sleeping; nothing
 * of it is kept.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/critical.h"
#include "base/iov.h"
#include "base/real.h"
#include "ready/asleep.h"
#include "ready/ready.h"
#include "ready/restart.h"
#include "ready/spin.h"

#define PEEK_LOOK_MS 1

/* Of glibc's pthread_cleanup_push() and its own variables. */
#pragma GCC diagnostic ignored "-Wclobbered"

/*
 * From the first sleep on to its end a call has all signals held back but for
 * the sleeps themselves: one that comes between the look and the sleep must
 * interrupt it.
 */
struct patience {
	bool begun;
	bool held;		/* the signals */
	bool limited;		/* by SO_RCVTIMEO or SO_SNDTIMEO */
	uint64_t until_us;
	sigset_t mask;		/* the caller's */
	struct spin_wait wait;	/* for the next bytes */
};

static bool may_block(struct conn *conn, int flags)
{
	return !(flags & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB)) &&
	       !(real.fcntl(conn_socket(conn), F_GETFL, NULL) & O_NONBLOCK);
}

/* A call that has slept once is a blocking one, whatever the flag says now. */
static bool goes_on(struct conn *conn, const struct patience *patience,
		    int flags)
{
	return patience->begun || may_block(conn, flags);
}

static void hold(struct patience *patience)
{
	if (patience->held)
		return;
	critical_block(&patience->mask);
	patience->held = true;
}

static void let_go(struct patience *patience)
{
	if (!patience->held)
		return;
	critical_unblock(&patience->mask);
	patience->held = false;
}

static void begin(struct patience *patience, struct conn *conn, int option)
{
	struct timeval time = { 0, 0 };
	socklen_t length = sizeof(time);

	hold(patience);
	if (patience->begun)
		return;
	patience->begun = true;
	real.getsockopt(conn_socket(conn), SOL_SOCKET, option, &time, &length);
	patience->limited = time.tv_sec || time.tv_usec;
	patience->until_us =
		patience->limited ? clock_us() +
					    (uint64_t)time.tv_sec * 1000000 +
					    (uint64_t)time.tv_usec
				  : READY_FOREVER;
}

/* Sleep until it may go on: 0, -EAGAIN when the time is over, -EINTR. */
static int wait_for(struct conn *conn, short events, int option,
		    struct patience *patience, bool moved)
{
	struct spin spin = { .count = 0 };
	int ret;

	begin(patience, conn, option);
	if (patience->wait.began_us == 0) {
		spin_add(&spin, conn, events);
		spin_over(&spin, &patience->wait, patience->until_us);
	}
	for (;;) {
		ret = ready_sleep(conn, events, patience->until_us,
				  &patience->mask);
		if (ret > 0)
			return 0;
		if (ret == 0)
			return -EAGAIN;
		if (ret != -EINTR || moved || patience->limited ||
		    !restart_wanted())
			return ret;
	}
}

/* Drop `moved` bytes from the front of the vectors. */
static void advance(struct iovec **iov, int *count, size_t moved)
{
	while (*count > 0 && moved >= (*iov)->iov_len) {
		moved -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (*count > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + moved;
		(*iov)->iov_len -= moved;
	}
}

void ready_forsaken(void *conn)
{
	fdtab_release(conn_object(conn));
}

/* The kernel's own sleep, with the caller's signals. */
static ssize_t plain_receive(struct conn *conn, struct iovec *iov, int count,
			     int flags, struct patience *patience)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	struct asleep_seal seal = { .forsake = ready_forsaken, .arg = conn };
	ssize_t got;

	let_go(patience);
	pthread_cleanup_push(asleep_cancelled, &seal);
	asleep_begin(&seal);
	got = real.recvmsg(conn_socket(conn), &msg, flags);
	asleep_end(&seal);
	pthread_cleanup_pop(0);
	return got < 0 ? -errno : got;
}

/*
 * The kernel's own sleep would take an error that comes meanwhile, and what has
 * been moved before is what the call returns: then the sleep is ours.
 */
static int dont_wait(size_t total)
{
	return total > 0 ? MSG_DONTWAIT : 0;
}

static bool peek_all(int flags)
{
	return (flags & MSG_PEEK) && (flags & MSG_WAITALL);
}

/*
 * MSG_PEEK | MSG_WAITALL, and some is there: no readiness tells of more, so
 * look again soon. False: no more will come, or not in time.
 */
static bool wait_more(struct conn *conn, struct patience *patience)
{
	const struct timespec look = { 0, PEEK_LOOK_MS * 1000000 };
	struct asleep_seal seal = { .forsake = ready_forsaken, .arg = conn };
	int ret;

	begin(patience, conn, SO_RCVTIMEO);
	if (conn_ready(conn, POLLRDHUP) & (POLLRDHUP | POLLHUP | POLLERR))
		return false;
	pthread_cleanup_push(asleep_cancelled, &seal);
	asleep_begin(&seal);
	ret = real.ppoll(NULL, 0, &look, &patience->mask);
	asleep_end(&seal);
	pthread_cleanup_pop(0);
	if (ret < 0)
		return false;	/* EINTR: what is there is the answer */
	return clock_us() < patience->until_us;
}

ssize_t ready_receive(struct conn *conn, struct iovec *iov, int count,
		      int flags)
{
	bool all = (flags & MSG_WAITALL) && !(flags & MSG_PEEK);
	struct patience patience = { 0 };
	size_t total = 0;
	ssize_t got, wanted = (ssize_t)iov_size(iov, count);

	for (;;) {
		if (total > 0 && conn_is_reset(conn, true))
			break;
		got = conn_receive(conn, iov, count, flags);
		if (got == CONN_PLAIN)
			got = plain_receive(conn, iov, count,
					    flags | dont_wait(total),
					    &patience);
		if (got > 0 && got < wanted && peek_all(flags) &&
		    may_block(conn, flags)) {
			if (!wait_more(conn, &patience))
				break;
			continue;
		}
		if (got > 0) {
			spin_slept(&patience.wait, true);
			total += got;
			advance(&iov, &count, got);
			if (!all || count == 0)
				break;
			continue;
		}
		if (got != -EAGAIN || !goes_on(conn, &patience, flags))
			break;
		got = wait_for(conn, POLLIN, SO_RCVTIMEO, &patience,
			       total > 0);
		if (got < 0)
			break;
	}
	spin_slept(&patience.wait, false);
	let_go(&patience);
	if (total == 0)
		return got;
	if (got < 0)
		conn_untell(conn, got);
	return (ssize_t)total;
}

static ssize_t plain_send(struct conn *conn, struct iovec *iov, int count,
			  int flags, struct patience *patience)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	struct asleep_seal seal = { .forsake = ready_forsaken, .arg = conn };
	ssize_t put;

	let_go(patience);
	pthread_cleanup_push(asleep_cancelled, &seal);
	asleep_begin(&seal);
	put = real.sendmsg(conn_socket(conn), &msg, flags | MSG_NOSIGNAL);
	asleep_end(&seal);
	pthread_cleanup_pop(0);
	return put < 0 ? -errno : put;
}

ssize_t ready_send(struct conn *conn, struct iovec *iov, int count, int flags)
{
	struct patience patience = { 0 };
	size_t total = 0;
	ssize_t put;

	/* TCP has out-of-band bytes, RDMA has not. */
	if ((flags & MSG_OOB) && conn_state(conn) != STATE_greeted)
		ready_make_plain(conn, REASON_urgent);
	for (;;) {
		if (total > 0 && conn_is_reset(conn, false))
			break;
		put = conn_transmit(conn, iov, count, flags | MSG_NOSIGNAL);
		if (put == CONN_PLAIN)
			put = plain_send(conn, iov, count,
					 flags | dont_wait(total), &patience);
		if (put >= 0) {
			spin_slept(&patience.wait, true);
			total += put;
			advance(&iov, &count, put);
			if (put == 0 || count == 0 ||
			    !goes_on(conn, &patience, flags))
				break;
			continue;
		}
		if (put != -EAGAIN || !goes_on(conn, &patience, flags))
			break;
		put = wait_for(conn, POLLOUT, SO_SNDTIMEO, &patience,
			       total > 0);
		if (put < 0)
			break;
	}
	spin_slept(&patience.wait, false);
	let_go(&patience);
	if (total && put < 0)
		conn_untell(conn, put);
	if (total)
		return (ssize_t)total;
	if (put == -EPIPE && !(flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	return put;
}
