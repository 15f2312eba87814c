/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections: what the folders above may do with one. A connection is a
 * kernel TCP socket that the policy lets onto RDMA; its I/O functions move
 * bytes on whichever lane its directions are, and never block: they return
 * -EAGAIN, and ready/ does the sleeping.
 *
 * Lifetime: the fd table's references (entries and calls in flight) are the
 * application's interest; when the last goes, the connection is closed as the
 * kernel would close it. The service thread and jobs hold it separately.
 *
 * CONN_PLAIN from any function: the connection is an ordinary kernel socket
 * now; do the call with the real function on conn_socket() (or the fd).
 *
 * All functions return >= 0 or -errno and preserve errno. None may be called
 * with a lock held.
 */
#ifndef CONN_CONN_H
#define CONN_CONN_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "conn/state.h"
#include "fdtab/fdtab.h"
#include "mark/mark.h"
#include "policy/policy.h"

#define CONN_PLAIN (-EUCLEAN)

enum conn_role { CONN_ACTIVE, CONN_PASSIVE };

struct conn;

/* The connection an fd table object is; every object is one for now. */
struct conn *conn_from(struct fdtab_object *object);
struct fdtab_object *conn_object(struct conn *conn);

/*
 * A new connection on the kernel socket fd, with one reference of the
 * caller's on its fd table object; `local` is NULL if it has none yet. NULL: no
 * memory or fds; stay on TCP.
 */
struct conn *conn_new(int fd, enum conn_role role,
		      const struct policy_decision *decision,
		      const struct sockaddr_storage *remote,
		      const struct sockaddr_storage *local);

/* Our own number for the kernel socket. Valid while the object is held. */
int conn_socket(const struct conn *conn);

enum conn_state conn_state(const struct conn *conn);
bool conn_is_plain(const struct conn *conn);

/*
 * It is plain, and about to be taken out of the fd table: give its epoll
 * registrations to the kernel first. Any number of times.
 */
void conn_plain_waiters(struct conn *conn);

/*
 * connect(AF_UNSPEC): whatever it was, the socket is the kernel's now, who
 * resets the TCP leg.
 */
void conn_dissolve(struct conn *conn);

/*
 * One step towards an ordinary kernel socket: 0 when it is one, -EAGAIN: ask
 * again when something has happened; -EIO: it is dead.
 */
int conn_leave(struct conn *conn, enum reason reason);

/*
 * The peer owes an answer to that and has had its time: the connection is
 * reset, as the kernel does one whose peer is gone. False: it owes none.
 */
bool conn_give_up(struct conn *conn);
/*
 * Are some of its bytes on their way from a lane to TCP, or held for either,
 * and not given up? A peer that was asked has its time.
 */
bool conn_is_between(const struct conn *conn);
/*
 * One step, `back`, for each open one that has a lane, or has or may get
 * HELLO's answer: also one whose number is gone while a call has it.
 */
void conn_each_watched(void (*back)(struct conn *conn, void *arg), void *arg);

/* Stay on TCP for this reason, if that is still possible: 0 or -EBUSY. */
int conn_refuse(struct conn *conn, enum reason reason);

/* Active side: what the kernel's connect() has come to. */
struct conn_dialling {
	const struct sockaddr *to;	/* as connect() was given it */
	socklen_t length;
	bool marked_syn;	/* by us */
	bool established;	/* else it is under way */
	bool seen;		/* its SYN-ACK is, or may be, marked */
};

/*
 * The kernel's connect() has begun or succeeded: the greeting may begin, with
 * the application's first touch. Under `require` it begins at once.
 */
void conn_dial(struct conn *conn, const struct conn_dialling *dialling);
/*
 * What another connect() is to say: CONN_PLAIN: what the kernel does; 0:
 * connected; -EALREADY: under way (under `require`); -errno: it failed.
 */
int conn_dialled(struct conn *conn);

/*
 * Passive side, once, in accept(): the SYN-ACK said `mark` (0: it had none,
 * because of `unmarked`, which may be REASON_none) and the SYN this; look
 * whether HELLO is there. False: the client has taken the connection back, and
 * sent nothing but HELLO on it.
 */
bool conn_accepted(struct conn *conn, unsigned mark, enum reason unmarked,
		   const struct mark_client *client);
/*
 * Instead of that, for a socket that no struct conn could be made for: HELLO
 * gets a moment if the SYN was marked (20 ms, or 3 if others had a tenth of the
 * time before), is taken off and declined.
 */
void conn_decline(int fd, const struct mark_client *client,
		  enum reason reason);

/* recvmsg() and sendmsg() without the sleeping; flags as for those. */
ssize_t conn_receive(struct conn *conn, const struct iovec *iov, int count,
		     int flags);
ssize_t conn_transmit(struct conn *conn, const struct iovec *iov, int count,
		      int flags);

int conn_shutdown(struct conn *conn, int how);

/* Poll bits now, among events (POLLERR, POLLHUP always). */
short conn_ready(struct conn *conn, short events);

/* At most this many fds to sleep on for one connection. */
#define CONN_WAITS 2

struct conn_wait {
	struct pollfd fds[CONN_WAITS];
	int count;
	uint64_t deadline_ms;	/* look again then; UINT64_MAX: never */
	/*
	 * Set by the caller: it is about to ask the kernel about the fds, and
	 * tries again whatever it hears, so this need not ask before.
	 */
	bool asked_next;
};

/*
 * Who waits on a connection: a sleeping thread, or an epoll set. The calls
 * come from any thread, with no lock held but waiters.
 */
struct conn_waiter {
	struct conn_waiter *next;
	/* Something changed that no fd would tell. */
	void (*ring)(struct conn_waiter *waiter);
	/*
	 * Sets only: I/O was done on a lane, which has to be armed again.
	 * `drained`: POLLIN, POLLOUT it has used up.
	 */
	void (*used)(struct conn_waiter *waiter, short drained);
	/* Sets only: the last fd was closed. It is off the list already. */
	void (*ended)(struct conn_waiter *waiter);
	/* Sets only: it is an ordinary socket now; off the list as well. */
	void (*plain)(struct conn_waiter *waiter);
	/*
	 * Sets only: the fd that conn_arm() gave for the lane is about to be
	 * closed. The number may be another file's after this returns.
	 */
	void (*unarm)(struct conn_waiter *waiter);
};

void conn_waiter_add(struct conn *conn, struct conn_waiter *waiter);
/* Does a thread sleep on it, or is it in an epoll set? */
bool conn_waited_for(struct conn *conn);
/* False: it was not (or no longer) on the list. */
bool conn_waiter_remove(struct conn *conn, struct conn_waiter *waiter);

/*
 * Arm: poll bits that are ready already, or 0 with *wait filled. `waiter` is
 * the caller's, added before it calls this: what comes to pass between the
 * look and the sleep rings it.
 */
short conn_arm(struct conn *conn, short events, struct conn_wait *wait,
	       const struct conn_waiter *waiter);

/*
 * May the lane's fd of the last conn_arm() still be used? Where it is asked
 * under a lock that unarm() takes, it may until the lock is let go.
 */
bool conn_is_armed(const struct conn *conn);

/* Socket options and ioctls that the lane answers; CONN_PLAIN: the kernel. */
int conn_getsockopt(struct conn *conn, int level, int name, void *value,
		    socklen_t *length);
int conn_pending(struct conn *conn, int *bytes);	/* FIONREAD */
/*
 * How much of the peer's stream has come so far; *any: some of it is to be
 * read, or its end. False: it comes by no lane, and the kernel tells of it.
 */
bool conn_came(struct conn *conn, uint64_t *came, bool *any);
bool conn_reads_lane(const struct conn *conn);
/*
 * The call that was told of this error has moved bytes before it, and returns
 * their number: the next call is told of it (as sk_err is, tcp(7)).
 */
void conn_untell(struct conn *conn, ssize_t error);
/*
 * Has the kernel an error to tell of this connection, and nothing to read first
 * if it is `reading`? A call that has moved bytes does not ask it again: it
 * would take the error. False of one on a lane.
 */
bool conn_is_reset(struct conn *conn, bool reading);
int conn_unsent(struct conn *conn, int *bytes);		/* SIOCOUTQ */
/*
 * getpeername(2) where the kernel's answer would not do: -ENOTCONN, or 0 with
 * *name filled; else CONN_PLAIN.
 */
int conn_peername(struct conn *conn, struct sockaddr_storage *name,
		  socklen_t *length);

/*
 * Memory outlives the application's interest while kept; for epoll sets,
 * whose hold must not keep the connection open.
 */
void conn_keep(struct conn *conn);
void conn_unkeep(struct conn *conn);

/*
 * Are both directions raw TCP without end, so that the kernel's readiness of
 * the socket is the connection's?
 */
bool conn_is_raw(const struct conn *conn);

/* any_path of its rule: a path that the application chose is no matter. */
bool conn_any_path(const struct conn *conn);

/* lane.busy_poll of its rule, microseconds; 0 when it is not on RDMA. */
unsigned conn_busy_poll_us(const struct conn *conn);

/* The process ends: say CLOSE on every lane, wait for them, bounded. */
void conn_exit(void);

/*
 * The program's image goes, or all its threads: what it has closed already is
 * on its way to the peer before that, bounded.
 */
void conn_await_closed(void);
/*
 * Then: a peer of ours that would lack bytes shall see a reset, not an end in
 * order. conn_image_stays(): the image did not go after all.
 */
void conn_image_goes(void);
void conn_image_stays(void);

/*
 * Around fork(2), in every process: the parent's lanes stay its own, and its
 * child can have the connections back on TCP.
 */
void conn_before_fork(void);
void conn_after_fork_parent(void);
/* in_call: a handler has forked whose thread is in a call of ours. */
void conn_after_fork_child(bool in_call);
/* In a child before that, if nobody called conn_before_fork(). */
void conn_forked_unseen(void);

/*
 * Around a change of the process's user or groups, after which the kernel
 * takes no more commands for what is open of the device (carrier.h, pause):
 * lanes go back to TCP and listeners are closed, for seconds at most; then they
 * may come again. `done`: it was changed. One thread at a time.
 */
void conn_before_credentials(void);
void conn_after_credentials(bool done);

/*
 * Around a call that only a process of one thread may make: lanes go back to
 * TCP, as before a change of the user, and our threads end, but for jobs that
 * are not over in their time. False: there are none; then no other call is
 * due. `done` as for conn_after_credentials().
 */
bool conn_before_alone(void);
void conn_after_alone(bool done);

/* Has another process the lane, and do we wait for it to come back? */
bool conn_is_away(const struct conn *conn);

#endif
