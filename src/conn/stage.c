// SPDX-License-Identifier: BSD-2-Clause
#include "conn/stage.h"

#include <stdlib.h>

#include "diag/log.h"

/* 1 + the next stage; 0: there is no row. */
#define ROW(X, from, event, to) [X##_##from][X##_ON_##event] = 1 + X##_##to,

static const unsigned char tx_edges[TX_STAGES][TX_EVENTS] = {
#define TX_EDGE(from, event, to) ROW(TX, from, event, to)
#include "conn/stage.def"
#undef TX_EDGE
};

static const unsigned char rx_edges[RX_STAGES][RX_EVENTS] = {
#define RX_EDGE(from, event, to) ROW(RX, from, event, to)
#include "conn/stage.def"
#undef RX_EDGE
};

static const unsigned char greeting_edges[GREETING_STAGES][GREETING_EVENTS] = {
#define GREETING_EDGE(from, event, to) ROW(GREETING, from, event, to)
#include "conn/stage.def"
#undef GREETING_EDGE
};

static const unsigned char lane_edges[LANE_STAGES][LANE_EVENTS] = {
#define LANE_EDGE(from, event, to) ROW(LANE, from, event, to)
#include "conn/stage.def"
#undef LANE_EDGE
};

static const unsigned char close_edges[CLOSE_STAGES][CLOSE_EVENTS] = {
#define CLOSE_EDGE(from, event, to) ROW(CLOSE, from, event, to)
#include "conn/stage.def"
#undef CLOSE_EDGE
};

static const unsigned char watch_edges[WATCH_STAGES][WATCH_EVENTS] = {
#define WATCH_EDGE(from, event, to) ROW(WATCH, from, event, to)
#include "conn/stage.def"
#undef WATCH_EDGE
};

static const unsigned char share_edges[SHARE_STAGES][SHARE_EVENTS] = {
#define SHARE_EDGE(from, event, to) ROW(SHARE, from, event, to)
#include "conn/stage.def"
#undef SHARE_EDGE
};

static const char *const tx_events[] = {
#define TX_EVENT(name, text) #name,
#include "conn/stage.def"
#undef TX_EVENT
};

static const char *const rx_events[] = {
#define RX_EVENT(name, text) #name,
#include "conn/stage.def"
#undef RX_EVENT
};

static const char *const greeting_events[] = {
#define GREETING_EVENT(name, text) #name,
#include "conn/stage.def"
#undef GREETING_EVENT
};

static const char *const lane_events[] = {
#define LANE_EVENT(name, text) #name,
#include "conn/stage.def"
#undef LANE_EVENT
};

static const char *const close_events[] = {
#define CLOSE_EVENT(name, text) #name,
#include "conn/stage.def"
#undef CLOSE_EVENT
};

static const char *const watch_events[] = {
#define WATCH_EVENT(name, text) #name,
#include "conn/stage.def"
#undef WATCH_EVENT
};

static const char *const tx_names[] = {
#define TX_STAGE(name, word, text) #word,
#include "conn/stage.def"
#undef TX_STAGE
};

static const char *const rx_names[] = {
#define RX_STAGE(name, word, text) #word,
#include "conn/stage.def"
#undef RX_STAGE
};

static const char *const greeting_names[] = {
#define GREETING_STAGE(name, word, text) #word,
#include "conn/stage.def"
#undef GREETING_STAGE
};

static const char *const lane_names[] = {
#define LANE_STAGE(name, word, text) #word,
#include "conn/stage.def"
#undef LANE_STAGE
};

static const char *const close_names[] = {
#define CLOSE_STAGE(name, word, text) #word,
#include "conn/stage.def"
#undef CLOSE_STAGE
};

static const char *const watch_names[] = {
#define WATCH_STAGE(name, word, text) #word,
#include "conn/stage.def"
#undef WATCH_STAGE
};

static void impossible(const char *way, const char *stage, const char *event)
{
	log_warn("a mistake in libshunt: %s is %s and cannot be \"%s\"", way,
		 stage, event);
#ifdef SHUNT_DEBUG
	abort();
#endif
}

/* Of each machine: X_next() and X_step(). */
#define STEPS(x) \
	int x##_next(enum x##_stage stage, enum x##_event event) \
	{ \
		return x##_edges[stage][event] - 1; \
	} \
\
	enum x##_stage x##_step(_Atomic enum x##_stage *stage, \
				enum x##_event event) \
	{ \
		enum x##_stage from = atomic_load(stage); \
		int next; \
\
		do { \
			next = x##_next(from, event); \
			if (next < 0) { \
				impossible(#x, x##_names[from], \
					   x##_events[event]); \
				return from; \
			} \
		} while (!atomic_compare_exchange_weak(stage, &from, \
						       (enum x##_stage)next)); \
		return from; \
	}

STEPS(tx)
STEPS(rx)
STEPS(greeting)
STEPS(lane)
STEPS(close)
STEPS(watch)

int share_next(enum share_stage stage, enum share_event event)
{
	return share_edges[stage][event] - 1;
}

bool share_step(_Atomic uint32_t *stage, enum share_event event)
{
	uint32_t from = atomic_load(stage);
	int next;

	do {
		next = from < SHARE_STAGES ? share_next(from, event) : -1;
		if (next < 0)
			return false;
	} while (!atomic_compare_exchange_weak(stage, &from, (uint32_t)next));
	return true;
}

const char *tx_name(enum tx_stage stage)
{
	return (unsigned)stage < TX_STAGES ? tx_names[stage] : "?";
}

const char *rx_name(enum rx_stage stage)
{
	return (unsigned)stage < RX_STAGES ? rx_names[stage] : "?";
}
