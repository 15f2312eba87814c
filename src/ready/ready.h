/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeping: check, arm, sleep, re-check. Every wait of an application's
 * thread on a connection happens in this folder, on kernel fds and a bell of
 * the thread's own (an eventfd) that other threads ring when something changed
 * that no fd would tell.
 *
 * Functions return >= 0 or -errno and may change errno. No locks are held
 * while they sleep; the callers hold the connections. A thread cancelled in a
 * sleep (base/cancel.h) does not come back: the sleep has then released the
 * one connection or set that it was given.
 */
#ifndef READY_READY_H
#define READY_READY_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/select.h>
#include <time.h>

#include "conn/conn.h"

#define READY_FOREVER UINT64_MAX

/*
 * poll(2) over any mix of fds: until_us is a clock_us() time. `fds` may name
 * tracked and plain fds. Returns the number with revents, 0, or -errno.
 */
int ready_poll(struct pollfd *fds, nfds_t count, uint64_t until_us,
	       const sigset_t *mask);

/* Is any of them a connection of ours? If not, ask the kernel directly. */
static inline bool ready_concerns(const struct pollfd *fds, nfds_t count)
{
	nfds_t i;

	for (i = 0; i < count; i++)
		if (fds[i].fd >= 0 && fdtab_maybe(fds[i].fd))
			return true;
	return false;
}

/*
 * The `n` of a select(2), as far as it can mean anything. Programs say
 * getdtablesize(), a million, and have sets of 128 bytes; the kernel looks at
 * what its table of files has room for, and ours has made that larger.
 */
int ready_bound_sets(int n);

bool ready_concerns_sets(int n, const fd_set *r, const fd_set *w,
			 const fd_set *e);

/* select(2) by way of ready_poll(). */
int ready_select(int n, fd_set *r, fd_set *w, fd_set *e, uint64_t until_us,
		 const sigset_t *mask);

/* One connection, poll bits; > 0 bits, 0: the time is over, -EINTR. */
int ready_wait(struct conn *conn, short events, uint64_t until_us);

/*
 * The same for one who tries the call again in any case, and holds all signals
 * back while it does: the sleep is with `mask`. > 0: something has happened.
 */
int ready_sleep(struct conn *conn, short events, uint64_t until_us,
		const sigset_t *mask);

/*
 * recvmsg(2), sendmsg(2), connect(2) on a connection, blocking if its file
 * description does, with SO_RCVTIMEO, SO_SNDTIMEO, EINTR and SA_RESTART as
 * the kernel has them. CONN_PLAIN: nothing was moved, ask the kernel.
 */
ssize_t ready_receive(struct conn *conn, struct iovec *iov, int count,
		      int flags);
ssize_t ready_send(struct conn *conn, struct iovec *iov, int count, int flags);

/*
 * connect(2) of a TCP socket under a verdict that wants RDMA; enters it into
 * the fd table. CONN_PLAIN: let the kernel do it. `barred`: why it has to be on
 * TCP whatever the policy says; REASON_none: it need not.
 */
int ready_connect(int fd, const struct sockaddr *to, socklen_t length,
		  const struct sockaddr_storage *remote,
		  const struct policy_decision *decision, enum reason barred);

/*
 * Make it an ordinary kernel socket, whatever it takes, within seconds. 0;
 * -EBUSY: it could not be done in time; -EIO: it is dead.
 */
int ready_make_plain(struct conn *conn, enum reason reason);
/*
 * The same for many at once, in the same time: begin; look at each; again, for
 * as long as that is true.
 */
struct ready_back {
	enum reason reason;
	uint64_t now_us, soon_us, answer_us, until_us;
	bool waits;	/* one of them is to be looked at again */
};
void ready_back_begin(struct ready_back *back, enum reason reason);
/* As ready_make_plain(); -EAGAIN: again. */
int ready_back(struct ready_back *back, struct conn *conn);
/* The same if it can be; else it goes on as it is. */
void ready_try_back(struct ready_back *back, struct conn *conn);
bool ready_back_again(struct ready_back *back);

/* A timeout relative to now as a clock_us() time. NULL: READY_FOREVER. */
uint64_t ready_until(const struct timespec *timeout);

/*
 * For pthread_cleanup_push() around a sleep of one's own in a call on a
 * connection: releases it.
 */
void ready_forsaken(void *conn);

/* In a forked child: this thread's bell is the parent's. */
void ready_after_fork(void);

#endif
