// SPDX-License-Identifier: BSD-2-Clause
/*
 * rsocket.c, and four functions more (src/rdma/rsockets.def). build compiles
 * this file in the place of rsocket.c, whose static functions and fields they
 * use.
 *
 *	shunt_rsendv(rs, iov, count)
 *
 * As rsend(3) with MSG_DONTWAIT, of vectors: how many bytes were taken, or -1
 * and errno. Every byte goes through the send buffer, also what is small enough
 * to be sent inline, so that the buffer is a ring of the last bytes of the
 * stream: bytes come from the application into the place that they are sent
 * from, and are in no other.
 *
 *	shunt_rkept(rs, &bytes, &size, &at)
 *
 * Where that ring is, and at which of its places the next byte will be. It has
 * whatever the peer's rrecv(3) has not returned, at any time until rclose(3),
 * which frees it. 0; or -1 and errno, EOPNOTSUPP: it would not have all, or the
 * device sends otherwise (iWARP). To be asked once both ends are connected,
 * when nothing but a few small messages was sent, all by shunt_rsendv().
 *
 *	shunt_rqueued(rs)
 *
 * How many bytes rrecv(3) would return of what completions have told so far:
 * rpoll(3) before it takes those that have come. -1 and errno.
 *
 *	shunt_rhooks(lift, begin)
 *
 * To be called before any other. lift() gives file descriptors that the kernel
 * makes without a call of libc's, which are the completion channels, other
 * numbers, from any thread. begin() is what each thread of rsocket.c's calls
 * first.
 *
 * Why a byte is overwritten only when the device will not read it again and the
 * peer's application has it:
 *
 * 1. A byte is put at a place of which sbuf_bytes_avail counts as free. It
 *    counts a message's bytes from the completion of its work request on; those
 *    come in the order of the requests, and the ring is filled in that order.
 *    RC completes a request when the peer has acknowledged all of it, so the
 *    device sends no part of it again.
 * 2. The peer has a receive buffer of twice the size that its connection data
 *    grants at first, and grants one half after the other (rs_send_credits()),
 *    each when rrecv() has freed so much. So what was granted is at most what
 *    rrecv() has returned and one whole buffer, and no more is ever sent than
 *    was granted. shunt_rkept() says no unless the ring is as large as that.
 *
 * A peer that grants what it has not freed harms its own stream alone: each
 * message is cut at what (1) leaves, which is inside of the ring.
 *
 * Both rest on counts of rsocket.c that two threads change, one that sends and
 * one that receives: rs_write_data() and rrecv() with the lock of their own
 * direction, rs_poll_cq() and rs_send_credits() with the completion queue's.
 * One of two changes at the same time would be lost. So build makes them
 * atomic.
 */
#define _GNU_SOURCE
#include <config.h>

#include <infiniband/verbs.h>
#include <pthread.h>
#include <stdlib.h>

static int (*lift)(int fd);
static void (*begin)(void);

static struct ibv_comp_channel *lifted_channel(struct ibv_context *verbs)
{
	struct ibv_comp_channel *made = ibv_create_comp_channel(verbs);

	if (made && lift)
		made->fd = lift(made->fd);
	return made;
}

struct own_thread {
	void *(*run)(void *arg);
	void *arg;
};

static void *run_own(void *arg)
{
	struct own_thread thread = *(struct own_thread *)arg;

	free(arg);
	if (begin)
		begin();
	return thread.run(thread.arg);
}

static int create_own(pthread_t *id, const pthread_attr_t *attr,
		      void *(*run)(void *arg), void *arg)
{
	struct own_thread *thread = malloc(sizeof(*thread));
	int ret = ENOMEM;

	if (!thread)
		return ret;
	*thread = (struct own_thread){ run, arg };
	ret = pthread_create(id, attr, run_own, thread);
	if (ret)
		free(thread);
	return ret;
}

#define ibv_create_comp_channel lifted_channel
#define pthread_create create_own
#include "rsocket.c"
#undef ibv_create_comp_channel
#undef pthread_create

#define IS_ATOMIC(field) \
	_Generic(&((struct rsocket *)0)->field, _Atomic(int) *: 1, default: 0)
_Static_assert(IS_ATOMIC(sbuf_bytes_avail) && IS_ATOMIC(rbuf_bytes_avail) &&
		       IS_ATOMIC(sqe_avail),
	       "two threads change it");

#define KEPT_PIECE (32 * 1024)	/* copied, and then sent while the next is */
#define KEPT_SENT_MOST 2048	/* few small messages */

/* Is every byte copied into the send buffer and sent from it? */
static bool keeps(const struct rsocket *rs)
{
	return rs->type == SOCK_STREAM && !(rs->opts & RS_OPT_MSG_SEND);
}

void shunt_rhooks(int (*how)(int fd), void (*first)(void));
void shunt_rhooks(int (*how)(int fd), void (*first)(void))
{
	lift = how;
	begin = first;
}

int shunt_rkept(int socket, void **bytes, size_t *size, size_t *at);
int shunt_rkept(int socket, void **bytes, size_t *size, size_t *at)
{
	struct rsocket *rs = idm_lookup(&idm, socket);
	uint64_t granted;
	int ret = 0;

	if (!rs)
		return ERR(EBADF);
	if (!keeps(rs) || !(rs->state & rs_connected))
		return ERR(EOPNOTSUPP);
	fastlock_acquire(&rs->slock);
	*bytes = rs->sbuf;
	*size = rs->sbuf_size;
	*at = rs->ssgl[0].addr - (uintptr_t)rs->sbuf;
	/* What was sent is of the first grant, and began the ring. */
	granted = *at + (uint64_t)rs->target_sgl[0].length;
	if (rs->target_sge != 0 || *at > KEPT_SENT_MOST ||
	    2 * granted > rs->sbuf_size)
		ret = ERR(EOPNOTSUPP);
	fastlock_release(&rs->slock);
	return ret;
}

/*
 * How much of `left` the next message may have: without a break in the ring,
 * and in what the peer has granted, which the device may be writing.
 */
static uint32_t kept_piece(const struct rsocket *rs, size_t left)
{
	uint32_t granted = rs->target_sgl[rs->target_sge].length;
	uint32_t size = rs_sbuf_left((struct rsocket *)rs);

	size = min_t(uint32_t, size, KEPT_PIECE);
	size = min_t(uint32_t, size, granted);
	size = min_t(uint32_t, size, (uint32_t)rs->sbuf_bytes_avail);
	return left < size ? (uint32_t)left : size;
}

/* What is in the ring's next place is sent. */
static int kept_post(struct rsocket *rs, uint32_t size)
{
	int ret;

	rs->ssgl[0].length = size;
	ret = rs_write_data(rs, rs->ssgl, 1, size,
			    size <= rs->sq_inline ? IBV_SEND_INLINE : 0);
	if (size < rs_sbuf_left(rs))
		rs->ssgl[0].addr += size;
	else
		rs->ssgl[0].addr = (uintptr_t)rs->sbuf;
	if (ret) {	/* there is a hole in what was counted */
		rs->state = rs_error;
		rs->err = errno;
	}
	return ret;
}

/*
 * 0: a message may be sent; else -1 and errno. As in rsend(3), who may send yet
 * does so, whatever has become of the peer.
 */
static int kept_room(struct rsocket *rs)
{
	if (rs_can_send(rs))
		return 0;
	if (rs_get_comp(rs, 1, rs_conn_can_send))
		return -1;
	return rs->state & rs_writable ? 0 : ERR(ECONNRESET);
}

ssize_t shunt_rqueued(int socket);
ssize_t shunt_rqueued(int socket)
{
	struct rsocket *rs = idm_lookup(&idm, socket);
	ssize_t queued = 0;
	int at, tail;

	if (!rs)
		return ERR(EBADF);
	if (rs->type != SOCK_STREAM)
		return ERR(EOPNOTSUPP);
	fastlock_acquire(&rs->rlock);
	/* Another thread, with another lock, may be about to turn it round. */
	tail = rs->rmsg_tail > rs->rq_size ? 0 : rs->rmsg_tail;
	for (at = rs->rmsg_head; at != tail;
	     at = at == rs->rq_size ? 0 : at + 1)
		queued += rs->rmsg[at].data;
	fastlock_release(&rs->rlock);
	return queued;
}

ssize_t shunt_rsendv(int socket, const struct iovec *iov, int count);
ssize_t shunt_rsendv(int socket, const struct iovec *iov, int count)
{
	struct rsocket *rs = idm_lookup(&idm, socket);
	size_t len = 0, left, offset = 0;
	uint32_t size;
	int i, ret = 0;

	if (!rs)
		return ERR(EBADF);
	if (!keeps(rs) || (rs->state & rs_opening))
		return rsendv(socket, iov, count, MSG_DONTWAIT);
	for (i = 0; i < count; i++)
		len += iov[i].iov_len;
	fastlock_acquire(&rs->slock);
	for (left = len; left; left -= size) {
		ret = kept_room(rs);
		if (ret)
			break;
		size = kept_piece(rs, left);
		if (size == 0) {	/* a peer has taken its grant back */
			ret = ERR(EAGAIN);
			break;
		}
		rs_copy_iov((void *)(uintptr_t)rs->ssgl[0].addr, &iov, &offset,
			    size);
		ret = kept_post(rs, size);
		if (ret)
			break;
	}
	fastlock_release(&rs->slock);
	return ret && left == len ? ret : (ssize_t)(len - left);
}
