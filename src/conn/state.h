/* SPDX-License-Identifier: BSD-2-Clause */
/* The state machine of a connection as data: see state.def. Pure. */
#ifndef CONN_STATE_H
#define CONN_STATE_H

enum conn_state {
#define STATE(name, text) STATE_##name,
#include "conn/state.def"
#undef STATE
	STATE_COUNT
};

enum conn_event {
#define EVENT(name, text) EVENT_##name,
#include "conn/state.def"
#undef EVENT
	EVENT_COUNT
};

/* The next state, or -1 for a pair that has no row. */
int state_next(enum conn_state state, enum conn_event event);

const char *state_name(enum conn_state state);
const char *state_event_name(enum conn_event event);

#endif
