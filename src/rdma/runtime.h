/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loaded runtime: librdmacm's functions by name, and the way into them.
 * For the files of rdma/ alone. `runtime` is written once, by runtime_load(),
 * before rdma_open() gives its first REASON_none.
 */
#ifndef RDMA_RUNTIME_H
#define RDMA_RUNTIME_H

/* librdmacm's functions of these names work on ids, ours on rsockets. */
#define rdma_accept rdma_accept_id
#define rdma_connect rdma_connect_id
#define rdma_listen rdma_listen_id
#include <rdma/rdma_cma.h>
#undef rdma_accept
#undef rdma_connect
#undef rdma_listen

#include <rdma/rsocket.h>

#include "rdma/rdma.h"

struct runtime {
#define SYMBOL(type, name, params) type (*name) params;
#define OPTIONAL SYMBOL
#include "rdma/rsockets.def"
#undef OPTIONAL
#undef SYMBOL
};

extern struct runtime runtime;

/* Find and load a runtime. REASON_none, or why there is none. */
enum reason runtime_load(void);

/* Has one been loaded? */
bool runtime_loaded(void);

/*
 * Nothing of what is loaded may be called any more: in a forked child it is our
 * parent's, and see rdma_resume(). The next runtime_load() loads a copy of the
 * file, which knows of no device that is open; `why` if that cannot be.
 */
void runtime_abandon(enum reason why);

/*
 * socket.c: between these two the runtime stays; false: it does not. And no
 * more of them, nor rsockets, from now on, or again.
 */
bool socket_begin(void);
void socket_end(void);
void socket_allow(bool allowed);
void socket_after_fork(void);
/* address.c: in a forked child, which has none of the other threads */
void address_after_fork(void);

/*
 * One call into librdmacm, as INSIDE(runtime.rbind(...)): >= 0 or -errno,
 * errno as it was. INSIDE_QUIET for calls that may start one of librdmacm's
 * threads: they inherit the signal mask, and must not get the application's
 * signals.
 */
#define INSIDE(call) ({ \
	int saved_ = inside_enter(); \
	inside_leave((call), saved_); \
})

#define INSIDE_QUIET(call) ({ \
	sigset_t mask_; \
	long quiet_; \
	inside_block(&mask_); \
	quiet_ = INSIDE(call); \
	inside_restore(&mask_); \
	quiet_; \
})

int inside_enter(void);
long inside_leave(long result, int saved);
void inside_block(sigset_t *mask);
void inside_restore(const sigset_t *mask);
void inside_begin_thread(void);	/* on a thread of librdmacm's own */
void inside_after_fork(void);

#endif
