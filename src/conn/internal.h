/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of conn/ offer each other; what a connection is made of is in
 * parts.h. Nobody outside conn/ includes this.
 */
#ifndef CONN_INTERNAL_H
#define CONN_INTERNAL_H

#include "conn/parts.h"
#include "conn/unaware.h"

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
 * ones. Returns its size; 0: there are none, no memory, or it is all taken.
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

/* ration.c: early bytes are counted, at least so many; false: too many are */
bool ration_take(struct conn *conn, size_t size);
/* None are kept any more. Any number of times. */
void ration_give(struct conn *conn);
void ration_after_fork(void);

/* io.c: the peer keeps bytes until we say that they were consumed */
void conn_acknowledge(struct conn *conn);
/* The ring is full: no byte may go until the peer acknowledges. */
bool conn_ring_full(const struct conn *conn);
/* lane.c: has the lane, alive or not, so many bytes to read? */
bool conn_lane_holds(struct conn *conn, size_t size);
/* The boundary may have been reached by a change of state. */
void conn_cross(struct conn *conn);
/* The same, for one who is about to look. */
void conn_find_stage(struct conn *conn);

/* greet.c: the passive side. One non-blocking look at the greeting. */
void greet_look(struct conn *conn);
void greet_answer(struct conn *conn);	/* a REPLY was due */
/*
 * judge.c: with lock: why a lane is out of the question, from HELLO alone,
 * as wire_get_hello() has found it. REASON_none: it is not.
 */
enum reason greet_judge(struct conn *conn, int parsed,
			const struct wire_hello *hello);
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
/* redial.c: undo the kernel's connection on the same socket. */
void dial_dissolve(struct conn *conn);
/* Either side, the service thread: one look, and what is due is done. */
void greeting_look(struct conn *conn);

/* hold.c: bytes that wait for the greeting */
static inline bool hold_any(const struct conn *conn)
{
	return atomic_load(&conn->greeting.held_size) > 0;
}
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
	uint64_t moves = atomic_load_explicit(&conn->account.moves[flow],
					      memory_order_relaxed);

	atomic_store_explicit(&conn->account.moves[flow], moves + 1,
			      memory_order_relaxed);
}

/*
 * lane.c: with rx.lock: RX_LANE, as recvmsg(2) with these flags. What was read
 * is counted.
 */
ssize_t lane_receive(struct conn *conn, const struct iovec *iov, int count,
		     int flags);
/*
 * lane.c: with tx.lock: the peer has closed, or died. As on TCP the first send
 * still succeeds, and its answer (RST) makes the later ones fail.
 */
ssize_t lane_gone(struct conn *conn, const struct iovec *iov, int count);
/* lane.c: with tx.lock: TX_LANE, without a look at what is held */
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
 * A connection that a lane may ask for by its token, until taken back:
 * REASON_none, or why not.
 */
enum reason listener_expect(struct conn *conn);
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

/* reach.c */
/* Is a lane still asked for? A join may have been given up meanwhile. */
bool reach_is_wanted(const struct conn *conn);
/* Active: an rsocket to one of the addresses of the offer, or -errno. */
int reach_any(struct conn *conn, uint64_t until_ms);
/* Passive: may this rsocket's other end be where it is? */
bool reach_may_come(const struct conn *conn, int rs);

/* join.c */
void join_if_worth(struct conn *conn);	/* active: begin when it pays */
/* Passive: a peer's lane is here, and pins so many bytes. */
void join_accept(int rs, uint64_t pins);

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

/* watch.c: what the service thread watches. Any thread, no locks. */
/* Watch the TCP leg: dialling, late greetings, control records. 0 or -errno. */
int watch_conn(struct conn *conn);
/* For good: a plain connection, or one whose close has come to its end. */
void unwatch_conn(struct conn *conn);
/* Let the thread look at it, if it is watched, whatever its fd has to say. */
void watch_look(struct conn *conn);
/* One that follows `after`, which was held, held; NULL: it was the last. */
struct conn *watch_next(struct conn *after);
/* Ask of all that are ours, with its lock: does any say true? */
bool watch_any(bool (*is_one)(struct conn *conn, unsigned how), unsigned how);
/* Service thread: what is watched no more, and whose events it had. */
void watch_drop_gone(void);
void watch_after_fork(void);

/*
 * timer.c: the service thread is to look at it by then; if it is not watched,
 * and its greeting is not over, it is from then on. Any thread, no locks.
 */
void timer_by(struct conn *conn, uint64_t due_ms);
void timer_forget(struct conn *conn);
/* loop_hooks.begin: 0 or -errno. */
int timer_begin(void);
void timer_after_fork(void);

/* tick.c: service thread: look at a connection, and do what is due */
void tick(struct conn *conn);
#define STALL_LOOK_MS 500	/* between looks at what is outstanding */

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
/*
 * The same of a lane's end, which takes as long as its peer likes: `from`, an
 * address's share, has a part of the threads. Held, which this drops; NULL:
 * nobody's.
 */
int work_start_for(enum work_kind kind, struct quota *from,
		   void (*run)(void *arg), void *arg);
/* Wait until none of a kind is left; false: not within the time. */
bool work_wait(enum work_kind kind, unsigned ms);

/* Service thread: threads for what handlers have left (loop_wake()). */
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

/* endpoint.c: the end of an rsocket */
/*
 * Of a lane that nobody may use any more. No thread may be looking at it when
 * it is closed. Several may come here; one closes it. Waits.
 */
void endpoint_close(struct conn *conn);
/* The same, on a thread of work.c's. */
void endpoint_close_later(struct conn *conn);
/*
 * Of one that never was a lane. Nobody waits for it. Its claim, which may be
 * NULL, is taken over and given back when it is closed.
 */
void endpoint_discard(int rs, struct limits_claim *claim);

/* shut.c */
/* The peer lets nothing go before the lane, and something is to go. */
bool shut_needs_lane(const struct conn *conn);
/* What was shut down while it could not be told: now it can. */
void shut_behind(struct conn *conn);

/* linger.c: closed, and the peer has not consumed all yet */
void linger_begin(struct conn *conn);
/* It does no more, or is freed: no longer counted. Any number of times. */
void linger_end(struct conn *conn);
/* How many do: over a certain number none waits for long. */
unsigned linger_count(void);
void linger_after_fork(void);

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
/*
 * It has a lane, or had. Once: a close that meets the end of the join is seen
 * by both.
 */
void end_lane(struct conn *conn);
/* Service thread: may a closed connection's TCP leg go now? */
bool end_linger_over(struct conn *conn, uint64_t now_ms);

#endif
