/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fake RDMA runtime, for tests on hosts without RDMA: what rsockets.def
 * wants, over AF_UNIX sockets, with rsocket.c's readiness: a completion
 * signals the wait fd only if the queue was armed before it, and once; an
 * accepted connection comes out of a socketpair; the news that a connection
 * has been made is never signalled (librdmacm's thread was faster); libc's
 * poll(), epoll_pwait(), read(), write() and close() are called through the
 * global scope. What a call costs does not grow with the number of rsockets.
 * SHUNT_RDMA_LIBRARY=.../libfake-rdma.so puts it to work; the addresses
 * 127.0.0.0/8 and ::1 have its device. FAKE_RDMA and fake_control() make it
 * fail; see rules.c.
 */
#ifndef FAKE_H
#define FAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* What could not be added, for want of memory, has no hh.tbl. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(fake) ((void)(fake))
#include <uthash.h>

#define FAKE_API __attribute__((visibility("default")))
#define FAKE_LOWAT 2048

enum fake_state {
	FAKE_INIT,
	FAKE_LISTENING,
	FAKE_CONNECTING,
	FAKE_CONNECT_ERROR,
	FAKE_CONNECTED,		/* this and later: rpoll waits for comp */
	FAKE_DISCONNECTED,
	FAKE_ERROR,
};

struct ring {
	char *bytes;
	size_t size, head, used;
	size_t most;		/* used at a time; the rest has what was */
};

struct fake {
	UT_hash_handle hh;	/* in fakes, by its number */
	int number;		/* the rsocket's number; its CM channel */
	int comp;		/* the completion channel */
	int data;		/* AF_UNIX, -1 when there is none yet */
	int queue[2];		/* accepted ones, from pump to raccept() */
	enum fake_state state;
	int error;
	bool nonblock;
	bool notify;		/* the next completion signals comp */
	bool armed;		/* notify was set, the signal not taken */
	bool stalled;		/* moves no byte, and nobody is told */
	bool hello;		/* accepted: the peer's address is known */
	size_t send_size, receive_size;
	struct ring in, out;
	uint64_t sent, received;
	struct sockaddr_storage local, peer;
	/* The pump's: */
	struct fake *prev, *next;	/* among the touched */
	bool touched;
	uint32_t interest;	/* what epoll tells of data; 0: nothing yet */
};

/* One lock for everything; not held over libc's poll() or a delay. */
extern pthread_mutex_t fake_lock;
extern struct fake *fakes;

struct fake *fake_find(int number);		/* with the lock */
struct fake *fake_new(void);			/* errno; with the lock */
void fake_free(struct fake *fake);		/* with the lock */
size_t ring_room(const struct ring *ring);
int fake_ready_to_move(struct fake *fake);	/* rings; with the lock */
size_t ring_put(struct ring *ring, const void *bytes, size_t n);
size_t ring_get(struct ring *ring, void *bytes, size_t n, bool peek);

/*
 * pump.c: the thread that moves bytes, accepts and connects. With the lock.
 * pump_touch(): there is something to do for this one: to connect, to listen,
 * bytes to send, room for more. pump_end_perhaps(): an rsocket has been closed,
 * and the thread ends with the last. pump_forget(): data is about to be closed.
 */
int pump_start(void);		/* errno */
extern void (*fake_begin)(void);	/* shunt_rhooks()'s, or NULL */
void pump_touch(struct fake *fake);
void pump_forget(struct fake *fake);
void pump_end_perhaps(void);
void fake_complete(struct fake *fake);		/* with the lock */
void fake_hang_up(struct fake *fake, enum fake_state state);	/* with it */

/* unix.c: names of listeners. */
int unix_listen(struct fake *fake);
int unix_connect(struct fake *fake);

/* rules.c: what an instruction does to this call. */
enum fake_deed { DEED_NONE, DEED_FAIL, DEED_SHORT, DEED_STALL, DEED_RESET,
		 DEED_SILENT };

struct fake_order {
	enum fake_deed deed;
	long value;
};

struct fake_order rule_apply(const char *symbol);
long rule_setting(const char *name, long otherwise);

/* For tests, by dlsym(): new instructions; how often a symbol was called. */
FAKE_API void fake_control(const char *rules);
FAKE_API long fake_calls(const char *symbol);

#endif
