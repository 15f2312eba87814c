/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every shim needs: whose fd is this, and the border where -errno
 * becomes errno. preload/ only.
 *
 * A shim is one thought: not ours, the real call; ours, hand it on. It runs
 * in the application's thread, with the application's errno.
 */
#ifndef PRELOAD_SHIM_H
#define PRELOAD_SHIM_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/real.h"
#include "conn/conn.h"
#include "fdtab/fdtab.h"

#define SHIM __attribute__((visibility("default")))

/*
 * One that programs call for each of their messages. The compiler puts these
 * beside each other: a program that has slept has all that it touches to fetch
 * again, by lines and by pages.
 */
#define SHIM_OFTEN SHIM __attribute__((hot))

/* libc's public second name of a call. EXTRA_EXPORTS in Makefile.am has it. */
#define SHIM_ALIAS(name) \
	extern __typeof__(name) __##name \
		__attribute__((alias(#name), copy(name), \
			       visibility("default")));

/*
 * The other half of a call that is made often: apart from it, the half that
 * passes the call on saves no registers.
 */
#define SHIM_REST __attribute__((noinline)) static

/* The slow half of shim_conn() and shim_point(). */
struct conn *shim_find(int fd);
struct conn *shim_find_point(int fd);

/*
 * The connection of this fd number, held, or NULL: not ours (any more). Give
 * it back with shim_done().
 */
static inline struct conn *shim_conn(int fd)
{
	return fdtab_maybe(fd) ? shim_find(fd) : NULL;
}

/* The same for a call that is a cancellation point (pthreads(7)). */
static inline struct conn *shim_point(int fd)
{
	return fdtab_maybe(fd) ? shim_find_point(fd) : NULL;
}

void shim_done(struct conn *conn);

/* The one writer of errno: a negative result is -1 and errno. */
static inline ssize_t shim_result(ssize_t ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

/* Fortified programs call these; <bits/> declares them only for those. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags,
		       struct sockaddr *addr, socklen_t *len);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		const sigset_t *mask, size_t size);
void __chk_fail(void) __attribute__((noreturn, weak));

/* The end of a program that would overrun its buffer; musl has no words. */
static inline void __attribute__((noreturn)) shim_overrun(void)
{
	if (__chk_fail)
		__chk_fail();
	abort();
}

/* ppoll(2) and its like refuse others with EINVAL. */
bool shim_valid_timeout(const struct timespec *timeout);

/* exit.c: this process is the one whose lanes are to end in order. */
void shim_own_process(void);
void shim_end_process(void);

/*
 * False in a vfork(2) child, which has its parent's memory, and so its table,
 * but numbers of its own: what it does to them must not change the table.
 */
bool shim_owns_process(void);

/*
 * exec.c: a new program is about to get the numbers that are not
 * close-on-exec: their connections go back to TCP first. -EBUSY, logged.
 */
int shim_hand_on(void);

/* signals.c: at the constructor, and in a child. */
void shim_begin_signals(void);
void shim_signals_after_fork(void);

/* init.c: around a fork of which pthread_atfork(3) does not hear. */
void shim_before_fork(void);
void shim_in_parent(void);
void shim_in_child(void);
/*
 * The same in a child of clone(2) or an inline system call, of which nothing
 * was told: its parent's lanes are lost to it.
 */
void shim_in_strange_child(void);
/* exit.c: are we one? And are we one, and have not noticed? */
bool shim_is_strange(void);
void shim_look_for_fork(void);

/*
 * aio.c: before io_submit(2), connections among the requests go back to TCP. 0
 * or -EOPNOTSUPP.
 */
struct iocb;
int aio_before_submit(long count, struct iocb *const *list);

/* A new number has come from the kernel: what it stood for is over. */
void shim_forget(int fd);
/* The same, and the number. librdmacm's is moved out of the program's way. */
int shim_fresh(int fd);
/*
 * Is it a number that its caller, who would close it, has never opened? Of a
 * runtime that does not tell of its own threads only our own are known.
 */
bool shim_is_hidden(int fd);

/*
 * recvmsg(), recvmmsg() on other sockets: fds may have come along
 * (SCM_RIGHTS). Both return their first argument.
 */
ssize_t shim_received(ssize_t ret, const struct msghdr *msg);
int shim_received_all(int ret, const struct mmsghdr *vec);

/*
 * Something the library does not see is about to use the fd: its connection
 * goes back to TCP first, for this reason. 0, also for what is none of ours;
 * -EOPNOTSUPP, logged: it could not be done in time.
 */
int shim_send_back(int fd, enum reason reason);

/* The same for every connection of the process, as far as it can be done. */
void shim_send_all_back(enum reason reason);

/* A new number for the same file as `fd`. Returns it. */
int shim_duplicate(int fd, int made);

#endif
