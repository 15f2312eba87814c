/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection is made of: a part for each concern, with the files that
 * own it. Nobody outside conn/ includes this.
 *
 * Two directions, tx and rx, each with a stage of its own under its own lock;
 * the state (state.def) is the summary of both, under `lock`. Lock order: rx,
 * tx, lock. The lane's fields are written before a direction's stage says
 * LANE, and the rsocket is closed only when the last holder has gone.
 */
#ifndef CONN_PARTS_H
#define CONN_PARTS_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/lock.h"
#include "conn/conn.h"
#include "conn/loop.h"
#include "conn/replay.h"
#include "conn/stage.h"
#include "conn/tally.h"
#include "conn/trace.h"
#include "conn/wire.h"
#include "mark/mark.h"

#define OFFSET_NEVER UINT64_MAX
#define TIME_NEVER UINT64_MAX
#define CONN_LOCAL_WORDS 4	/* room for a sockaddr_in6 */
#define OUT_MAX (WIRE_RECORD_TYPES * WIRE_RECORD_SIZE + WIRE_RECORD_MAX)

/* conn.c: the two ends */
struct ends {
	int fd;		/* the application's first number for it */
	struct sockaddr_storage local, remote;
	struct sockaddr_storage dialled;	/* as connect() was given it */
	socklen_t dialled_length;
	/* `local` for those who ask, who take no lock: word by word. */
	_Atomic uint64_t local_words[CONN_LOCAL_WORDS];
};

/* What the application is told: changed under `lock`, read without. */
struct failure {
	atomic_int error;	/* why it is in STATE_dead, or would be, -errno;
				   0: its stream has ended */
	atomic_bool told;
	/*
	 * As the kernel's sk_err: the connection was reset, and the next call
	 * says why, once. Data that came before are still read.
	 */
	atomic_bool reset;
	atomic_int pending;
};

/*
 * A client that has not touched its connection does not wait for what is held,
 * so the grace may be long; one whose HELLO is not to come would.
 */
#define GREETING_GRACE_MS 20

/* dial.c, greet.c, hold.c; with lock */
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
	atomic_bool reply_due;	/* HELLO is in and not answered yet */
	bool answering;		/* somebody is about to */
	bool answer_again;	/* and is to look again */
	bool peer_requires;
	unsigned peers_reason;	/* a number that came with peer_declined */
	uint8_t *held;		/* with tx.lock and lock, and the two below */
	size_t held_at;
	_Atomic size_t held_size;
};

/* join.c, talk.c, auth.c, listener.c: how the lane comes to be; with lock */
struct join {
	uint8_t token[WIRE_TOKEN_SIZE];
	uint8_t mark[WIRE_TOKEN_SIZE], peer_mark[WIRE_TOKEN_SIZE];
	struct wire_reply *offer; /* active: the lane addresses; owned */
	bool authentic;		/* REPLY says so: lane messages have a MAC */
	uint8_t greeted[WIRE_MAC_SIZE];	/* SHA-256 of HELLO, then of REPLY */
	bool expected;			/* tokens lock, and the next two */
	struct conn *token_next;
	struct quota *from;		/* whose address's: held meanwhile */
	bool awaits;			/* the listeners, whose lock */
	struct conn *reply_next;
};

/* outbox.c, inbox.c: the TCP leg behind the boundary, with lock */
enum leg_end { LEG_OPEN, LEG_FIN, LEG_RST };	/* what it has told */

struct leg {
	/*
	 * Control bytes the TCP leg did not take yet: out_kept of the mark or
	 * a RETURN; else the rest of a record that it took a part of; then at
	 * most one record of each type.
	 */
	uint8_t out[OUT_MAX];
	unsigned out_size, out_kept;
	bool mark_sent, retreat_sent, resume_said;
	atomic_bool resume_sent;	/* changed with tx.lock */
	_Atomic uint64_t asked_ms;	/* the peer owes an answer since */
	atomic_bool lost;	/* a send took the kernel's ECONNRESET */
	/* The service thread's own, with rx.lock. */
	uint8_t in[WIRE_RECORD_MAX]; /* a part of a record */
	unsigned in_size;
	unsigned idle;		/* records that changed nothing, ... */
	uint64_t idle_ms;	/* ... since then */
	bool mark_seen;
	bool retreat_seen;	/* the peer's RETREAT was heard */
	atomic_bool resume_seen;
	_Atomic enum leg_end end;
	_Atomic uint64_t mark_ms;	/* a part of a mark is there since */
};

/* early.c: bytes taken off TCP or the lane before they were asked for */
struct early {
	uint8_t *bytes;
	size_t at;
	_Atomic size_t size;
	size_t raw;		/* of it by TCP */
	size_t room;		/* of `bytes`, for so many in all */
	size_t counted;		/* of all connections', for these or `back` */
	unsigned process;	/* forks before that */
	struct quota *from;	/* whose address's; held with `counted` */
};

/* What is received. */
struct rx {
	struct lock lock;
	_Atomic enum rx_stage stage;
	_Atomic uint64_t bytes;	/* given to the application */
	_Atomic uint64_t raw;	/* of them by TCP */
	_Atomic uint64_t boundary; /* the lane begins here */
	struct early early;
	atomic_bool shut;
	_Atomic uint64_t ack_every; /* bytes; 0: the peer keeps none */
	_Atomic uint64_t ack_sent;
	size_t uncredited;	/* lane bytes since credits could be given */
	_Atomic uint64_t end;	/* CLOSE{n}, or OFFSET_NEVER; as the next */
	atomic_bool tail_came;	/* what is before that is there */
	_Atomic uint64_t end_ms;	/* the peer's end was heard of then */
};

/* What is sent. */
struct tx {
	struct lock lock;
	_Atomic enum tx_stage stage;
	_Atomic uint64_t bytes;	/* taken from the application */
	_Atomic uint64_t raw;
	_Atomic bool shut;
	enum tx_stage before_freeze;
	struct replay replay;
	uint64_t boundary;	/* where the lane began */
	_Atomic uint64_t acked;	/* the peer's application has consumed */
	uint64_t resume_at;	/* next byte of the ring to go on TCP */
	/* one send after the peer has gone is lost */
};

/* limits.c: what an rsocket, or one to come, has of them; with their lock */
struct limits_claim {
	uint64_t pins;		/* bytes taken for it; 0: none */
	bool lane;		/* it is one of the lanes */
	bool coming;		/* not pinned yet, perhaps */
	unsigned family;	/* forks before it */
	struct quota *from;	/* whose, held; NULL: we went there */
};

/* The rsocket, and what it costs. */
struct lane {
	atomic_int rs;		/* -1: no lane */
	atomic_uint users;	/* threads looking at it without a stage lock */
	_Atomic enum lane_stage stage;
	_Atomic uint64_t end_ms;	/* service thread: it is over */
	struct limits_claim claim;
	enum reason refused;	/* the limit that one would have been over */
	/* The service thread's own. */
	uint64_t progress_ms;	/* outstanding without an ACK since; 0: not */
	atomic_bool stall_watched;	/* a time is set for a look at that */
	uint64_t probed;	/* PROBE{n} waits for our answer; 0: none */
	bool probe_sent;
};

/* proof.c: does TCP go on beside the lane? The service thread's own. */
struct proof {
	uint64_t since_ms;	/* looked for since; 0: no bytes go */
	uint64_t bytes, acked;	/* what had gone by then */
};

/* leave.c, retreat.c: back to TCP; but for two the service thread's own */
struct leave {
	atomic_bool begun;	/* LEAVE was said; with tx.lock, as the next */
	enum reason reason;
	uint64_t peer_at;	/* the peer's LEAVE{n}, or OFFSET_NEVER */
	uint64_t progress_ms;	/* when something was last taken in */
	uint64_t retreat_at;	/* RETREAT{n} came before ours, or NEVER */
	bool returned;		/* the ring is what came back */
	uint8_t *back;		/* unread bytes on their way back */
	size_t back_size, back_at;
};

/* end.c: shutdown and close */
struct closing {
	_Atomic enum close_stage stage;
	atomic_bool heard;	/* the peer knows that we have closed */
	_Atomic uint64_t linger_ms;	/* the TCP leg is kept so long */
	atomic_uint process;	/* that counts it among its lingerers */
	_Atomic uint32_t peers;	/* the flags of the peer's CLOSE */
	struct linger before;	/* exec; with l_onoff of LINGER_KEPT: none */
};
#define LINGER_KEPT (-1)

/* family.c, heir.c: other processes have it too, since a fork. */
struct forked {
	_Atomic(struct share *) share;	/* NULL: they do not */
	struct pages *pages;		/* where the share is */
	struct share *taken;		/* where we say that we are plain */
	struct parent *parent;		/* NULL: its lane is ours */
	const void *asked_of;		/* the last fork's record */
	unsigned index;			/* in that */
	unsigned sharing;		/* forks whose children may have it */
	unsigned marks;			/* the child's mark: seen */
	unsigned collected;		/* in this turn of forking */
	bool asked;			/* child: our parent knows */
	atomic_bool owed;		/* parent: a child waits for it */
};

/* conn.c: who sleeps on it, and the epoll sets it is in */
struct waits {
	struct lock lock;
	struct conn_waiter *first;
	atomic_uint sets;		/* of them with `used` */
};

/* watch.c, timer.c: the service thread looks at it */
struct watch {
	_Atomic enum watch_stage stage;	/* watch lock, and the next two */
	struct conn *next, **link;
	struct loop_source source;
	unsigned judged;	/* the thread's own: by which policy */
	uint64_t due_ms;		/* timer lock, and the next */
	unsigned place;			/* in the heap; 0: no time is set */
	unsigned turn;
};

/* tally.c, crowd.c, trace.c: what is counted and told of it */
struct account {
	struct tally *row;		/* its rule's; constant, and the next */
	unsigned family;
	uint64_t made_ms;
	uint64_t number;		/* among all of the process */
	uint64_t step_us;		/* with lock: joining or retreating */
	atomic_bool counted;		/* it is in the row */
	atomic_bool end_told;		/* counted and logged: plain or dead */
	atomic_uint retreats;
	atomic_ulong messages;
	/* Calls that moved bytes, by enum flow; with tx.lock or rx.lock. */
	_Atomic uint64_t moves[FLOWS];
	_Atomic uint64_t unlogged;	/* 1 + the first step's */
	struct conn *next, **link;	/* crowd lock */
};

struct conn {
	struct fdtab_object object;
	atomic_uint holders;	/* the object counts as one */
	enum conn_role role;
	int tcp;		/* our dup of the kernel socket */
	struct policy_decision decision;
	_Atomic enum policy_mode mode;	/* its; tcp: refused since */
	struct ends ends;
	struct lock lock;
	_Atomic enum conn_state state;
	_Atomic enum reason reason;
	struct failure failure;
	struct greeting greeting;
	struct join join;
	struct leg leg;
	struct rx rx;
	struct tx tx;
	struct lane lane;
	struct proof proof;
	struct leave leave;
	struct closing close;
	struct forked forked;
	struct waits waits;
	struct watch watch;
	struct account account;
	atomic_uint due;	/* bits of enum due: conduct.h */
};

/* The application has it no more. */
static inline bool conn_closed(const struct conn *conn)
{
	return conn->close.stage != CLOSE_OPEN;
}

static inline bool conn_lingers(const struct conn *conn)
{
	return conn->close.stage == CLOSE_LINGERS;
}

/* No more will come by RDMA. */
static inline bool lane_over(const struct conn *conn)
{
	return conn->lane.stage == LANE_OVER;
}

/* For lookers: the rsocket is going away, or has gone. */
static inline bool lane_closed(const struct conn *conn)
{
	return conn->lane.stage == LANE_CLOSED ||
	       conn->lane.stage == LANE_ENDED;
}

/* Does the service thread look at it? */
static inline bool conn_watched(const struct conn *conn)
{
	return conn->watch.stage == WATCH_ON;
}

#endif
