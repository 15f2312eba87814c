/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct conn and what the files of conn/ offer each other. Nobody outside
 * conn/ includes this.
 *
 * Two directions, each with a stage of its own under its own lock; the state
 * (state.def) is the summary of both, under `lock`. Lock order: receive, send,
 * lock. The lane fields (rs) are written before a direction's stage says
 * LANE, and the rsocket is closed only when the last holder has gone.
 */
#ifndef CONN_INTERNAL_H
#define CONN_INTERNAL_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/lock.h"
#include "conn/conn.h"
#include "conn/replay.h"
#include "conn/stage.h"
#include "conn/tally.h"
#include "conn/trace.h"
#include "conn/unaware.h"
#include "conn/wire.h"
#include "mark/mark.h"

#define OFFSET_NEVER UINT64_MAX
#define CONN_LOCAL_WORDS 4	/* room for a sockaddr_in6 */
#define TIME_NEVER UINT64_MAX
/*
 * Bytes of a connection that are taken in before the application asks for
 * them. An honest peer has no more on its way by TCP than the kernels' buffers
 * of both ends take (tcp(7): tcp_rmem, tcp_wmem; 10 MiB unless set).
 */
#define EARLY_MOST (UINT64_C(16) << 20)
#define OUT_MAX (WIRE_RECORD_TYPES * WIRE_RECORD_SIZE + WIRE_RECORD_MAX)

/* What the peer's TCP leg has told. */
enum leg_end { LEG_OPEN, LEG_FIN, LEG_RST };

/* Of a connection in STATE_greeting; with lock. */
enum greeting_stage {
	GREETING_QUIET,		/* HELLO was neither sent nor seen */
	GREETING_ASKED,		/* active: HELLO is out, REPLY awaited */
	GREETING_REDIAL,	/* active: taken back, and dialled again */
	GREETING_OVER,		/* plain, as soon as what is held has gone */
};

/*
 * A client that has not touched its connection does not wait for what is held,
 * so the grace may be long; one whose HELLO is not to come would.
 */
#define GREETING_GRACE_MS 20

struct greeting {
	_Atomic enum greeting_stage stage;
	uint64_t since_ms;	/* active: connect() had succeeded */
	/* Of the answer; passive: of a prefix, or of the grace. */
	_Atomic uint64_t deadline_ms;
	bool marked_syn;	/* active: our SYN was */
	atomic_bool prefix;	/* a part of what is awaited may be there */
	struct mark_client client;	/* passive: what its SYN said */
	unsigned listener_mark;	/* passive: what our SYN-ACK said */
	enum reason unmarked;	/* passive: why nothing; none: it is marked */
	uint8_t *held;		/* with send and lock, and the two below */
	size_t held_at;
	_Atomic size_t held_size;
};

struct conn {
	struct fdtab_object object;
	atomic_uint holders;	/* the object counts as one */
	_Atomic uint64_t unlogged;	/* trace.c: 1 + the first step's */
	enum conn_role role;
	int tcp;		/* our dup of the kernel socket */
	int fd;			/* the application's first number for it */
	struct policy_decision decision;
	_Atomic enum policy_mode mode;	/* the decision's; tcp: refused since */
	struct sockaddr_storage local, remote;
	struct sockaddr_storage dial_to; /* as connect() was given it */
	socklen_t dial_length;

	struct lock lock;	/* what follows, to the next lock */
	_Atomic enum conn_state state;
	_Atomic enum reason reason;
	/* Times of the service thread's; TIME_NEVER: not set. */
	_Atomic uint64_t mark_ms;	/* a part of a mark is there */
	_Atomic uint64_t end_ms;	/* the lane is over */
	_Atomic uint64_t linger_ms;	/* closed: the TCP leg is kept */
	struct greeting greeting;
	int failure;		/* why it is in STATE_dead, -errno; 0: its
				   stream has ended */
	atomic_bool failure_told;
	atomic_bool end_told;	/* counted and logged: plain or dead */
	atomic_bool reply_due;		/* HELLO is in and not answered yet */
	bool answering;		/* somebody is about to */
	bool answer_again;	/* and is to look again */
	bool peer_requires;
	unsigned peers_reason;	/* a number that came with peer_declined */
	atomic_bool closing;	/* the application's interest has ended */
	uint8_t token[WIRE_TOKEN_SIZE];
	uint8_t mark[WIRE_TOKEN_SIZE], peer_mark[WIRE_TOKEN_SIZE];
	struct wire_reply *offer; /* active: the lane addresses; owned */
	bool authentic;		/* REPLY says so: lane messages have a MAC */
	uint8_t greeted[WIRE_MAC_SIZE];	/* SHA-256 of HELLO, then of REPLY */
	/*
	 * Control bytes the TCP leg did not take yet: out_kept of the mark or
	 * a RETURN; else the rest of a record that it took a part of; then at
	 * most one record of each type.
	 */
	uint8_t out[OUT_MAX];
	unsigned out_size, out_kept;
	bool mark_sent, retreat_sent, resume_said, resume_sent;
	atomic_bool leg_lost;	/* a send took the kernel's ECONNRESET */

	struct lock receive;
	_Atomic enum rx_stage rx;
	_Atomic uint64_t rx_bytes; /* given to the application */
	_Atomic uint64_t rx_raw; /* of them by TCP */
	_Atomic uint64_t rx_boundary; /* the lane begins here */
	/*
	 * Raw bytes before the boundary that the application has not read yet,
	 * taken off TCP because control records may wait behind them.
	 */
	uint8_t *early;
	size_t early_at;
	_Atomic size_t early_size;
	size_t early_raw;	/* of it by TCP */
	atomic_bool rx_shut;
	_Atomic uint64_t ack_every; /* bytes; 0: the peer keeps none */
	_Atomic uint64_t ack_sent;
	size_t uncredited;	/* lane bytes since credits could be given */
	uint8_t in[WIRE_RECORD_MAX]; /* service thread: a part of a record */
	unsigned in_size;
	unsigned idle;		/* records that changed nothing, ... */
	uint64_t idle_ms;	/* ... since then */
	bool mark_seen;
	bool retreat_seen;	/* the peer's RETREAT was heard */
	atomic_bool resume_seen;

	struct lock send;
	_Atomic enum tx_stage tx;
	_Atomic uint64_t tx_bytes; /* taken from the application */
	_Atomic uint64_t tx_raw;
	_Atomic bool tx_shut;
	enum tx_stage tx_before_freeze;
	struct replay replay;
	_Atomic uint64_t acked;	/* the peer's application has consumed */
	atomic_bool close_heard; /* the peer knows that we have closed */
	uint64_t resume_at;	/* next byte of the ring to go on TCP */
	/* one send after the peer has gone is lost */

	/* Set by the service thread, read by all. */
	_Atomic uint64_t rx_end;	/* CLOSE{n}, or OFFSET_NEVER */
	_Atomic uint32_t peer_close;	/* its flags */
	_Atomic enum leg_end leg;
	atomic_bool lane_over;		/* no more will come by RDMA */
	atomic_bool tail_came;		/* what is before rx_end is there */
	/*
	 * As the kernel's sk_err: the connection was reset, and the next call
	 * says why, once. Data that came before are still read.
	 */
	atomic_bool reset;
	atomic_int error;
	atomic_ulong messages;

	/* leave.c; but for the first two the service thread's own */
	atomic_bool leaving;	/* LEAVE was said; with send */
	enum reason leave_reason;
	uint64_t leave_at;	/* the peer's LEAVE{n}, or OFFSET_NEVER */
	uint64_t leave_ms;	/* when something was last taken in */
	uint64_t retreat_at;	/* RETREAT{n} came before ours, or NEVER */
	bool returned;		/* the ring is what came back */
	uint8_t *back;		/* unread bytes on their way back */
	size_t back_size, back_at;

	/* The service thread's own. */
	uint64_t progress_ms;	/* outstanding without an ACK since; 0: not */
	atomic_bool stall_watched;	/* a time is set for a look at that */
	uint64_t probed;	/* PROBE{n} waits for our answer; 0: none */
	bool probe_sent;
	uint64_t proof_ms;	/* proof.c: asked then; 0: not; and ... */
	uint64_t proof_bytes, proof_acked;	/* ... what had gone */
	atomic_bool lingering;	/* closed; the peer has not consumed all yet */
	unsigned judged;	/* by the policy of this number */

	/* family.c: other processes have it too, since a fork. */
	_Atomic(struct share *) share;	/* NULL: they do not */
	struct pages *pages;		/* where the share is */
	struct share *taken;		/* where we say that we are plain */
	struct parent *parent;		/* NULL: its lane is ours */
	const void *share_asked_of;	/* the last fork's record */
	unsigned share_index;		/* in that */
	unsigned sharing;		/* forks whose children may have it */
	unsigned forks;			/* the child's mark: seen */
	unsigned collected;		/* in this turn of forking */
	bool asked;			/* child: our parent knows */
	atomic_bool owed;		/* parent: a child waits for it */

	atomic_int rs;		/* -1: no lane */
	uint64_t pins;		/* limits lock: bytes taken for it; 0: none */
	bool pins_coming;	/* limits lock, and the next */
	unsigned pins_family;
	enum reason over;	/* the limit that a lane would have been over */
	atomic_uint lane_users;	/* threads looking at it without a stage lock */
	atomic_bool lane_ending; /* somebody has begun to take it down */
	atomic_bool lane_closed; /* for lookers: it is going away */
	struct lock waiters_lock;
	struct conn_waiter *waiters;
	atomic_uint sets;		/* of them with `used` */
	atomic_bool watched;	/* by the service thread; service lock */
	bool unwatched;		/* and will not be again */
	struct conn *service_next, **service_link;
	uint64_t look_ms;		/* timer lock, and the next */
	unsigned timer_place;		/* in the heap; 0: no time is set */
	unsigned timer_turn;
	bool expected;			/* tokens lock, and the two below */
	struct conn *token_next;
	bool awaits;			/* the listeners */
	struct conn *reply_next;

	/* tally.c: constant; but the last four */
	struct tally *tally;		/* its rule's row */
	unsigned tally_family;
	uint64_t made_ms;
	uint64_t step_us;		/* with lock: joining or retreating */
	atomic_bool tallied;		/* it is in the row */
	atomic_uint retreats;
	/* Calls that moved bytes, by enum flow; with send or receive. */
	_Atomic uint64_t moves[FLOWS];
	uint64_t number;		/* crowd.c: among all of the process */
	struct conn *crowd_next, **crowd_link;	/* crowd lock */
	/* `local` for those who ask, who take no lock: word by word. */
	_Atomic uint64_t local_words[CONN_LOCAL_WORDS];
};

/* conn.c: lifetime and state */
void conn_hold(struct conn *conn);
void conn_drop(struct conn *conn);
/* Take one edge of state.def; with `lock`. False: no such edge. */
bool conn_step_locked(struct conn *conn, enum conn_event event,
		      enum reason reason);
/* The same, taking the lock; wakes sleepers, logs and forgets. */
bool conn_step(struct conn *conn, enum conn_event event, enum reason reason);
/* What no event makes (trace.def); with `lock`, or nobody else has it. */
void conn_jump_locked(struct conn *conn, enum conn_state state,
		      unsigned happening, enum reason reason);
/* After a step under the lock: wake, log, leave the table. No locks. */
void conn_settle(struct conn *conn);
void conn_ring(struct conn *conn, const struct conn_waiter *except);
/* I/O was done on the lane: tell the epoll sets. */
void conn_used(struct conn *conn, short drained);
/* The application's interest is over: tell the epoll sets. */
void conn_end_waiters(struct conn *conn);
/* One line of the log about where it is and why. */
void conn_report(struct conn *conn, const char *what);
/* STATE_dead with this errno. */
void conn_fail(struct conn *conn, int error, enum reason reason);
/* Fill with unpredictable bytes; getrandom(2). False: there are none. */
bool conn_random(uint8_t *bytes, size_t size);

/* Between these two the rsocket stays; false: it is going away. */
bool lane_enter(struct conn *conn);
void lane_leave(struct conn *conn);

/* conn.c: `local` is known, or another: publish it; and for whoever asks */
void conn_know_local(struct conn *conn);
void conn_read_local(const struct conn *conn, struct sockaddr_storage *local);

/* conn.c: the peer's application is gone; `error` as for conn->error */
void conn_reset(struct conn *conn, int error);

/* early.c: with receive: bytes taken off TCP or the lane, read or not */
uint64_t conn_pulled(const struct conn *conn);
/* With receive: the first of them, as recvmsg(2) with these flags. */
ssize_t conn_early_receive(struct conn *conn, const struct iovec *iov,
			   int count, int flags);
/*
 * With receive: room for bytes before stream offset `end` behind the early
 * ones. Returns its size; 0: there are none, or no memory.
 */
size_t conn_early_room(struct conn *conn, uint64_t end, uint8_t **room);
/*
 * Service thread: take raw bytes off TCP up to the boundary, as far as they are
 * there; a piece, and it looks again soon.
 */
void conn_pull(struct conn *conn);
/* raw.c: with receive, recvmsg(2) of it, without sleeping. 0: the leg's end. */
ssize_t raw_receive(struct conn *conn, const struct iovec *iov, int count,
		    int flags);
/* With receive: is a part of what is not read on each lane? Then MSG_PEEK: */
bool is_astride(const struct conn *conn);
ssize_t peek_across(struct conn *conn, const struct iovec *iov, int count);

/* io.c: the peer keeps bytes until we say that they were consumed */
void conn_acknowledge(struct conn *conn);
/* The ring is full: no byte may go until the peer acknowledges. */
bool conn_ring_full(const struct conn *conn);
/* Has the lane, alive or not, so many bytes for the application to read? */
bool conn_lane_holds(struct conn *conn, size_t size);
/* The boundary may have been reached by a change of state. */
void conn_cross(struct conn *conn);
/* The same, for one who is about to look. */
void conn_find_stage(struct conn *conn);

/* greet.c: the passive side. One non-blocking look at the greeting. */
void greet_look(struct conn *conn);
void greet_answer(struct conn *conn);	/* a REPLY was due */
/*
 * Passive, under `require`, and the client has no lane yet: what it has sent by
 * TCP is not for the application before that.
 */
bool greet_awaits_lane(const struct conn *conn);
/* With receive: read then: -EAGAIN; 0: its end; -ECONNRESET: behind bytes. */
ssize_t greet_receive(struct conn *conn);
/* The same, and it has had its time: reset. No locks. */
void greet_end_wait(struct conn *conn);
/*
 * The application has sent, or would: has HELLO had its grace? Then, or if the
 * client's SYN was not marked, its bytes go raw.
 */
void greet_speak(struct conn *conn);
/*
 * The same before another program has the connection: a client on a busy host
 * may take longer, and who reads HELLO then knows nothing of it.
 */
void greet_give(struct conn *conn);

/* dial.c: the active side. One look; the application's own look, which may */
void dial_look(struct conn *conn);
void dial_touch(struct conn *conn);	/* ... begin the greeting */
/* With lock: something is to go: REPLY is awaited so long, and no longer. */
void dial_await_locked(struct conn *conn);
/* Service thread: a look that is a touch when HELLO is due; and when it is. */
void dial_tend(struct conn *conn);
uint64_t dial_due(const struct conn *conn);
/*
 * The connection is to be an ordinary one, and soon: no HELLO if it is not out;
 * else REPLY gets a second, and then it is taken back.
 */
void dial_hurry(struct conn *conn, enum reason reason);
/* Undo the kernel's connection on the same socket. */
void dial_dissolve(struct conn *conn);
/* Either side, the service thread: one look, and what is due is done. */
void greeting_look(struct conn *conn);

/* hold.c: bytes that wait for the greeting */
bool hold_any(const struct conn *conn);
/* Does something wait for the greeting, so that its end has to be awaited? */
bool hold_waits(const struct conn *conn);
/* Frozen, on its way to the lane or back: is what is sent held meanwhile? */
bool hold_while_moving(const struct conn *conn);
size_t hold_room(const struct conn *conn);
/* With send: keep as much as there is room for, as sendmsg(2); -EAGAIN. */
ssize_t hold_take(struct conn *conn, const struct iovec *iov, int count);
/* Something is held, and the application may be elsewhere. No locks. */
void hold_attend(struct conn *conn);
/*
 * With lock: no lane. It is plain, at once or when what is held has gone:
 * then TX_RELEASE, and the caller goes on with hold_release().
 */
void hold_leave(struct conn *conn, enum reason reason);
/* The same without a lock, and all of it. */
void hold_quit(struct conn *conn, enum reason reason);
/* TX_RELEASE: put what is held on TCP, as far as the kernel takes it. */
void hold_release(struct conn *conn);
/* The same with send; true: it is TX_RAW now, and hold_over() is due. */
bool hold_release_locked(struct conn *conn);
void hold_over(struct conn *conn);
/* With send: put it on the lane. False: that has no room for all of it. */
bool hold_on_lane(struct conn *conn);
/* The same without, and what waited for it. True: look again soon. No locks. */
bool hold_lane_look(struct conn *conn);
/* It is about to be plain with bytes held, which is a mistake of ours. */
void hold_are_lost(struct conn *conn);
/* Forget it: the connection is dissolved, or another process's. */
void hold_drop(struct conn *conn);

/* io.c: with send or receive: one more call has moved bytes this way */
static inline void conn_moved(struct conn *conn, enum flow flow)
{
	uint64_t moves = atomic_load_explicit(&conn->moves[flow],
					      memory_order_relaxed);

	atomic_store_explicit(&conn->moves[flow], moves + 1,
			      memory_order_relaxed);
}

/* io.c: with send: TX_LANE, without a look at what is held */
ssize_t lane_transmit(struct conn *conn, const struct iovec *iov, int count);

/* listener.c: this process's rsockets that peers' lanes connect to */
/*
 * Lane addresses, > 0; 0: there are none, as conn->reason may say already;
 * -EAGAIN: they are being made, and greet_answer(conn) is called when they are
 * known.
 */
int listener_addresses(struct conn *conn, struct sockaddr_storage *addresses,
		       int max);
/*
 * A connection that a lane may ask for by its token, until taken back. 0; -EIO:
 * no random bytes for a token; -ENOMEM.
 */
int listener_expect(struct conn *conn);
void listener_unexpect(struct conn *conn);
/* The connection of this token, held, once; NULL: nobody's. */
struct conn *listener_claim(const uint8_t token[WIRE_TOKEN_SIZE]);

/* The same, without taking it: others may ask for it, too. */
struct conn *listener_find(const uint8_t token[WIRE_TOKEN_SIZE]);

/* auth.c: what was greeted, and the MACs of lane messages */
/* HELLO, or REPLY after it, as it went over the wire. */
void auth_greeted(struct conn *conn, const uint8_t *message, size_t size);
/*
 * Put a MAC on a lane message of WIRE_LANE_MAX bytes, ours, or look at that of
 * one of the peer's. `last` is the MAC of the message before, in whatever
 * direction, zeros before JOIN; and then this one's. False: no key, wrong.
 */
bool auth_sign(const struct conn *conn, uint8_t *message,
	       uint8_t last[WIRE_MAC_SIZE]);
bool auth_check(const struct conn *conn, const uint8_t *message,
		uint8_t last[WIRE_MAC_SIZE]);

/* join.c */
void join_if_worth(struct conn *conn);	/* active: begin when it pays */
void join_accept(int rs);		/* passive: a peer's lane is here */

/* control.c: the TCP leg behind the boundary */
/* Queue a record and try to send it. Takes `lock`. */
void control_say(struct conn *conn, uint8_t type, uint32_t flags,
		 uint64_t offset);
void control_flush(struct conn *conn);
/*
 * Say RETURN with a part of these bytes: its size, or 0 as long as something
 * waits to go out. Takes `lock`.
 */
size_t control_return(struct conn *conn, uint64_t offset, const uint8_t *bytes,
		      size_t size);
/* Service thread: read what has come. */
void control_look(struct conn *conn);
/* The TCP leg has ended where a record, or raw bytes, were due. */
void control_ended(struct conn *conn, enum leg_end end);
/* With receive: at the boundary of a cancelled lane. 0 or -EAGAIN. */
int control_mark_or_raw(struct conn *conn);
/* Service thread: PROBE waits; say ACK if the lane is seen to be alive. */
void control_answer_probe(struct conn *conn);
/* Has everything queued been taken by the kernel? */
bool control_flushed(struct conn *conn);

/* retreat.c: back to TCP */
/* The lane failed with bytes on it. */
void retreat_lane(struct conn *conn, enum reason reason);
/*
 * The peer has closed, and its end of the TCP leg is gone: nobody answers. If
 * all that it sent has been read, the kernel's socket says what we would; if
 * not, false.
 */
bool retreat_alone(struct conn *conn, enum reason reason);
/* We were told of the peer's boundary and put nothing on the lane. */
void retreat_unused(struct conn *conn);
/* RETREAT{consumed} came. */
void retreat_heard(struct conn *conn, uint64_t consumed);
/* Put what the peer lacks on TCP, as far as the kernel takes it. */
void retreat_pump(struct conn *conn);
/* Does the peer owe RETREAT or RESUME? */
bool retreat_owed(const struct conn *conn);
void retreat_give_up_all(void);	/* conn_give_up() of each */
/* A direction may be raw again: is the connection the kernel's now? */
void retreat_check(struct conn *conn);

/* leave.c: out of a lane that is alive, without a ring */
/* Stop sending, say LEAVE; the service thread does the rest. No locks. */
void leave_in_order(struct conn *conn, enum reason reason);
/* Service thread: one step. True: look again soon. */
bool leave_look(struct conn *conn);
/*
 * Service thread: is something taken in or given back, so that the peer's
 * RETREAT, or the lane's end, has to wait?
 */
bool leave_waits(const struct conn *conn);
/* LEAVE{sent} came. */
void leave_heard(struct conn *conn, uint64_t sent);
/* RETURN came. False: that is not what is missing, or there is no memory. */
bool leave_returned(struct conn *conn, uint64_t offset, const uint8_t *bytes,
		    size_t size);

/* service.c: the thread */
/* Watch the TCP leg: dialling, late greetings, control records. */
int service_watch(struct conn *conn);
/* For good: a plain connection, or one whose close has come to its end. */
void service_unwatch(struct conn *conn);
/* Start the thread, if there is none. 0 or -errno. */
int service_start(void);
/* Does a connection wait with bytes held, or for its lane's end to begin? */
bool service_holds(void);
/*
 * Is a connection on its way back to TCP, or waiting for its greeting with
 * bytes held? The process ends. `late`: who owes an answer is waited for no
 * more; `give_up`: a peer that still lacks bytes shall see a reset, as he does.
 */
bool service_retreats(bool late, bool give_up);
/* Let the thread look at a watched connection, whatever its fd has to say. */
void service_look(struct conn *conn);
/* It calls work_catch_up() soon. False: there is no service thread. */
bool service_catch_up(void);
/* Hear, by family_hear(children), what comes by this socket. -errno. */
int service_watch_channel(int channel, void *children);
void service_unwatch_channel(int channel);

/*
 * timer.c: the service thread is to look at it by then; if it is not watched,
 * and its greeting is not over, it is from then on. Any thread, no locks.
 */
void timer_by(struct conn *conn, uint64_t due_ms);
void timer_forget(struct conn *conn);
/* Service thread: its timerfd, made with it; and whose time has come, held. */
int timer_fd(void);
struct conn *timer_due(uint64_t now_ms);
void timer_after_fork(void);

/* tick.c: service thread: look at a connection, and do what is due */
void tick(struct conn *conn);
/* Bytes are on the lane: somebody has to look after them. Cheap. */
void tick_outstanding(struct conn *conn);

/* service.c: service thread: a policy has come since the last look */
void drain_if_judged(struct conn *conn);

void credentials_after_fork(void);

/* audit.c: service thread: checks the fd table now and then, if built to */
void audit_table(void);

/* work.c: what may block */
enum work_kind {
	WORK_JOIN,
	WORK_ADMIT,
	WORK_END,	/* of lanes with bytes in them: exit() waits */
	WORK_DISCARD,	/* of dead ones */
	WORK_LISTEN,
	WORK_ANSWER,	/* operator.c, and the next */
	WORK_DRAIN,
	WORK_KINDS
};
/*
 * Run it on a thread of its own, or queue it; -EAGAIN: too many wait, or no
 * thread can be made; -ENOMEM.
 */
int work_start(enum work_kind kind, void (*run)(void *arg), void *arg);
/* Are there more than its threads take? */
bool work_waits(enum work_kind kind);
/* Wait until none of a kind is left; false: not within the time. */
bool work_wait(enum work_kind kind, unsigned ms);

/* Service thread: threads for what handlers have left (service_catch_up()). */
void work_catch_up(void);
/* On a thread of its own that may last, or not at all: -errno. */
int work_alone(void *(*run)(void *arg), void *arg);

void work_after_fork(void);
void listener_after_fork(void);
/*
 * Close the listeners, for seconds at most; false: there were none. And make
 * them again, on the ports that peers know; who asks meanwhile waits.
 */
bool listener_pause(void);
void listener_resume(void);
void service_after_fork(void);

/* end.c: the application's interest is over */
void end_conn(struct conn *conn);
/* The same, before a lane; again when what was held has gone. */
void end_greeting(struct conn *conn);
/* A join or retreat is over, or it failed: shut down or close what waited. */
void end_settle(struct conn *conn);
/* Closed while retreating: the TCP leg goes when that is over. */
void end_linger(struct conn *conn);
/*
 * With send: all has been put on TCP. FIN does not wait for the peer's bytes,
 * which may wait for it.
 */
void end_sent(struct conn *conn);
/*
 * Closed, and what is held has not found room on the lane for a minute: reset,
 * as the kernel does a peer that takes nothing any more.
 */
void end_held_late(struct conn *conn);
/* Close the rsocket of a lane that nobody may use any more. */
void end_lane_alone(struct conn *conn);
/* Close an rsocket that never was a lane. Nobody waits for it. */
void end_rsocket(int rs);
void end_after_fork(void);
/* Service thread: may a closed connection's TCP leg go now? If so, once. */
bool end_linger_over(struct conn *conn, uint64_t now_ms);

#endif
