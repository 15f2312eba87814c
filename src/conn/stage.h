/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two directions of a connection as state machines: see stage.def. Only
 * tx_step() and rx_step() change a stage (t/lint/states).
 */
#ifndef CONN_STAGE_H
#define CONN_STAGE_H

#include <stdatomic.h>

enum tx_stage {
#define TX_STAGE(name, word, text) TX_##name,
#include "conn/stage.def"
#undef TX_STAGE
};

enum tx_event {
#define TX_EVENT(name, text) TX_ON_##name,
#include "conn/stage.def"
#undef TX_EVENT
	TX_EVENTS
};

enum rx_stage {
#define RX_STAGE(name, word, text) RX_##name,
#include "conn/stage.def"
#undef RX_STAGE
};

enum rx_event {
#define RX_EVENT(name, text) RX_ON_##name,
#include "conn/stage.def"
#undef RX_EVENT
	RX_EVENTS
};

/* How many there are; no case of a switch. */
enum {
	TX_STAGES = 0
#define TX_STAGE(name, word, text) + 1
#include "conn/stage.def"
#undef TX_STAGE
	,
	RX_STAGES = 0
#define RX_STAGE(name, word, text) + 1
#include "conn/stage.def"
#undef RX_STAGE
};

/*
 * Take the edge of this event. The caller holds what guards the stage
 * (parts.h). A pair without a row is a mistake of ours: a debug build
 * aborts, another says so in the log and leaves the stage as it is.
 */
void tx_step(_Atomic enum tx_stage *stage, enum tx_event event);
void rx_step(_Atomic enum rx_stage *stage, enum rx_event event);

/* The next stage, or -1 for a pair that has no row. Pure, as what follows. */
int tx_next(enum tx_stage stage, enum tx_event event);
int rx_next(enum rx_stage stage, enum rx_event event);

/* The stage in words; "?" for what is none. */
const char *tx_name(enum tx_stage stage);
const char *rx_name(enum rx_stage stage);

#endif
