// SPDX-License-Identifier: BSD-2-Clause
#include "conn/trace.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/real.h"
#include "conn/parts.h"
#include "diag/log.h"
#include "diag/reason.h"

#define WORDS (sizeof(struct trace_record) / sizeof(uint64_t))

_Static_assert(sizeof(struct trace_record) % sizeof(uint64_t) == 0,
	       "a record is copied word by word");
_Static_assert(REASON_COUNT <= UINT8_MAX, "a record has a byte for it");

/*
 * A slot's turn is 2n+1 while record n is written to it, and then 2n+2. The
 * words are atomic, each stored after the turn before it and loaded before
 * the turn behind it, so that a reader who sees the same turn twice has a
 * whole record.
 */
struct slot {
	_Atomic uint64_t turn;
	_Atomic uint64_t words[WORDS];
};

struct ring {
	_Atomic uint64_t next;
	struct slot slots[TRACE_SLOTS];
};

static _Atomic(struct ring *) ring;
static atomic_uint news;	/* grows with each record; slept on */
static atomic_uint listeners;

/* The ring; made by who comes first. NULL: there is no memory. */
static struct ring *have_ring(void)
{
	struct ring *there = atomic_load(&ring), *mine;

	if (there)
		return there;
	mine = mmap(NULL, sizeof(*mine), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mine == MAP_FAILED)
		return NULL;
	if (atomic_compare_exchange_strong(&ring, &there, mine))
		return mine;
	munmap(mine, sizeof(*mine));
	return there;
}

static uint64_t time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void fill(struct trace_record *record, const struct conn *conn,
		 enum conn_state from, unsigned event)
{
	memset(record, 0, sizeof(*record));
	record->time_ns = time_ns();
	record->conn = conn->account.number;
	record->from = (uint8_t)from;
	record->event = (uint8_t)event;
	record->to = (uint8_t)conn->state;
	record->reason = (uint8_t)conn->reason;
	record->peers_reason = (uint16_t)conn->greeting.peers_reason;
	record->tx = (uint8_t)conn->tx.stage;
	record->rx = (uint8_t)conn->rx.stage;
	record->bounded = conn->rx.boundary != OFFSET_NEVER;
	record->active = conn->role == CONN_ACTIVE;
	memcpy(&record->local, &conn->ends.local, sizeof(record->local));
	memcpy(&record->remote, &conn->ends.remote, sizeof(record->remote));
}

/* False: a thread that began TRACE_SLOTS records ago is not done with it. */
static bool put(struct slot *slot, const struct trace_record *record)
{
	uint64_t words[WORDS], turn = atomic_load(&slot->turn);
	unsigned i;

	if (turn & 1 || turn > 2 * record->number ||
	    !atomic_compare_exchange_strong(&slot->turn, &turn,
					    2 * record->number + 1))
		return false;
	memcpy(words, record, sizeof(words));
	for (i = 0; i < WORDS; i++)
		atomic_store_explicit(&slot->words[i], words[i],
				      memory_order_release);
	atomic_store_explicit(&slot->turn, 2 * record->number + 2,
			      memory_order_release);
	return true;
}

/* Wake those who sleep, if there are any. */
static void announce(void)
{
	atomic_fetch_add(&news, 1);
	if (atomic_load(&listeners))
		real.syscall(SYS_futex, (long)&news, FUTEX_WAKE_PRIVATE,
			     INT_MAX, 0, 0, 0);
}

void trace_step(struct conn *conn, enum conn_state from, unsigned event)
{
	int saved = errno;
	struct ring *to = have_ring();
	struct trace_record record;
	uint64_t nothing = 0;

	if (to) {
		fill(&record, conn, from, event);
		record.number = atomic_fetch_add(&to->next, 1);
		if (put(&to->slots[record.number % TRACE_SLOTS], &record) &&
		    log_wants(LOG_DEBUG))
			atomic_compare_exchange_strong(&conn->account.unlogged,
						       &nothing,
						       record.number + 1);
		announce();
	}
	errno = saved;
}

uint64_t trace_next(void)
{
	struct ring *from = atomic_load(&ring);

	return from ? atomic_load(&from->next) : 0;
}

enum trace_found trace_read(uint64_t number, struct trace_record *record)
{
	struct ring *from = atomic_load(&ring);
	uint64_t words[WORDS], turn;
	struct slot *slot;
	unsigned i;

	if (!from)
		return TRACE_COMING;
	slot = &from->slots[number % TRACE_SLOTS];
	turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
	if (turn != 2 * number + 2)
		return turn > 2 * number + 2 ? TRACE_MISSED : TRACE_COMING;
	for (i = 0; i < WORDS; i++)
		words[i] = atomic_load_explicit(&slot->words[i],
						memory_order_acquire);
	if (atomic_load(&slot->turn) != turn)
		return TRACE_MISSED;
	memcpy(record, words, sizeof(*record));
	return TRACE_THERE;
}

unsigned trace_news(void)
{
	return atomic_load(&news);
}

void trace_listen(bool on)
{
	if (on)
		atomic_fetch_add(&listeners, 1);
	else
		atomic_fetch_sub(&listeners, 1);
}

void trace_sleep(unsigned seen, unsigned ms)
{
	struct timespec most = { .tv_sec = ms / 1000,
				 .tv_nsec = ms % 1000 * 1000000L };

	real.syscall(SYS_futex, (long)&news, FUTEX_WAIT_PRIVATE, (long)seen,
		     (long)&most, 0, 0);
}

static void log_record(const struct trace_record *record)
{
	char reason[REASON_TEXT_MAX];

	log_debug("conn %llu: %s --%s--> %s  tx=%s rx=%s reason=%s",
		  (unsigned long long)record->conn, state_name(record->from),
		  trace_event_name(record->event), state_name(record->to),
		  trace_tx(record->tx), trace_rx(record->rx, record->bounded),
		  reason_text(record->reason, record->peers_reason, reason));
}

void trace_log(struct conn *conn)
{
	struct trace_record record;
	uint64_t number, end;

	if (!atomic_load_explicit(&conn->account.unlogged,
				  memory_order_relaxed))
		return;
	number = atomic_exchange(&conn->account.unlogged, 0);
	for (end = trace_next(); number && number <= end; number++)
		if (trace_read(number - 1, &record) == TRACE_THERE &&
		    record.conn == conn->account.number)
			log_record(&record);
}

const char *trace_event_name(unsigned event)
{
	static const char *const names[] = {
#define HAPPENING(name, text) #name,
#include "conn/trace.def"
#undef HAPPENING
	};

	if (event < EVENT_COUNT)
		return state_event_name(event);
	return event < TRACE_EVENTS ? names[event - EVENT_COUNT] : "?";
}

const char *trace_tx(unsigned stage)
{
	return tx_name(stage);
}

const char *trace_rx(unsigned stage, bool bounded)
{
	return stage == RX_RAW && bounded ? "raw_bounded" : rx_name(stage);
}

/* The parent's steps are the parent's; its connections keep their numbers. */
void trace_after_fork(void)
{
	struct ring *old = atomic_exchange(&ring, NULL);

	if (old)
		munmap(old, sizeof(*old));
	atomic_store(&listeners, 0);
}
