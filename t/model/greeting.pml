/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * docs/PROTOCOL.md, section 1, for spin(1): a client and a server's program,
 * each aware of the greeting or not, and up to two connections: the first, and
 * the one that follows if it is taken back. Each mark is seen or lost on its
 * way, by itself.
 *
 * An application sends up to N bytes, reads, shuts down and closes when it
 * likes. A byte is its offset, so that a lost, doubled or reordered one fails
 * an assertion, and so does a message of ours that an application gets, or an
 * error that plain TCP would not have shown. A call that has begun must end:
 * reading begins only where plain TCP would have something to read, sooner or
 * later, so who waits for ever in a call is a deadlock ("invalid end state").
 * The server accepts one connection after the other and serves each to its end.
 *
 *	-DCLIENT=1 -DSERVER=1	which of them are aware (1) or not (0)
 *	-DN=2 -DHOLD=1		bytes of each direction, bytes that are held
 *	-DFALSE_MARK		an unaware server may look marked
 *	-DPROBE			greeting = "probe": to such a server, too
 *	-DTRUSTED		greeting = "trusted"
 *	-DSINGLE		one thread is both applications; on its way to
 *				itself no mark of the client is lost alone
 *	-DONE_SHOT		the server accepts once and listens no more
 *	-DDELAY			what is on its way is not there for a look, so
 *				that the server's first byte or end may cross
 *				HELLO
 *	-DLATE_LOOK		and the client looks at that when it has the
 *				ACK of HELLO already
 *	-DIMPATIENT		silence is over at any moment, and not only
 *				before the server's application has the
 *				connection
 *	-DREFUSES		the second dial may fail
 *	-DDIES			the server's program may be killed
 *	-DBROKEN_...		a protocol with a rule left out: must be found
 *				wrong
 *
 * What state.def and stage.def name, here: CONNECTING and GREETING are FRESH
 * and GREETING of the client, LOOKING of the server; both held, TX_HOLD and
 * RX_GREET, until
 *
 *	state established	connect() is over
 *	state aware, tx aware, rx aware
 *				GREETED
 *	tx required		the same, where a lane is required: not here
 *	state unaware, tx unaware, rx unaware
 *				PLAIN
 *	tx speaks		TRUSTING, or the server's grace is over
 *	tx released		TX_RELEASE ends: what was held is put on TCP in
 *				one step
 *	greeting asked		FRESH becomes GREETING; before, GREETING_QUIET;
 *				after, GREETING_ASKED
 *	greeting taken_back	dialled again: GREETING_REDIAL is one step here
 *	greeting over		PLAIN, when what is held has gone: GREETING_OVER
 */
#ifndef N
#define N 2
#endif
#ifndef HOLD
#define HOLD 1
#endif
#define NONE 2		/* no connection */
#define MESSAGES (N + 3)

mtype = { HELLO, REPLY, BYTE, FIN, RST };
mtype = { FRESH, GREETING, TRUSTING, LOOKING, PLAIN, GREETED, FAILED };
mtype = { IDLE, SEND, RECV, ACCEPT };	/* calls */

/* What has been put on each connection: REPLY(1) offers, REPLY(0) declines. */
chan up[2] = [MESSAGES] of { mtype, byte };
chan down[2] = [MESSAGES] of { mtype, byte };

typedef End {
	mtype state;
	byte asked;		/* the application has sent */
	byte sent;		/* of which are on TCP; the others are held */
	byte got;
	bool raw;		/* the server: the grace is over, or was none */
	bool shut;		/* the application has shut down */
	bool fin;		/* FIN is on TCP */
	bool eof;		/* the application was told of the end */
	bool error;		/* ... of an error */
	bool closed;		/* the application has closed */
	bool gone;		/* the kernel's socket is closed */
	bool refused;		/* and has answered with RST */
}
End c, s[2];
mtype c_call = IDLE, s_call = IDLE;

byte with;		/* the client's connection */
byte at = NONE;		/* the server's */
byte dialled, taken;	/* connections so far, and those off the queue */
bool handed[2];		/* to the server's application */
bool listening = true;
bool marked[2];		/* the server sees a mark of the client */
bool taken_back;
bool hello_in;		/* the server's kernel has HELLO */
bool spoke;		/* its first segment is out */
bool knew;		/* ... and carried HELLO's ACK */
bool late;		/* ... and came later than a grace allows */
bool crossed;		/* the client took it for one that crossed HELLO */
bool dial_failed, died;
bool junk;		/* an unaware application has read HELLO */

#define to_server up[with]
#define from_server down[with]
#define me s[at]
#define to_client down[at]
#define from_client up[at]

#ifdef DELAY
#define unseen true
#else
#define unseen false
#endif
#ifdef IMPATIENT
#define silence true
#define reset_unseen true
#else
#define silence (!SERVER || !handed[0])
#define reset_unseen false
#endif
#if CLIENT && (defined(FALSE_MARK) || defined(PROBE))
#define may_be_junk (!SERVER)
#define may_greet true
#else
#define may_be_junk false
#define may_greet (CLIENT && SERVER)
#endif
/* May a connection be taken back that an application has? */
#if !SERVER || defined(IMPATIENT) || defined(LATE_LOOK) || defined(PROBE)
#define may_be_lost true
#else
#define may_be_lost (!marked[0])
#endif

/* An application in no call does nothing for the library. */
#ifdef BROKEN_SERVICE
#define c_works (!c.gone && c_call != IDLE)
#define s_works (at != NONE && s_call != IDLE)
#else
#define c_works (!c.gone)
#define s_works (at != NONE)
#endif

#ifdef SINGLE
#define c_free (c_call == IDLE && s_call == IDLE && !c.closed)
#define s_free (c_call == IDLE && s_call == IDLE)
#else
#define c_free (c_call == IDLE && !c.closed)
#define s_free (s_call == IDLE)
#endif
#define s_serves (s_free && at != NONE && !me.closed)

#define is_open(state) (state == PLAIN || state == GREETED)
#define c_raw (is_open(c.state) || c.state == TRUSTING)
#define hello_first (from_client ? [HELLO(0)])
#define s_looks (me.state == LOOKING && len(from_client) > 0 && \
		 (!hello_first || hello_in))
#define s_blind (!s_looks || (unseen && !hello_first))
/* An application that has spoken first, or ended, waits for HELLO. */
#define s_holds (me.state == LOOKING && !me.raw)

/* Reset, with nothing but HELLO in it. */
#define dead(i) (up[i] ? [HELLO(0)] && up[i] ?? [RST(0)])

/* The client has taken back what the server's application has. */
#define left (taken_back && at == 0)

/*
 * Errors that plain TCP shows as well: who closes with bytes unread resets. And
 * one that it does not: an unaware server with a false mark that has spoken,
 * and closed, before HELLO came.
 */
#define c_excused (dial_failed || died || (may_be_junk && crossed) || \
		   (s[with].closed && c.asked > s[with].got))
#define s_excused ((left && may_be_lost) || (c.closed && me.asked > c.got))

/* The server's program waits for nobody, or for somebody who does not come. */
#define served (handed[with] || dial_failed || died)
#define over (at == NONE && c.gone && \
	      (!listening || (taken == dialled && served)))

/*
 * A closed socket answers with RST, and what of it had not arrived before never
 * will.
 */
inline reset(to)
{
	k = len(to);
	do
	:: k > 0 ->
		to ? what, n;
		to ! what, n;
		k--
	:: k > 0 ->
		do
		:: k > 0 ->
			to ? what, n;
			k--
		:: else -> break
		od
	:: k == 0 -> break
	od;
	to ! RST(0)
}

inline forget(from)
{
	do
	:: len(from) > 0 -> from ? what, n
	:: else -> break
	od;
	what = 0;
	n = 0
}

/* The kernel's close: in order, unless something is unread. */
inline close_socket(end, to, from)
{
	end.gone = true;
	if
	:: from ?? [BYTE(n)] || from ?? [HELLO(n)] || from ?? [REPLY(n)] ->
		end.refused = true;
		reset(to)
	:: else
	fi;
	forget(from)
}

/* ... and what comes afterwards. */
inline hear_closed(end, to, from)
{
	from ? what, n;
	if
	:: !end.refused && what != FIN && what != RST ->
		end.refused = true;
		reset(to)
	:: else
	fi;
	what = 0;
	n = 0
}

/* -- the active side ------------------------------------------------------- */

inline dial()
{
	with = dialled;
	dialled++
}

inline refuse_dial()
{
#ifdef ONE_SHOT
	assert(may_be_lost);
#endif
	dial_failed = true;
	c.state = FAILED
}

/* The first touch: HELLO, unless the server was faster. */
inline touch()
{
	if
	:: len(from_server) > 0 -> c.state = PLAIN
	:: len(from_server) == 0 || unseen ->
		to_server ! HELLO(0);
		hello_in = !unseen;
#ifdef TRUSTED
		c.state = TRUSTING
#else
		c.state = GREETING
#endif
	fi
}

/* Without a touch no HELLO has gone, and none will. */
inline leave_fresh()
{
	if
	:: c.state == FRESH -> c.state = PLAIN
	:: else
	fi
}

/* Dissolve the connection and dial again, plainly; also for who has closed. */
inline take_back()
{
	taken_back = true;
#ifdef BROKEN_RESET
	to_server ! FIN(0);
#else
	to_server ! RST(0);
#endif
	if
#ifdef BROKEN_REDIAL
	:: c.closed && c.asked == 0 -> c.state = FAILED
	:: !(c.closed && c.asked == 0) && listening ->
#else
	:: listening ->
#endif
		dial();
#ifdef BROKEN_DROP
		c.sent = c.asked;
#endif
		c.state = PLAIN
#ifdef REFUSES
	:: listening -> refuse_dial()
#endif
	:: !listening -> refuse_dial()
	fi
}

#if defined(PROBE) || defined(BROKEN_CROSSED)
#define may_have_crossed false
#else
#define may_have_crossed (!(from_server ? [RST(0)]))
#endif
#define no_reply (!(from_server ? [REPLY(n)]))
#ifdef LATE_LOOK
#define heard (knew || hello_in)
#else
#define heard knew
#endif

/* What comes first: REPLY, or bytes that crossed HELLO, or not. */
inline hear_reply()
{
	if
	:: from_server ? [REPLY(n)] ->
		from_server ? REPLY(n);
		assert(n == 0 || s[with].state == GREETED);
		c.state = (n == 1 -> GREETED : PLAIN);
		n = 0
#ifdef TRUSTED
	:: else -> c.state = PLAIN
#else
	:: no_reply && may_have_crossed && !knew && late ->
		crossed = true;
		c.state = PLAIN
	:: no_reply && (!may_have_crossed || heard || !late) ->
		assert(unseen || !SERVER || died);
		take_back()
#endif
	fi
}

active proctype client()
{
	mtype what;
	byte n, k;

	/* connect(): the kernel's */
	atomic {
		dial();
		if
		:: marked[0] = true	/* of an unaware client: a false one */
		:: skip
		fi;
		if
#ifdef SINGLE
		:: may_greet && marked[0] -> c.state = FRESH
#else
		:: may_greet -> c.state = FRESH
#endif
		:: c.state = PLAIN	/* no mark is seen */
		fi
	}
	do
	/* the application */
	:: atomic { c_free && c.asked < N && !c.shut && !c.error ->
		c_call = SEND }
	:: atomic { c_free && !c.eof && !c.error &&
		    (s[with].asked > c.got || s[with].shut) ->
		c_call = RECV }
	:: atomic { c_free && c.state == FRESH ->	/* poll() */
		touch() }
	:: atomic { c_free && !c.shut && !c.error ->
		c.shut = true;
		leave_fresh() }
	:: atomic { c_free ->
		c.shut = true;
		c.closed = true;
		leave_fresh() }

	/* ... and what it waits for */
	:: atomic { c_call != IDLE && c.state == FRESH -> touch() }
	:: atomic { c_call == SEND && c_raw && c.sent == c.asked ->
		to_server ! BYTE(c.sent);
		c.asked++;
		c.sent++;
		c_call = IDLE }
	:: atomic { c_call == SEND && c.state == GREETING && c.asked < HOLD ->
		c.asked++;
#ifdef BROKEN_HOLD
		to_server ! BYTE(c.sent);
		c.sent++;
#endif
		c_call = IDLE }
	:: atomic { c_call == RECV && is_open(c.state) &&
		    len(from_server) > 0 ->
		from_server ? what, n;
		if
		:: what == BYTE ->
			assert(n == c.got);
			c.got++
		:: what == FIN ->
			assert(c.got == s[with].asked);
			c.eof = true
		:: what == RST ->
			assert(c_excused);
			c.error = true
		:: else -> assert(false)	/* a message of ours */
		fi;
		what = 0;
		n = 0;
		c_call = IDLE }
	:: atomic { c_call != IDLE && c.state == FAILED ->
		c.error = true;
		c_call = IDLE }

	/* HELLO does not wait for a touch for long */
	:: atomic { c.state == FRESH && c_works -> touch() }

	/* the network */
	:: atomic { !hello_in && up[0] ? [HELLO(0)] -> hello_in = true }

	/* REPLY, or what comes in its place; or silence */
	:: atomic { (c.state == GREETING || c.state == TRUSTING) && c_works &&
		    len(from_server) > 0 ->
		hear_reply() }
	:: atomic { c.state == GREETING && c_works && silence -> take_back() }

	/* held bytes go, and FIN behind them */
	:: atomic { is_open(c.state) && c_works && c.sent < c.asked ->
		to_server ! BYTE(c.sent);
		c.sent++ }
	:: atomic { c.shut && !c.fin && (c_works || !c.closed) &&
#ifdef BROKEN_FIN
		    (c_raw || c.state == GREETING) ->
#elif defined(BROKEN_EARLY_CLOSE)
		    (c_raw || c.state == GREETING) && c.sent == c.asked ->
#else
		    c_raw && c.sent == c.asked ->
#endif
		to_server ! FIN(0);
		c.fin = true }

	/* the kernel's socket stays until REPLY, or what comes first, is in */
	:: atomic { c.closed && !c.gone && c.fin &&
#ifndef BROKEN_EARLY_CLOSE
		    is_open(c.state) &&
#endif
		    c.sent == c.asked ->
		close_socket(c, to_server, from_server) }
	:: atomic { c.closed && !c.gone && c.state == FAILED ->
		c.gone = true }
	:: atomic { c.gone && c.state != FAILED && len(from_server) > 0 ->
		hear_closed(c, to_server, from_server) }
	:: atomic { c.gone && over &&
		    (c.state == FAILED || len(from_server) == 0) ->
		break }
	od
}

/* -- the passive side ------------------------------------------------------ */

/*
 * The first segment tells the client how much the server's kernel had heard,
 * and its time whether the server may have kept it for the grace.
 */
inline say(type, n)
{
	if
	:: at == 0 && !spoke ->
		spoke = true;
		knew = hello_in;
		if
		:: late = true
		:: may_greet && !(marked[0] && me.raw) -> late = false
		fi
	:: else
	fi;
	to_client ! type(n)
}

/* The first of the stream is there. A late HELLO is consumed, not answered. */
inline look()
{
	if
	:: from_client ? [HELLO(0)] && me.sent == 0 && !me.fin ->
		from_client ? HELLO(0);
		if
		:: me.state = GREETED;
			say(REPLY, 1)
		:: me.state = PLAIN;
			say(REPLY, 0)
		fi
	:: from_client ? [HELLO(0)] && (me.sent > 0 || me.fin) ->
#ifndef BROKEN_STRIP
		from_client ? HELLO(0);
#endif
		me.state = PLAIN
	:: else -> me.state = PLAIN
	fi
}

/* accept(), which looks at once */
inline hand_out()
{
	at = taken;
	taken++;
	handed[at] = true;
	s_call = IDLE;
	me.state = (SERVER -> LOOKING : PLAIN);
	me.raw = !SERVER || !marked[at];
	if
	:: s_looks -> look()
	:: s_blind
	fi;
#ifdef ONE_SHOT
	listening = false;
	if
	:: taken < dialled ->
		down[taken] ! RST(0);
		taken++
	:: else
	fi
#endif
}

active proctype server()
{
	mtype what;
	byte n, k, i;

	do
	:: atomic { s_free && at == NONE && listening && dialled > 0 &&
		    (taken < dialled || !served) ->
		s_call = ACCEPT }
#if SERVER && !defined(BROKEN_ACCEPT)
	:: atomic { s_call == ACCEPT && taken < dialled && dead(taken) ->
		s[taken].gone = true;
		forget(up[taken]);
		taken++ }
	:: atomic { s_call == ACCEPT && taken < dialled &&
		    (!dead(taken) || reset_unseen) ->
#else
	:: atomic { s_call == ACCEPT && taken < dialled ->
#endif
		hand_out() }

	/* the application */
	:: atomic { s_serves && me.asked < N && !me.shut && !me.error ->
		s_call = SEND }
	:: atomic { s_serves && !me.eof && !me.error &&
		    (c.asked > me.got || c.shut || left ||
		     (!SERVER && len(from_client) > 0)) ->
		s_call = RECV }
	:: atomic { s_serves && s_looks -> look() }	/* poll() */
	:: atomic { s_serves && !me.shut && !me.error ->
		me.shut = true }
	:: atomic { s_serves ->
		me.shut = true;
		me.closed = true }

	/* ... and what it waits for */
	:: atomic { s_call == SEND && s_holds && s_blind && me.asked < HOLD ->
		me.asked++;
		s_call = IDLE }
	:: atomic { s_call == SEND && !s_holds && s_blind &&
		    me.sent == me.asked ->
		say(BYTE, me.sent);
		me.asked++;
		me.sent++;
		s_call = IDLE }
	:: atomic { s_call == RECV && is_open(me.state) &&
		    len(from_client) > 0 ->
		from_client ? what, n;
		if
		:: what == BYTE ->
			assert(n == me.got);
			me.got++
		:: what == FIN ->
			assert(!left && c.shut && me.got == c.asked);
			me.eof = true
		:: what == RST ->
			assert(s_excused);
			me.error = true
		:: else ->
			assert(may_be_junk && what == HELLO && at == 0);
			hello_in = true;
			junk = true
		fi;
		what = 0;
		n = 0;
		s_call = IDLE }

	/* HELLO, also when the application is elsewhere */
	:: atomic { s_works && s_looks &&
#ifdef BROKEN_WATCH
		    (s_call != IDLE || me.asked > me.sent || me.shut) ->
#else
		    true ->
#endif
		look() }
#ifndef BROKEN_GRACE
	/* ... or the grace is over: what is held goes */
	:: atomic { s_works && s_holds && s_blind &&
		    (me.asked > me.sent || me.shut) ->
		me.raw = true }
#endif
	:: atomic { s_works && !s_holds && s_blind && me.sent < me.asked ->
		say(BYTE, me.sent);
		me.sent++ }
	:: atomic { at != NONE && (s_works || !me.closed) && me.shut &&
#ifdef BROKEN_SERVER_FIN
		    !me.fin ->
#elif defined(BROKEN_KEEP_FIN)
		    !me.fin && s_blind && me.sent == me.asked ->
#else
		    !me.fin && !s_holds && s_blind && me.sent == me.asked ->
#endif
		say(FIN, 0);
		me.fin = true }

	/* the kernel's socket stays until the first of the stream was seen */
	:: atomic { at != NONE && me.closed && me.fin &&
#ifndef BROKEN_LINGER
		    me.state != LOOKING &&
#endif
		    me.sent == me.asked ->
		close_socket(me, to_client, from_client);
		at = NONE }
	:: atomic { s[0].gone && len(up[0]) > 0 ->
		hear_closed(s[0], down[0], up[0]) }
	:: atomic { s[1].gone && len(up[1]) > 0 ->
		hear_closed(s[1], down[1], up[1]) }
#ifdef DIES
	:: atomic { !died && dialled > 0 && !c.gone ->
		died = true;
		listening = false;
		taken = dialled;
		for (i : 0 .. 1) {
			if
			:: i < dialled && !s[i].gone ->
				s[i].gone = true;
				s[i].shut = true;
				s[i].refused = true;
				reset(down[i]);
				forget(up[i])
			:: else
			fi
		};
		i = 0;
		at = NONE;
		s_call = IDLE }
#endif
	:: atomic { over && len(up[0]) == 0 && len(up[1]) == 0 ->
		/* it was reset; or spoke before HELLO came, with a false mark */
		assert(!junk || taken_back || crossed);
		break }
	od
}
