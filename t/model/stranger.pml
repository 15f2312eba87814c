/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * docs/PROTOCOL.md, sections 2 to 4, for spin(1), with a peer that keeps to
 * nothing: it says any message with any number, on either lane, at any time,
 * and does not care what it is told. So nothing of what we say is here, and
 * what it says is made up when it is read. The other side is ours, of either
 * role, with one application thread, which sends, receives and closes as it
 * likes.
 *
 * Checked: when the peer's end of the TCP leg has come, or the application has
 * closed, our side comes to its end (if not: "invalid end state"); what the
 * application reads is raw bytes before the boundary, bytes of the lane behind
 * it, or raw bytes after RESUME, and nothing after an end or an error; what is
 * sent again are bytes that were sent; and what is kept is bounded.
 *
 *	-DSILENT	the peer may also say nothing more, and not end
 *	-DBROKEN_...	our side with a rule left out: must be found wrong
 */
#define N 2		/* the application sends and reads so many */
#define KEPT 1		/* taken off either lane before it was asked for */
#define HUGE 4
#define NEVER 255

mtype = { RAW, MARK, CLOSE, ACK, RETREAT, RESUME, LEAVE, RETURN };
mtype = { JOINED, SWITCH, CONFIRM, DONE };
mtype = { GREETED, JOINING, ON_RDMA, RETREATING, PLAIN, DEAD };	/* states */
mtype = { TX_RAW, TX_FROZEN, TX_LANE, TX_RETREAT };
mtype = { RX_RAW, RX_MAYBE, RX_LANE, RX_CONTROL };
mtype = { NOT_BEGUN, ASKED, TOLD, OVER };
mtype = { NO_CALL, SENDS, RECEIVES };

bool leg_over;		/* the peer's end of the TCP leg has come */
bool quiet;		/* and it says nothing more, on either lane */

bool active_side;
mtype state = GREETED, tx = TX_RAW, rx = RX_RAW, join = NOT_BEGUN;
mtype call = NO_CALL;
byte sent, acked, resume_at;
byte got;		/* read by the application */
byte early;		/* taken before it asked */
byte boundary = NEVER;
byte end = NEVER;	/* CLOSE{n} */
byte leave_at = NEVER;
byte back = NEVER, back_end;
bool mark_seen, retreat_said, resume_said, leaving;
bool told_end;		/* the application was told of an end or an error */
bool closed, gone;

#define on_tcp (!leg_over && !quiet)
#define on_the_lane (!quiet)
#define lives (!gone && state != DEAD)

/* Nobody looks at these any more. */
inline forget()
{
	boundary = NEVER;
	end = NEVER;
	leave_at = NEVER;
	back = NEVER;
	back_end = 0;
	resume_at = 0;
	acked = 0;
	join = OVER;
	tx = TX_RAW;
	rx = RX_RAW;
	mark_seen = false;
	retreat_said = false;
	resume_said = false;
	leaving = false
}

/* Whatever it is: the connection is reset. */
inline reset()
{
	state = DEAD;
	early = 0;
	forget()
}

inline plain()
{
	state = PLAIN;
	forget()
}

inline cross()
{
	if
	:: rx == RX_RAW && got + early == boundary && state == ON_RDMA ->
		rx = RX_LANE
	:: rx == RX_RAW && got + early == boundary && state == RETREATING ->
		rx = RX_MAYBE
	:: else
	fi
}

/* Is the boundary one that can be waited for? If not, no lane. */
inline look_at_boundary(n)
{
	if
	:: n < got + early -> join = OVER; plain()
#ifndef BROKEN_EARLY
	:: n >= got + early && n - got > KEPT -> join = OVER; plain()
	:: n >= got + early && n - got <= KEPT -> boundary = n
#else
	:: n >= got + early -> boundary = n
#endif
	fi
}

inline on_lane()
{
	join = OVER;
	state = ON_RDMA;
	tx = TX_LANE;
	acked = sent;
	cross()
}

inline leave_lane()
{
	if
	:: state == ON_RDMA -> state = RETREATING; tx = TX_RETREAT
	:: else
	fi;
	if
	:: rx == RX_LANE -> rx = RX_CONTROL
	:: else
	fi;
	retreat_said = true
}

inline hear_retreat(n)
{
	leave_lane();
	if
	:: tx != TX_RETREAT || resume_said	/* heard before: no matter */
	:: else ->
		if
#ifndef BROKEN_RETREAT
		:: n > sent || (n < acked && n != back) || (back != NEVER &&
		   (n != back || back_end != sent)) -> reset()
		:: else ->
#else
		:: true ->
#endif
			assert(n <= sent);
			assert(n >= acked || n == back);
			resume_at = n;
			resume_said = true
		fi
	fi
}

inline hear(type, n)
{
	if
	:: type == ACK && n <= sent ->
		if
		:: n > acked -> acked = n
		:: else
		fi
	:: type == CLOSE && n >= got + early && (end == NEVER || end == n) ->
		end = n
	:: type == RETREAT -> hear_retreat(n)
	:: type == LEAVE && n >= got + early && leave_at == NEVER ->
		leave_at = n;
		if
		:: tx == TX_LANE -> tx = TX_FROZEN; leaving = true
		:: else
		fi
	:: type == RETURN && leaving && (back == NEVER || n == back_end) &&
#ifndef BROKEN_RETURN
	   n < sent &&
#endif
	   n >= acked ->
		if
		:: back == NEVER -> back = n
		:: else
		fi;
		back_end = n + 1;
		assert(back_end <= sent)
	:: type == RESUME && retreat_said && rx == RX_CONTROL &&
	   n == got + early ->
		rx = RX_RAW;
		boundary = NEVER;
		if
		:: tx == TX_RAW -> plain()
		:: else
		fi
	:: else -> reset()
	fi
}

/* A byte that the application has not asked for. */
inline take_early()
{
	early++;
	assert(early <= KEPT)
}

/* What was read: no state, nobody looks at it later. */
hidden mtype type;
hidden byte n;

inline any_number()
{
	if
	:: n = 0
	:: n = 1
	:: n = 2
	:: n = HUGE
	fi
}

inline read_tcp()
{
	if
	:: type = RAW
	:: type = MARK
	:: type = CLOSE
	:: type = ACK
	:: type = RETREAT
	:: type = RESUME
	:: type = LEAVE
	:: type = RETURN
	fi;
	any_number()
}

inline read_lane()
{
	if
	:: type = RAW
	:: type = JOINED
	:: type = SWITCH
	:: type = CONFIRM
	:: type = DONE
	fi;
	any_number()
}

proctype honest()
{
	do
	/* the application's thread: in one call at a time */
	:: atomic { !closed && call == NO_CALL && sent < N && !told_end ->
		call = SENDS }
	:: atomic { !closed && call == NO_CALL && got < N && !told_end ->
		call = RECEIVES }
	:: atomic { !closed && call == NO_CALL -> closed = true }
	:: atomic { call != NO_CALL && state == DEAD ->
		call = NO_CALL;
		told_end = true }
	:: atomic { call == SENDS && lives && (tx == TX_RAW ||
		    (tx == TX_LANE && sent - acked < 1)) ->
		sent++;
		call = NO_CALL }
	:: atomic { call == RECEIVES && lives && early > 0 ->
		assert(!told_end);
		early--;
		got++;
		call = NO_CALL }
	:: atomic { call == RECEIVES && lives && rx == RX_RAW && early == 0 &&
		    got != boundary && on_tcp ->
		assert(!told_end && (boundary == NEVER || got < boundary));
		read_tcp();
		got++;
		call = NO_CALL;
		cross() }
	:: atomic { call == RECEIVES && lives && rx == RX_LANE && early == 0 &&
		    got != end && on_the_lane ->
		assert(!told_end && got >= boundary);
		read_lane();
		got++;
		call = NO_CALL }
	:: atomic { call == RECEIVES && lives && early == 0 &&
		    ((got == end && rx != RX_RAW) ||
		     (rx == RX_RAW && leg_over) ||
		     (state == ON_RDMA && leg_over &&
		      true)) ->
		told_end = true;
		call = NO_CALL;
		if
		:: state == RETREATING -> reset()
		:: else
		fi }

	/* joining */
	:: atomic { active_side && !closed && state == GREETED ->
		state = JOINING;
		join = ASKED }
	:: atomic { active_side && state == JOINING && join == ASKED &&
		    on_the_lane ->
		read_lane();
		if
		:: type == JOINED -> look_at_boundary(n);
			if
			:: state == JOINING -> tx = TX_FROZEN; join = TOLD
			:: else
			fi
		:: else -> join = OVER; plain()
		fi }
	:: atomic { active_side && state == JOINING && join == TOLD &&
		    on_the_lane ->
		read_lane();
		if
		:: type == CONFIRM -> on_lane()
		:: else -> join = OVER; tx = TX_RAW; state = RETREATING; cross()
		fi }
	:: atomic { !active_side && !closed && state == GREETED &&
		    on_the_lane ->
		state = JOINING;
		join = ASKED;
		tx = TX_FROZEN }
	:: atomic { !active_side && state == JOINING && join == ASKED &&
		    on_the_lane ->
		read_lane();
		if
		:: type == SWITCH -> look_at_boundary(n);
			if
			:: state == JOINING -> join = TOLD
			:: else
			fi
		:: else -> join = OVER; plain()
		fi }
	:: atomic { !active_side && state == JOINING && join == TOLD &&
		    on_the_lane ->
		read_lane();
		if
		:: type == DONE -> on_lane()
		:: else -> join = OVER; state = RETREATING; tx = TX_RETREAT;
			acked = sent; retreat_said = true; resume_at = sent;
			resume_said = true; cross()
		fi }
	/* ... that takes too long */
	:: atomic { state == JOINING ->
		if
		:: join == ASKED -> join = OVER; plain()
		:: join == TOLD && active_side -> join = OVER; tx = TX_RAW;
			state = RETREATING; cross()
		:: join == TOLD && !active_side -> join = OVER;
			state = RETREATING; tx = TX_RETREAT; acked = sent;
			retreat_said = true; resume_at = sent;
			resume_said = true; cross()
		fi }

	/* the service thread: raw bytes before the boundary */
	:: atomic { lives && rx == RX_RAW && boundary != NEVER &&
		    (state == ON_RDMA || state == RETREATING) &&
		    got + early < boundary && on_tcp ->
		read_tcp();
		take_early();
		cross() }
#ifndef BROKEN_LEG
	/* ... and the leg's end, in whatever stage the two directions are */
	:: atomic { lives && leg_over && state == RETREATING ->
		reset() }
#else
	:: atomic { lives && leg_over && state == RETREATING &&
		    (rx == RX_CONTROL || rx == RX_MAYBE) ->
		reset() }
#endif
	:: atomic { lives && leg_over && state == ON_RDMA &&
		    (leaving || end == NEVER || call == SENDS) ->
		reset() }
	/* ... what follows a boundary behind which it may go on raw */
	:: atomic { lives && rx == RX_MAYBE && on_tcp ->
		if
		:: true ->
			mark_seen = true;
			rx = RX_CONTROL
		:: true ->
			rx = RX_RAW;
			boundary = NEVER;
			if
			:: tx == TX_RAW -> plain()
			:: else
			fi
		fi }
	/* ... and control records */
	:: atomic { lives && (rx == RX_LANE || rx == RX_CONTROL) &&
		    on_tcp ->
		read_tcp();
		if
		:: !mark_seen && type == MARK -> mark_seen = true
		:: !mark_seen && type != MARK -> reset()
		:: mark_seen -> hear(type, n)
		fi }
	/* no ACK for long: out of the lane */
	:: atomic { lives && state == ON_RDMA && !leaving && sent > acked ->
		leave_lane() }
	/* drain, exec: at any time; with the peer's LEAVE in order */
	:: atomic { lives && state == ON_RDMA && !leaving && !closed ->
		leave_lane() }
	:: atomic { lives && state == ON_RDMA && leaving && rx == RX_LANE &&
		    got + early < leave_at && on_the_lane &&
#ifndef BROKEN_LEAVE
		    early < KEPT &&
#endif
		    !closed ->
		read_lane();
		take_early() }
	/* ... that is done, or takes too long */
	:: atomic { lives && state == ON_RDMA && leaving ->
		leave_lane() }
	/* the ring goes by TCP */
	:: atomic { lives && tx == TX_RETREAT && resume_said ->
		assert(resume_at <= sent);
		tx = TX_RAW;
		if
		:: rx == RX_RAW && boundary == NEVER -> plain()
		:: else
		fi }

	/* after close(): the end, and if the peer says nothing, a minute */
	:: atomic { closed && !gone && (state == PLAIN || state == DEAD ||
		    state == GREETED) ->
		gone = true;
		early = 0 }
#ifndef BROKEN_LINGER
	:: atomic { closed && !gone && (state == ON_RDMA ||
		    state == RETREATING) ->
		gone = true;
		early = 0 }
#else
	:: atomic { closed && !gone && state == ON_RDMA && end != NEVER ->
		gone = true;
		early = 0 }
#endif

	/* the peer ends, or falls silent */
	:: atomic { !leg_over && !quiet -> leg_over = true }
	:: atomic { leg_over && !quiet -> quiet = true }
#ifdef SILENT
	:: atomic { !leg_over && !quiet -> quiet = true }
	/* ... and who waits for it would on plain TCP */
	:: atomic { quiet && !leg_over && call != NO_CALL -> break }
#endif
	:: atomic { gone -> break }
	od
}

init
{
	atomic {
		if
		:: active_side = true
		:: active_side = false
		fi;
		run honest()
	}
}
