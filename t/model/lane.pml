/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * docs/PROTOCOL.md, sections 2 to 4, for spin(1): two sides of one connection
 * that have greeted each other, their TCP leg, and one RDMA lane that may die
 * at any moment. Each application sends N bytes, shuts down, reads to the end
 * and closes. A byte is its offset, so that a lost, doubled or reordered one
 * fails an assertion, and so does a control record that an application gets.
 * Whoever does not come to his end is a deadlock ("invalid end state").
 *
 * Side 0 is the active one. What a side does in one step it does atomically;
 * every message is a step of its own for who hears it.
 *
 *	-DN=2		bytes of each direction
 *	-DRING=1	bytes that a replay ring holds
 *	-DNO_RING	there are none: only a lane that is alive can be left
 *	-DFAULTS	the lane may die, silently
 *	-DLEAVES	a side may leave a live lane, or be impatient in a join
 *	-DIN_ORDER	and may do it in order, though there are rings
 *	-DCRASHES	a side may be killed
 *	-DBROKEN_...	a protocol with a rule left out: must be found wrong
 *
 * Stages, states and events have the names of stage.def and state.def. Not here
 * are the greeting's (greeting.pml), and
 *
 *	state worth, tx frozen	a join begins
 *	rx taken_in, rx ended	a byte is taken one by one, so that "all is in"
 *				is seen where the next thing is done
 *	tx resumed		the ring is put on TCP
 *	tx thawed_held, tx resumed_held
 *				what is sent in TX_FROZEN and TX_RETREAT waits
 *				here, and is held there (TX_HOLD, TX_RELEASE)
 *	tx thawed_hold		a lane is required
 *	state unready		the join is begun again
 *	state dissolved		connect(AF_UNSPEC)
 *	lane up			LANE_NONE becomes LANE_UP with state joined
 *	lane over		the lane's failure: LANE_OVER
 *	lane closed, lane ending
 *				what has no lane any more: LANE_CLOSED when it is
 *				PLAIN or DEAD, LANE_ENDING and LANE_ENDED when it
 *				is closed
 *	close closed, close lingers, close over
 *				CLOSE_OPEN becomes CLOSE_BEGUN when CLOSE_FULL is
 *				said; CLOSE_LINGERS, CLOSE_OVER: a side that has
 *				closed goes on until the other has all
 *	tx inherited, rx inherited, lane inherited, tx home, rx home, greeting inherited
 *				other processes have it: the kernel's connection
 *				and a retreat, which are here
 */
#ifndef N
#define N 2
#endif
#ifndef RING
#define RING 2
#endif
#define NEVER 255
#if defined(NO_RING) || defined(IN_ORDER)
#define ORDER
#endif
#define MESSAGES 9	/* TCP's room, more than is ever needed */

mtype = { RAW, MARK, CLOSE, CLOSE_FULL, ACK, ACK_CLOSE, RETREAT, RESUME };
mtype = { LEAVE, RETURN, FIN, RST };
mtype = { JOIN, JOINED, SWITCH, CONFIRM, DONE, DATA };
mtype = { GREETED, JOINING, ON_RDMA, RETREATING, PLAIN, DEAD };	/* states */
mtype = { TX_RAW, TX_FROZEN, TX_LANE, TX_RETREAT };
mtype = { RX_RAW, RX_MAYBE, RX_LANE, RX_CONTROL };
/* how far the exchange of section 2 is */
mtype = { NOT_BEGUN, ASKED, TOLD, OVER };

chan tcp[2] = [MESSAGES] of { mtype, byte };	/* what the side has sent */
chan lane[2] = [N + 4] of { mtype, byte };

typedef Side {
	mtype state, tx, rx, join;
	byte sent;		/* application bytes, by any lane */
	byte got;
	byte boundary;		/* of the peer; NEVER: not known */
	byte acked;		/* the peer has consumed */
	byte ack_said;
	byte resume_at;		/* the next of the ring to go by TCP */
	byte end;		/* CLOSE{n} of the peer, or NEVER */
	bool leaving;		/* LEAVE was said */
	byte leave_at;		/* the peer's LEAVE{n}, or NEVER */
	byte taken;		/* off the lane, consumed or not */
	byte given;		/* back to the peer, the next of them */
	byte give_end;		/* and up to here */
	byte back;		/* came back to us from here on, or NEVER */
	byte back_end;		/* up to here */
	byte retreat_at;	/* RETREAT{n} that waits for ours, or NEVER */
	bool mark_sent, mark_seen;
	bool retreat_sent, resume_sent, resume_seen;
	bool shut;		/* the application has shut down */
	bool fin;		/* the kernel has said so, and will again */
	bool eof;		/* the application was told of the end */
	bool closed;		/* the application has closed */
	bool peer_full;		/* CLOSE_FULL was heard */
	bool close_heard;	/* the peer has heard ours: ACK_CLOSE */
	bool refused;		/* the closed socket has answered with RST */
	bool leg_over;		/* and the end of the TCP leg: it has gone */
	bool gone;		/* the kernel's socket is closed */
	bool killed;
}
Side s[2];
bool dead_lane;		/* nothing more arrives by it */
bool one_killed;

#define me s[i]
#define peer s[1 - i]
#define to_peer tcp[i]
#define from_peer tcp[1 - i]
#define to_lane lane[i]
/* The end of what was taken in, read or not. */
#define is_pulled(n) ((me.taken > me.got && n == me.taken) || \
		      (me.taken <= me.got && n == me.got))
/* The peer's LEAVE is known, and what it asks for is not done. */
#define waits (me.leaving && me.leave_at != NEVER && !me.retreat_sent)
#define from_lane lane[1 - i]

/* A control record; the mark precedes the first of a direction. */
inline say(type, n)
{
	if
	:: !me.mark_sent ->
		me.mark_sent = true;
#ifndef BROKEN_NO_MARK
		to_peer ! MARK(0)
#endif
	:: else
	fi;
	to_peer ! type(n)
}

/* What goes by a dead lane goes nowhere, and nobody says so. */
inline put_lane(type, n)
{
	if
	:: dead_lane
	:: else -> to_lane ! type(n)
	fi
}

/* The receiver has read raw bytes up to the boundary. */
inline cross()
{
	if
	:: me.rx == RX_RAW && me.got == me.boundary && me.state == ON_RDMA ->
		me.rx = RX_LANE		/* rx boundary */
	:: me.rx == RX_RAW && me.got == me.boundary &&
	   me.state == RETREATING ->
#ifdef BROKEN_NO_MARK
		me.rx = RX_CONTROL
#else
		me.rx = RX_MAYBE	/* rx cancelled */
#endif
	:: else
	fi
}

inline plain()
{
	me.state = PLAIN;	/* state unjoined, state resumed */
	me.tx = TX_RAW;		/* tx plain */
	me.rx = RX_RAW;		/* rx plain */
	me.boundary = NEVER
}

/* A shutdown that had to wait for the end of a join or a retreat. */
inline settle()
{
	if
	:: me.shut && me.tx == TX_RAW -> to_peer ! FIN(0)
	:: me.shut && me.tx == TX_LANE && me.closed ->
		say(CLOSE_FULL, me.sent)
	:: me.shut && me.tx == TX_LANE && !me.closed -> say(CLOSE, me.sent)
	:: else
	fi
}

/* -- section 2: joining --------------------------------------------------- */

inline on_lane()
{
	me.join = OVER;
	me.state = ON_RDMA;	/* state joined */
	me.tx = TX_LANE;	/* tx joined */
	me.acked = me.sent;
	cross();
	settle()
}

/* JOINED or SWITCH did not leave us: nobody knows our boundary. */
inline cancel()
{
	me.join = OVER;
	dead_lane = true;	/* the rsocket is closed */
	if
	:: me.tx == TX_FROZEN ->
		plain();
		settle()
	:: else -> plain()
	fi
}

/* Unconfirmed, but we know the peer's boundary: raw bytes go on. */
inline cancel_unconfirmed()
{
	me.join = OVER;
	dead_lane = true;
	me.tx = TX_RAW;		/* tx thawed */
	me.state = RETREATING;	/* state cancelled */
	cross();
	if
	:: me.shut -> to_peer ! FIN(0)
	:: else
	fi
}

/* Confirmed: mark, RETREAT, RESUME. */
inline cancel_confirmed()
{
	me.join = OVER;
	dead_lane = true;
	me.state = RETREATING;
#ifdef BROKEN_NO_CONFIRM
	me.tx = TX_RAW;
#else
	me.tx = TX_RETREAT;	/* tx failed */
	me.acked = me.sent;
	say_retreat();
	resume_from(me.sent);
#endif
	cross()
}

/* -- section 4: retreat ---------------------------------------------------- */

inline say_retreat()
{
	if
	:: me.rx == RX_LANE -> me.rx = RX_CONTROL	/* rx retreats */
	:: else
	fi;
	if
	:: me.retreat_sent
	:: else ->
		me.retreat_sent = true;
		if
		:: me.rx == RX_RAW && me.boundary != NEVER ->
			say(RETREAT, me.boundary)
		:: else ->
			if
			:: me.taken > me.got -> say(RETREAT, me.taken)
			:: else -> say(RETREAT, me.got)
			fi
		fi
	fi
}

/* The peer has consumed n bytes and reads the rest on TCP. */
inline resume_from(n)
{
	if
	:: me.resume_sent
	:: else ->
#ifdef NO_RING
		assert(n == me.sent ||
		       (n == me.back && me.back_end == me.sent));
#else
		/* The ring has them, or what came back in its place. */
		assert(n <= me.sent);
		assert((me.back == NEVER && n >= me.acked) ||
		       (n == me.back && me.back_end == me.sent));
#endif
#ifdef BROKEN_RESUME
		me.resume_at = me.acked;
#else
		me.resume_at = n;
#endif
		say(RESUME, n);
		me.resume_sent = true
	fi
}

inline leave_lane()
{
	if
	:: me.state == ON_RDMA ->
		me.state = RETREATING;	/* state lane_failed */
		me.tx = TX_RETREAT	/* tx failed */
	:: else
	fi
}

/* What is on its way must come in first. */
inline say_leave()
{
	me.leaving = true;
	me.tx = TX_FROZEN;	/* tx leaves */
	me.taken = me.got;
	say(LEAVE, me.sent)
}

/* All is in, and what the application has not consumed has gone back. */
inline leave_in_order()
{
	leave_lane();
	say_retreat();
	if
	:: me.retreat_at != NEVER -> hear_retreat(me.retreat_at)
	:: else
	fi
}

/* The peer has gone: what was to go back to it is read here. */
inline stay()
{
	if
	:: me.leaving && me.tx == TX_FROZEN ->
		me.leaving = false;
		me.tx = TX_LANE;	/* tx stays */
		if
		:: me.rx == RX_CONTROL ->
			me.taken = me.give_end;
			me.rx = RX_LANE		/* rx stays */
		:: else
		fi
	:: else
	fi
}

inline hear_retreat(n)
{
	leave_lane();
	if
	:: me.tx == TX_RETREAT ->
		say_retreat();
		resume_from(n)
	:: else		/* our direction is raw already */
	fi
}

/* -- section 3: control records ------------------------------------------- */

inline hear(type, n)
{
	if
	:: type == ACK || type == ACK_CLOSE ->
		assert(n <= me.sent);
		me.close_heard = me.close_heard || type == ACK_CLOSE;
		if
		:: n > me.acked -> me.acked = n
		:: else
		fi
	:: type == CLOSE || type == CLOSE_FULL ->
		assert(n >= me.got);
		assert(me.end == NEVER || me.end == n);
		me.end = n;
		me.peer_full = me.peer_full || type == CLOSE_FULL;
		if
		:: type == CLOSE_FULL && !me.resume_sent ->
			say(ACK_CLOSE, me.got)
		:: else
		fi
	:: type == RETREAT && waits && !me.closed ->
#ifdef BROKEN_NO_WAIT
		hear_retreat(n)
#else
		me.retreat_at = n
#endif
	:: type == RETREAT && !(waits && !me.closed) ->
		hear_retreat(n)
	:: type == LEAVE ->
		assert(n >= me.got);
		me.leave_at = n;
		if
		:: me.tx == TX_LANE -> say_leave()
		:: else
		fi
	:: type == RETURN ->
		if
		:: me.back == NEVER ->
			me.back = n;
			me.back_end = n
		:: else
		fi;
		assert(n == me.back_end && n < me.sent);
		me.back_end++
	:: type == RESUME ->
		assert(me.rx == RX_CONTROL && is_pulled(n));
		me.rx = RX_RAW;		/* rx resumed */
		me.boundary = NEVER;
		me.resume_seen = true
	:: type == FIN || type == RST ->
		leg_ends()
	:: else -> assert(false)	/* raw bytes among records */
	fi
}

/*
 * The TCP leg ended where a record was due: the peer has ended, in order or
 * not. What the lane has placed is read first.
 */
inline leg_ends()
{
	me.leg_over = true;
	if
	:: me.state == RETREATING && !is_pulled(me.end) ->
		assert(one_killed);
		me.state = DEAD;	/* state lost */
		me.eof = true
	:: me.state == RETREATING && is_pulled(me.end) ->
		assert(me.end == N || one_killed);
		plain();	/* the kernel says EOF from here on */
		me.eof = me.taken <= me.got
	:: else ->
		assert(me.end != NEVER || one_killed);
		me.peer_full = true;
		stay()
	fi
}

/*
 * A closed socket answers what it hears with RST, and what of it had not
 * arrived at the peer before never will.
 */
inline refuse()
{
	me.refused = true;
	k = len(to_peer);
	do
	:: k > 0 ->
		to_peer ? type, n;
		to_peer ! type, n;
		k--
	:: k > 0 ->
		do
		:: k > 0 ->
			to_peer ? type, n;
			k--
		:: else -> break
		od
	:: k == 0 -> break
	od;
	to_peer ! RST(0)
}

/* -- the application, and what is done for it ------------------------------ */

#define alive (!me.killed && !me.gone)
#ifdef NO_RING
#define room true
#else
#define room (me.sent - me.acked < RING)
#endif

proctype side(byte i)
{
	mtype type;
	byte n, k;

	do
	/* send() */
	:: atomic { alive && me.tx == TX_RAW && me.sent < N && !me.shut ->
		to_peer ! RAW(me.sent);
		me.sent++ }
	:: atomic { alive && me.tx == TX_LANE && me.sent < N && !me.shut &&
		    (room || me.peer_full) ->
		put_lane(DATA, me.sent);
		me.sent++ }
	/* shutdown(SHUT_WR) */
	:: atomic { alive && me.sent == N && !me.shut && me.state != DEAD ->
		me.shut = true;
		if
		:: me.tx == TX_RAW -> to_peer ! FIN(0)
		:: me.tx == TX_LANE -> say(CLOSE, me.sent)
		:: else		/* settle() */
		fi }

	/* recv(), on TCP up to the boundary */
	:: atomic { alive && me.rx == RX_RAW && me.got != me.boundary &&
		    me.taken <= me.got && nempty(from_peer) && !me.eof ->
		from_peer ? type, n;
		if
		:: type == RAW ->
			assert(n == me.got);
			me.got++;
			cross()
		:: type == FIN || type == RST ->
			assert(me.got == N || one_killed);
			me.fin = true;
			me.eof = true;
			if
			:: me.boundary != NEVER && me.state != JOINING ->
				leg_ends()	/* before the boundary */
			:: else
			fi
		:: else -> assert(false)	/* a record, as data */
		fi }
	/* ... behind a boundary after which the peer may go on raw */
	:: atomic { alive && me.rx == RX_MAYBE &&
		    (nempty(from_peer) || me.fin) ->
		if
		:: from_peer ? [MARK(n)] ->
			from_peer ? MARK(n);
			me.mark_seen = true;
			me.rx = RX_CONTROL	/* rx marked */
		:: else ->
			me.rx = RX_RAW;		/* rx unmarked */
			me.boundary = NEVER;
			me.resume_seen = true
		fi }
	/* ... by RDMA */
	:: atomic { alive && me.rx == RX_LANE && from_lane ? [DATA(n)] &&
		    me.got != me.end && me.taken <= me.got ->
		from_lane ? DATA(n);
		assert(n == me.got);
		me.got++ }
#ifdef ORDER
	/* ... or what was taken in */
	:: atomic { alive && me.got < me.taken ->
		me.got++;
		me.eof = me.eof || (me.got == me.taken && me.leg_over &&
				    me.state == PLAIN) }
#endif
	/* ... of which the peer hears sooner or later */
	:: atomic { alive && me.rx == RX_LANE && me.got > me.ack_said &&
		    me.got > me.boundary ->
		say(ACK, me.got);
		me.ack_said = me.got }
	/* EOF */
	:: atomic { alive && !me.eof && me.end == me.got &&
		    (me.rx == RX_LANE || me.rx == RX_CONTROL) ->
		assert(me.got == N || one_killed);
		me.eof = true }
	/* ... or an error: the peer died, and what the lane has is read */
	:: atomic { alive && !me.eof && me.state == ON_RDMA &&
		    me.leg_over && me.end != me.got && me.taken <= me.got &&
		    empty(from_lane) ->
		assert(one_killed);
		me.eof = true }

	/* control records; the service thread's */
	:: atomic { alive && (me.rx == RX_LANE || me.rx == RX_CONTROL) &&
		    nempty(from_peer) && me.state != DEAD ->
		from_peer ? type, n;
		if
		:: !me.mark_seen && type == MARK -> me.mark_seen = true
#ifndef BROKEN_NO_MARK
		:: !me.mark_seen && type != MARK ->
			assert(type == FIN || type == RST);
			leg_ends()
#endif
		:: else -> hear(type, n)
		fi }

	/* joining: the active side */
	:: atomic { i == 0 && alive && me.join == NOT_BEGUN &&
		    me.state == GREETED && !me.shut && !me.closed ->
		me.state = JOINING;
		me.join = ASKED;
		put_lane(JOIN, 0) }
	:: atomic { i == 0 && alive && me.join == ASKED &&
		    from_lane ? [JOINED(n)] ->
		from_lane ? JOINED(n);
		if
		:: me.shut || me.closed || n < me.got -> cancel()
		:: else ->
			me.tx = TX_FROZEN;
			me.boundary = n;
			me.join = TOLD;
			put_lane(SWITCH, me.sent)
		fi }
	:: atomic { i == 0 && alive && me.join == TOLD &&
		    from_lane ? [CONFIRM(n)] ->
		from_lane ? CONFIRM(n);
		put_lane(DONE, 0);
		on_lane() }
	/* ... the passive side */
	:: atomic { i == 1 && me.join == NOT_BEGUN && from_lane ? [JOIN(n)] ->
		from_lane ? JOIN(n);
		if
		:: !alive || me.state != GREETED || me.shut || me.closed ->
			me.join = OVER;	/* a lane without a connection */
			dead_lane = true;
			if
			:: alive && me.state == GREETED -> plain()
			:: else
			fi
		:: else ->
			me.state = JOINING;
			me.tx = TX_FROZEN;
			me.join = ASKED;
			put_lane(JOINED, me.sent)
		fi }
	:: atomic { i == 1 && alive && me.join == ASKED &&
		    from_lane ? [SWITCH(n)] ->
		from_lane ? SWITCH(n);
		if
		:: n < me.got ->	/* it has gone on raw already */
			cancel()
		:: else ->
			me.boundary = n;
			put_lane(CONFIRM, 0);
#ifdef BROKEN_NO_DONE
			on_lane()
#else
			me.join = TOLD
#endif
		fi }
	:: atomic { i == 1 && alive && me.join == TOLD &&
		    from_lane ? [DONE(n)] ->
		from_lane ? DONE(n);
		on_lane() }
	/* ... that comes to nothing: the lane is dead, or time is over */
	:: atomic { alive && (me.join == ASKED || me.join == TOLD) &&
#if !defined(LEAVES) || defined(NO_RING)
		    dead_lane &&
#endif
		    empty(from_lane) ->
		if
		:: me.join == ASKED -> cancel()
		:: me.join == TOLD && i == 0 -> cancel_unconfirmed()
		:: me.join == TOLD && i == 1 -> cancel_confirmed()
		fi }
	:: atomic { i == 1 && alive && me.join == NOT_BEGUN &&
		    me.state == GREETED && dead_lane && empty(from_lane) ->
		me.join = OVER;
		plain() }

	/* the lane is dead: bytes are outstanding and nobody acknowledges */
	:: atomic { alive && me.state == ON_RDMA && dead_lane &&
		    me.tx == TX_LANE &&
		    me.sent > me.acked && !me.peer_full && !me.leg_over ->
		leave_lane();
		say_retreat() }
	/* ... or CLOSE says that bytes are missing, and the lane is over */
	:: atomic { alive && me.state == ON_RDMA && dead_lane &&
		    me.rx == RX_LANE && empty(from_lane) && me.end != NEVER &&
		    me.end != me.got && !me.leg_over && !waits ->
		leave_lane();
		say_retreat() }
#ifdef ORDER
	/* exec, drain, fork: in order */
	:: atomic { alive && me.state == ON_RDMA && me.tx == TX_LANE &&
		    !me.closed && !me.leg_over ->
		say_leave() }
	:: atomic { alive && me.state == ON_RDMA && me.leaving &&
		    me.leave_at != NEVER && me.rx == RX_LANE &&
		    me.taken < me.leave_at && !me.closed &&
		    from_lane ? [DATA(n)] ->
		from_lane ? DATA(n);
		if
		:: me.taken < me.got -> me.taken = me.got
		:: else
		fi;
		assert(n == me.taken);
		me.taken++ }
	:: atomic { alive && me.state == ON_RDMA && me.leaving &&
		    me.rx == RX_LANE && !me.closed &&
#ifndef BROKEN_NO_TAKE
		    (me.taken == me.leave_at || me.got == me.leave_at) &&
#endif
		    me.leave_at != NEVER ->
		me.rx = RX_CONTROL;
		me.given = me.got;
		me.give_end = me.taken;
		me.taken = me.got }
	:: atomic { alive && me.state == ON_RDMA && me.leaving &&
		    me.rx == RX_CONTROL && me.given < me.give_end ->
		say(RETURN, me.given);
		me.given++ }
	:: atomic { alive && me.state == ON_RDMA && me.leaving &&
		    me.rx == RX_CONTROL && me.given >= me.give_end ->
		leave_in_order() }
#ifdef IN_ORDER
	/* ... nothing has to go back: the peer's ring has it */
	:: atomic { alive && me.state == ON_RDMA && waits &&
		    me.rx == RX_LANE && me.taken <= me.got && !me.closed ->
		leave_in_order() }
	/* ... or cannot, because it does not come in any more */
	:: atomic { alive && me.state == ON_RDMA && waits &&
		    me.rx == RX_LANE && me.taken < me.leave_at &&
		    me.got < me.leave_at && !me.closed &&
		    dead_lane && empty(from_lane) ->
		leave_in_order() }
#endif
	/* ... and who has closed reads no more */
	:: atomic { alive && me.state == ON_RDMA && me.leaving && me.closed &&
		    me.retreat_at != NEVER ->
		leave_in_order() }
#endif
#if defined(LEAVES) && !defined(NO_RING)
	/* exec, drain, fork, a false alarm: any time */
	:: atomic { alive && me.state == ON_RDMA && !me.closed &&
#ifndef BROKEN_NO_ORDER
		    !me.leaving &&
#endif
		    !me.leg_over ->
		leave_lane();
		say_retreat() }
	/* ... and the peer, who would have to answer, has gone */
	:: atomic { alive && me.state == ON_RDMA && !me.closed &&
		    me.leg_over && me.end == me.got && me.rx == RX_LANE ->
		plain();
		me.eof = true }
#endif
	/* the ring goes by TCP */
	:: atomic { alive && me.tx == TX_RETREAT && me.resume_sent &&
		    me.resume_at < me.sent ->
		to_peer ! RAW(me.resume_at);
		me.resume_at++ }
	:: atomic { alive && me.tx == TX_RETREAT && me.resume_sent &&
		    me.resume_at >= me.sent ->
		me.tx = TX_RAW }
	:: atomic { alive && me.state == RETREATING && me.tx == TX_RAW &&
		    me.taken <= me.got && me.resume_seen ->
		plain();
		if
		:: me.retreat_sent && me.shut -> to_peer ! FIN(0)
		:: else
		fi }

	/* close(), after both ends of stream */
	:: atomic { alive && me.shut && me.eof && !me.closed ->
		me.closed = true;
		if
		:: me.state == ON_RDMA -> say(CLOSE_FULL, me.sent)
		:: else
		fi }
	/* ... or after an error */
	:: atomic { alive && one_killed && !me.closed &&
		    (me.state == DEAD || me.eof) ->
		me.shut = true;
		me.closed = true }
	/*
	 * The TCP leg goes when the peer has consumed all, or has closed, and
	 * knows that we have.
	 */
	:: atomic { alive && me.closed &&
		    (me.state == PLAIN || me.state == DEAD ||
		     (one_killed && me.fin && me.state == RETREATING) ||
		     me.state == GREETED ||
		     (me.state == ON_RDMA &&
#ifndef BROKEN_NO_ACK_CLOSE
		      (me.close_heard || me.leg_over) &&
#endif
		      (!me.leaving || me.peer_full) &&
		      (me.acked == me.sent || me.peer_full))) ->
		me.gone = true;
		do	/* what is unread is read, so that it is no RST */
		:: nempty(from_peer) -> from_peer ? type, n
		:: empty(from_peer) -> break
		od;
		if
		:: me.state == ON_RDMA -> to_peer ! FIN(0)
		:: else		/* FIN was sent by shutdown() */
		fi;
		dead_lane = dead_lane || me.join != NOT_BEGUN }
	:: atomic { (me.gone || me.killed) && nempty(from_peer) ->
		from_peer ? type, n;
		if
		:: me.gone && !me.refused && type != FIN && type != RST ->
			refuse()
		:: else
		fi }
#ifdef CRASHES
	:: atomic { alive && !one_killed ->
		me.killed = true;
		one_killed = true;
		dead_lane = true;
		to_peer ! RST(0) }
#endif
	:: atomic { (me.gone || me.killed) && (peer.gone || peer.killed) &&
		    empty(from_peer) -> break }
	od
}

#ifdef FAULTS
/* The lane dies: what is on it may arrive or not, what is put on it not. */
active proctype fault()
{
	mtype type;
	byte n;

	dead_lane = true;
	do
	:: atomic { nempty(lane[0]) ->
		do
		:: lane[0] ? type, n
		:: empty(lane[0]) -> break
		od }
	:: atomic { nempty(lane[1]) ->
		do
		:: lane[1] ? type, n
		:: empty(lane[1]) -> break
		od }
	:: break
	od
}
#endif

init
{
	atomic {
		byte i;

		for (i : 0 .. 1) {
			s[i].state = GREETED;
			s[i].tx = TX_RAW;
			s[i].rx = RX_RAW;
			s[i].join = NOT_BEGUN;
			s[i].boundary = NEVER;
			s[i].end = NEVER;
			s[i].leave_at = NEVER;
			s[i].back = NEVER;
			s[i].retreat_at = NEVER
		}
		run side(0);
		run side(1)
	}
}
