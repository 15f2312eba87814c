/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has become of the process's connections: a ring of the last
 * TRACE_SLOTS steps of all of them. Who steps writes a record without waiting
 * for anybody; readers (trace_tell.c) copy it out, and see when they are too
 * late. The memory is fixed, about 100 KiB, and there from the first
 * connection on; without memory nothing is recorded.
 *
 * A record has no bytes of the application's.
 */
#ifndef CONN_TRACE_H
#define CONN_TRACE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "conn/state.h"

#define TRACE_SLOTS 1024
#define TRACE_KEPT 1000		/* of them are good while others are written */

struct conn;

/* What happens to a connection beside the events of state.def. */
enum {
#define HAPPENING(name, text) TRACE_##name,
	TRACE_FIRST = EVENT_COUNT - 1,
#include "conn/trace.def"
#undef HAPPENING
	TRACE_EVENTS
};

struct trace_record {
	uint64_t number;	/* of all of the process, from 0 on */
	uint64_t time_ns;	/* CLOCK_REALTIME */
	uint64_t conn;		/* its number, which others call its id */
	uint8_t from, event, to;
	uint8_t reason;
	uint8_t tx, rx;		/* the stages, for trace_tx() and trace_rx() */
	bool bounded;		/* a lane begins at an offset that is known */
	bool active;		/* we connected */
	struct sockaddr_in6 local, remote;	/* or a sockaddr_in */
	uint16_t peers_reason;	/* of peer_declined: the peer's number */
};

/* It stepped: with its lock, or before anybody else has it. Never blocks. */
void trace_step(struct conn *conn, enum conn_state from, unsigned event);

/* Log its steps since the last call, at level debug. No locks held. */
void trace_log(struct conn *conn);

/* How many records there have been: the number of the next one. */
uint64_t trace_next(void);

enum trace_found {
	TRACE_THERE,
	TRACE_COMING,	/* it is being written, or will never be */
	TRACE_MISSED,	/* it has been written over */
};

/* Copy a record, whose number is below trace_next(). */
enum trace_found trace_read(uint64_t number, struct trace_record *record);

/*
 * Sleep until there are records that were not there when trace_news() said
 * `news`, at most `ms`. Between trace_listen(true) and (false).
 */
unsigned trace_news(void);
void trace_sleep(unsigned news, unsigned ms);
void trace_listen(bool on);

/* Names; "?" for what is none. */
const char *trace_event_name(unsigned event);
const char *trace_tx(unsigned stage);
const char *trace_rx(unsigned stage, bool bounded);

void trace_after_fork(void);

#endif
