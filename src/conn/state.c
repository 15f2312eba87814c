// SPDX-License-Identifier: BSD-2-Clause
#include "conn/state.h"

static const struct edge {
	enum conn_state from;
	enum conn_event event;
	enum conn_state to;
} edges[] = {
#define EDGE(from, event, to) { STATE_##from, EVENT_##event, STATE_##to },
#include "conn/state.def"
#undef EDGE
};

static const char *const state_names[] = {
#define STATE(name, text) #name,
#include "conn/state.def"
#undef STATE
};

static const char *const event_names[] = {
#define EVENT(name, text) #name,
#include "conn/state.def"
#undef EVENT
};

int state_next(enum conn_state state, enum conn_event event)
{
	unsigned i;

	for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		if (edges[i].from == state && edges[i].event == event)
			return edges[i].to;
	return -1;
}

const char *state_name(enum conn_state state)
{
	return (unsigned)state < STATE_COUNT ? state_names[state] : "?";
}

const char *state_event_name(enum conn_event event)
{
	return (unsigned)event < EVENT_COUNT ? event_names[event] : "?";
}
