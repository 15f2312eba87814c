// SPDX-License-Identifier: BSD-2-Clause
/* Several messages in one call: the kernel's loop, over our own calls. */
#include <limits.h>

#include "base/clock.h"
#include "preload/message.h"
#include "preload/shim.h"
#include "preload/vectors.h"

#define MESSAGES_MOST 1024	/* UIO_MAXIOV: the kernel goes no further */

static size_t size_of(const struct msghdr *msg)
{
	size_t i, count = message_count(msg), size = 0;

	for (i = 0; i < count; i++)
		size += msg->msg_iov[i].iov_len;
	return size;
}

/* Fds may go over a Unix socket in each of them. 0 or -EOPNOTSUPP. */
static int send_all_rights(const struct mmsghdr *vec, unsigned n)
{
	unsigned i, most = n < MESSAGES_MOST ? n : MESSAGES_MOST;
	int ret = 0;

	if (bad_pointer(vec))
		return 0;
	for (i = 0; i < most && ret == 0; i++)
		ret = message_send_rights(&vec[i].msg_hdr);
	return ret;
}

/* An error counts only if nothing went before it; a short send ends it. */
SHIM int sendmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags)
{
	struct conn *conn = shim_point(fd);
	int done, most = n < MESSAGES_MOST ? (int)n : MESSAGES_MOST;
	int saved = errno;
	ssize_t put = 0;

	if (!conn) {
		int ret = send_all_rights(vec, n);

		return ret ? (int)shim_result(ret)
			   : real.sendmmsg(fd, vec, n, flags);
	}
	for (done = 0; done < most; done++) {
		put = sendmsg(fd, &vec[done].msg_hdr, flags);
		if (put < 0)
			break;
		vec[done].msg_len = (unsigned)put;
		if ((size_t)put < size_of(&vec[done].msg_hdr)) {
			done++;
			break;
		}
	}
	shim_done(conn);
	if (put < 0 && done == 0)
		return -1;
	errno = saved;
	return done;
}

/* The kernel stores the time that is left. True: there is none. */
static bool time_over(struct timespec *timeout, uint64_t until)
{
	uint64_t now = clock_us(), left = until > now ? until - now : 0;

	timeout->tv_sec = (time_t)(left / 1000000);
	timeout->tv_nsec = (long)(left % 1000000 * 1000);
	return left == 0;
}

static int receive_all(int fd, struct mmsghdr *vec, int most, int flags,
		       struct timespec *timeout)
{
	uint64_t until = 0;
	int done;
	ssize_t got;

	if (timeout)
		until = clock_until(timeout->tv_sec, timeout->tv_nsec / 1000);
	for (done = 0; done < most;) {
		got = recvmsg(fd, &vec[done].msg_hdr,
			      flags & ~MSG_WAITFORONE);
		if (got < 0)
			return done ? done : -errno;
		vec[done++].msg_len = (unsigned)got;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (timeout && time_over(timeout, until))
			break;
	}
	return done;
}

/* The timeout is looked at after each message only (recvmmsg(2), "BUGS"). */
SHIM int recvmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags,
		  struct timespec *timeout)
{
	struct conn *conn = shim_point(fd);
	int most = n < INT_MAX ? (int)n : INT_MAX, ret, saved = errno;

	if (!conn)
		return shim_received_all(real.recvmmsg(fd, vec, n, flags,
						       timeout), vec);
	if (timeout && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
			timeout->tv_nsec >= 1000000000))
		ret = -EINVAL;
	else
		ret = receive_all(fd, vec, most, flags, timeout);
	shim_done(conn);
	errno = saved;
	return (int)shim_result(ret);
}
