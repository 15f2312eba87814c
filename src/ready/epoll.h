/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll(7) sets that may hold connections. The application's epoll fd stays
 * the kernel's. For each connection in it we register, instead of the
 * application's fd, what the connection is to be waited for by: its kernel
 * socket while it is on TCP, its lane's wait fd on RDMA. Those registrations
 * are tagged, and epoll_wait() turns them back into the application's events.
 *
 * A member (a connection in a set) is looked at only when it is dirty: the
 * kernel reported it, I/O was done on it, it was rung, or it was changed. So a
 * wake-up costs what is active, not what is registered.
 *
 * Objects live in the fd table under the epoll fd's number. Lock: epollset.
 */
#ifndef READY_EPOLL_H
#define READY_EPOLL_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "conn/conn.h"

struct epollset;

/* The set an fd table object is, or NULL. */
struct epollset *epollset_from(struct fdtab_object *object);

/* epoll_create() returned this number: know it. Failing is no harm. */
void epollset_made(int epfd);

/*
 * epoll_ctl(2) on a set, for a connection; conn NULL: of a plain fd, which
 * may become one by connect(). Returns 0 or -errno.
 */
int epollset_ctl(struct epollset *set, int op, int fd, struct conn *conn,
		 struct epoll_event *event);

/* The plain fd has become this connection: take over its registrations. */
void epollset_adopt(int fd, struct conn *conn);

/*
 * Nothing of ours is in it: the kernel may be asked directly. Nor in any set
 * of the process, for the price of a load.
 */
bool epollset_is_plain(const struct epollset *set);

extern atomic_uint epollset_interests;	/* members and inner sets, of all */

static inline bool epollset_all_plain(void)
{
	return atomic_load_explicit(&epollset_interests,
				    memory_order_relaxed) == 0;
}

/*
 * The tag of our registrations: no pointer and no small integer has these
 * upper 32 bits; the lower are the member's id, 0 for the set's bell.
 */
#define EPOLL_TAG 0xf5a7c31e00000000ULL
#define EPOLL_TAG_MASK 0xffffffff00000000ULL

/* Is one of these events the kernel's answer to a registration of ours? */
static inline bool epollset_tagged(const struct epoll_event *events, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if ((events[i].data.u64 & EPOLL_TAG_MASK) == EPOLL_TAG)
			return true;
	return false;
}

/* epoll_pwait(2); until_us is a clock_us() time, READY_FOREVER, or 0. */
int epollset_wait(struct epollset *set, struct epoll_event *events, int max,
		  uint64_t until_us, const sigset_t *mask);

/*
 * The kernel gave these events, some of them tagged, to a thread that had found
 * the set plain, which another thread has changed since. Returns how many are
 * the caller's.
 */
int epollset_sort(struct epollset *set, struct epoll_event *events, int count);

/*
 * Somebody is about to sleep on the epoll fd itself (poll, an outer set): arm
 * what is dirty; what is ready makes the epoll fd readable. Returns when it is
 * to be done again, a clock_ms() time or UINT64_MAX.
 */
uint64_t epollset_prepare(struct epollset *set);

void epollset_after_fork(void);

#endif
