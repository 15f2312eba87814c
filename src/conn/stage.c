// SPDX-License-Identifier: BSD-2-Clause
#include "conn/stage.h"

#include <stdlib.h>

#include "diag/log.h"

/* 1 + the next stage; 0: there is no row. */
static const unsigned char tx_edges[TX_STAGES][TX_EVENTS] = {
#define TX_EDGE(from, event, to) [TX_##from][TX_ON_##event] = 1 + TX_##to,
#include "conn/stage.def"
#undef TX_EDGE
};

static const unsigned char rx_edges[RX_STAGES][RX_EVENTS] = {
#define RX_EDGE(from, event, to) [RX_##from][RX_ON_##event] = 1 + RX_##to,
#include "conn/stage.def"
#undef RX_EDGE
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

static void impossible(const char *way, const char *stage, const char *event)
{
	log_warn("a mistake in libshunt: %s is %s and cannot be \"%s\"", way,
		 stage, event);
#ifdef SHUNT_DEBUG
	abort();
#endif
}

int tx_next(enum tx_stage stage, enum tx_event event)
{
	return tx_edges[stage][event] - 1;
}

int rx_next(enum rx_stage stage, enum rx_event event)
{
	return rx_edges[stage][event] - 1;
}

void tx_step(_Atomic enum tx_stage *stage, enum tx_event event)
{
	enum tx_stage from = *stage;
	int next = tx_next(from, event);

	if (next < 0)
		impossible("tx", tx_names[from], tx_events[event]);
	else
		*stage = next;
}

void rx_step(_Atomic enum rx_stage *stage, enum rx_event event)
{
	enum rx_stage from = *stage;
	int next = rx_next(from, event);

	if (next < 0)
		impossible("rx", rx_names[from], rx_events[event]);
	else
		*stage = next;
}

const char *tx_name(enum tx_stage stage)
{
	return (unsigned)stage < TX_STAGES ? tx_names[stage] : "?";
}

const char *rx_name(enum rx_stage stage)
{
	return (unsigned)stage < RX_STAGES ? rx_names[stage] : "?";
}
