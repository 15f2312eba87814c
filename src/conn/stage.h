/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state machines of a connection's parts: see stage.def. Only these steps
 * change a stage (t/lint/states).
 */
#ifndef CONN_STAGE_H
#define CONN_STAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

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

enum greeting_stage {
#define GREETING_STAGE(name, word, text) GREETING_##name,
#include "conn/stage.def"
#undef GREETING_STAGE
};

enum greeting_event {
#define GREETING_EVENT(name, text) GREETING_ON_##name,
#include "conn/stage.def"
#undef GREETING_EVENT
	GREETING_EVENTS
};

enum lane_stage {
#define LANE_STAGE(name, word, text) LANE_##name,
#include "conn/stage.def"
#undef LANE_STAGE
};

enum lane_event {
#define LANE_EVENT(name, text) LANE_ON_##name,
#include "conn/stage.def"
#undef LANE_EVENT
	LANE_EVENTS
};

enum close_stage {
#define CLOSE_STAGE(name, word, text) CLOSE_##name,
#include "conn/stage.def"
#undef CLOSE_STAGE
};

enum close_event {
#define CLOSE_EVENT(name, text) CLOSE_ON_##name,
#include "conn/stage.def"
#undef CLOSE_EVENT
	CLOSE_EVENTS
};

enum watch_stage {
#define WATCH_STAGE(name, word, text) WATCH_##name,
#include "conn/stage.def"
#undef WATCH_STAGE
};

enum watch_event {
#define WATCH_EVENT(name, text) WATCH_ON_##name,
#include "conn/stage.def"
#undef WATCH_EVENT
	WATCH_EVENTS
};

enum share_stage {
#define SHARE_STAGE(name, word, text) SHARE_##name,
#include "conn/stage.def"
#undef SHARE_STAGE
};

enum share_event {
#define SHARE_EVENT(name, text) SHARE_ON_##name,
#include "conn/stage.def"
#undef SHARE_EVENT
	SHARE_EVENTS
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
	,
	GREETING_STAGES = 0
#define GREETING_STAGE(name, word, text) + 1
#include "conn/stage.def"
#undef GREETING_STAGE
	,
	LANE_STAGES = 0
#define LANE_STAGE(name, word, text) + 1
#include "conn/stage.def"
#undef LANE_STAGE
	,
	CLOSE_STAGES = 0
#define CLOSE_STAGE(name, word, text) + 1
#include "conn/stage.def"
#undef CLOSE_STAGE
	,
	WATCH_STAGES = 0
#define WATCH_STAGE(name, word, text) + 1
#include "conn/stage.def"
#undef WATCH_STAGE
	,
	SHARE_STAGES = 0
#define SHARE_STAGE(name, word, text) + 1
#include "conn/stage.def"
#undef SHARE_STAGE
};

/*
 * Take the edge of this event: the stage before. The caller holds what guards
 * the stage (parts.h). Nothing guards those of a close and of a lane: of two
 * threads the first takes the edge, and sees so by the stage before. A pair
 * without a row is a mistake of ours: a debug build aborts, another says so in
 * the log and leaves the stage as it is.
 */
enum tx_stage tx_step(_Atomic enum tx_stage *stage, enum tx_event event);
enum rx_stage rx_step(_Atomic enum rx_stage *stage, enum rx_event event);
enum greeting_stage greeting_step(_Atomic enum greeting_stage *stage,
				  enum greeting_event event);
enum lane_stage lane_step(_Atomic enum lane_stage *stage,
			  enum lane_event event);
enum close_stage close_step(_Atomic enum close_stage *stage,
			    enum close_event event);
enum watch_stage watch_step(_Atomic enum watch_stage *stage,
			    enum watch_event event);

/*
 * The same of a word that other processes write, too: false, and nothing is
 * changed, where what they have written has no such edge or is no stage.
 */
bool share_step(_Atomic uint32_t *stage, enum share_event event);

/* The next stage, or -1 for a pair that has no row. Pure, as what follows. */
int tx_next(enum tx_stage stage, enum tx_event event);
int rx_next(enum rx_stage stage, enum rx_event event);
int greeting_next(enum greeting_stage stage, enum greeting_event event);
int lane_next(enum lane_stage stage, enum lane_event event);
int close_next(enum close_stage stage, enum close_event event);
int watch_next(enum watch_stage stage, enum watch_event event);
int share_next(enum share_stage stage, enum share_event event);

/* The stage in words; "?" for what is none. */
const char *tx_name(enum tx_stage stage);
const char *rx_name(enum rx_stage stage);

#endif
