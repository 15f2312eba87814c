/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * docs/PROTOCOL.md, section 1, for spin(1): a client and a server, each aware
 * of the greeting or not, of which either may speak first. Each application
 * sends one byte and reads one. A connection that the client takes back is
 * reset, and a second one follows, without a greeting. On the connection that
 * stays each application gets the other's byte and nothing else.
 *
 *	-DCLIENT=1 -DSERVER=1	which of them are aware (1) or not (0)
 *	-DBROKEN_STRIP		a late HELLO is left to the application
 *	-DBROKEN_HOLD		the client does not wait before it speaks
 */
mtype = { HELLO, REPLY, BYTE, RST };
mtype = { CONNECTING, GREETING, PLAIN, GREETED, OVER };

chan up[2] = [4] of { mtype };		/* of each connection: to the server */
chan down[2] = [4] of { mtype };	/* to the client */
byte dialled;				/* connections so far */
bool server_done, client_done;

/* What the server's application does with connection c. */
proctype server(byte c)
{
	mtype state, what;
	bool sent, got;

	if
	:: SERVER -> state = GREETING
	:: else -> state = PLAIN
	fi;
	do
	/* the application speaks when it wants; awareness gives HELLO a grace */
	:: atomic { !sent && nfull(down[c]) && state != OVER ->
		down[c] ! BYTE;
		sent = true }
	/* the first bytes, looked at when the application reads */
	:: atomic { state == GREETING && nempty(up[c]) ->
		if
		:: up[c] ? [HELLO] && !sent ->
			up[c] ? HELLO;
			down[c] ! REPLY;
			state = GREETED
		:: up[c] ? [HELLO] && sent ->	/* late: taken, not answered */
#ifndef BROKEN_STRIP
			up[c] ? HELLO;
#endif
			state = PLAIN
		:: else -> state = PLAIN
		fi }
	:: atomic { (state == PLAIN || state == GREETED) && nempty(up[c]) ->
		up[c] ? what;
		if
		:: what == BYTE ->
			assert(!got);
			got = true
		:: what == RST -> state = OVER
		:: else ->	/* an unaware server, of a client who leaves */
			assert(!SERVER && CLIENT && what == HELLO && c == 0)
		fi }
	/* a byte that comes before the end of it all was the client's last */
	:: atomic { got && sent && state != OVER ->
		server_done = true;
		state = OVER }
	:: atomic { state == OVER || (client_done && server_done) -> break }
	od
}

active proctype client()
{
	mtype state = CONNECTING, what;
	bool sent, got;
	byte c = 0;

	dialled = 1;
	run server(0);
	if
	:: CLIENT ->
		up[0] ! HELLO;
		state = GREETING
	:: else -> state = PLAIN
	fi;
	do
	:: atomic { state == GREETING && nempty(down[c]) ->
		if
		:: down[c] ? [REPLY] ->
			down[c] ? REPLY;
			state = GREETED
		:: else -> goto leave
		fi }
	/* handshake.timeout: the server may be slow, or say nothing */
	:: atomic { state == GREETING -> goto leave }
#ifdef BROKEN_HOLD
	:: atomic { !sent && nfull(up[c]) ->
#else
	:: atomic { !sent && (state == PLAIN || state == GREETED) &&
		    nfull(up[c]) ->
#endif
		up[c] ! BYTE;
		sent = true }
	:: atomic { (state == PLAIN || state == GREETED) && nempty(down[c]) ->
		down[c] ? what;
		assert(what == BYTE && !got);
		got = true }
	:: atomic { sent && got ->
		client_done = true;
		break }
	od;
	goto end;
leave:
	/* connect(AF_UNSPEC), and dial again: no byte of ours was sent */
	atomic {
		assert(!sent);
		up[c] ! RST;
		c = 1;
		dialled = 2;
		state = PLAIN;
		run server(1)
	}
	do
	:: atomic { !sent && nfull(up[c]) ->
		up[c] ! BYTE;
		sent = true }
	:: atomic { nempty(down[c]) ->
		down[c] ? what;
		assert(what == BYTE && !got);
		got = true }
	:: atomic { sent && got ->
		client_done = true;
		break }
	od;
end:	skip
}
