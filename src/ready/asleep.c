// SPDX-License-Identifier: BSD-2-Clause
#include "ready/asleep.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "base/cancel.h"
#include "base/critical.h"

#define YARD_SIZE 16384		/* a page or two of it are used */
#define ALIGNED(size) (((size) + 15) & ~(size_t)15)
#define SAME_STACK ((uintptr_t)64 << 20)	/* frames of one are closer */

struct asleep {
	struct asleep *outer;
	size_t used;		/* of the yard, before its call's room */
	unsigned held;		/* cancel_depth() */
	uint64_t serial;
	const struct asleep_seal *seal;
	void (*forsake)(void *arg);
	void *arg;
};

struct yard {
	size_t used;
	char bytes[];
};

__thread struct asleep *asleep_top;
static __thread struct yard *yard;
static __thread uint64_t serials;
static pthread_key_t key;

/* The innermost is over, whatever it was. */
static struct asleep *pop(void)
{
	struct asleep *record = asleep_top;

	asleep_top = record->outer;
	return record;
}

static void forsake(void)
{
	struct asleep *record = pop();

	yard->used = record->used;
	cancel_set_depth(asleep_top ? asleep_top->held : 0);
	record->forsake(record->arg);
}

static void thread_ends(void *value)
{
	while (asleep_top)
		forsake();
	yard = NULL;
	munmap(value, YARD_SIZE);
}

void asleep_prepare(void)
{
	pthread_key_create(&key, thread_ends);
}

/* By mmap(2), which a handler may call. */
static bool make_yard(void)
{
	void *made;

	if (yard)
		return true;
	made = mmap(NULL, YARD_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED)
		return false;
	pthread_setspecific(key, made);
	yard = made;
	return true;
}

void *asleep_room(size_t size)
{
	void *room;

	asleep_sweep();
	size = ALIGNED(size);
	if (!make_yard() || sizeof(*yard) + yard->used + size > YARD_SIZE)
		return NULL;
	room = yard->bytes + yard->used;
	yard->used += size;
	return room;
}

static size_t offset_of(const void *room)
{
	return (size_t)((const char *)room - yard->bytes);
}

void asleep_leave(void *room)
{
	yard->used = offset_of(room);
}

static bool is_room(const void *room)
{
	const char *at = room;

	return yard && at >= yard->bytes && at < (char *)yard + YARD_SIZE;
}

static bool on_other_stack(void)
{
	stack_t stack;

	return sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_ONSTACK);
}

/* Looks at memory of a frame that may be gone, on a stack that is there. */
__attribute__((no_sanitize("address", "thread")))
static bool is_stale(const struct asleep *record)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t there = (uintptr_t)record->seal;

	if (there <= here)
		return here - there < SAME_STACK && !on_other_stack();
	return there - here < SAME_STACK &&
	       record->seal->value != record->serial;
}

void asleep_look(void)
{
	while (asleep_top && is_stale(asleep_top))
		forsake();
}

void asleep_begin(struct asleep_seal *seal)
{
	struct asleep *record = seal->on_stack ? NULL
					       : asleep_room(sizeof(*record));

	seal->record = NULL;
	if (record) {
		record->outer = asleep_top;
		record->used = offset_of(is_room(seal->arg) ? seal->arg
							    : record);
		record->held = cancel_depth();
		record->serial = ++serials ^ UINT64_C(0x9e3779b97f4a7c15);
		record->seal = seal;
		record->forsake = seal->forsake;
		record->arg = seal->arg;
		seal->record = record;
		seal->value = record->serial;
		asleep_top = record;
	}
	cancel_begin_sleep();
	seal->critical = critical_pause();
}

void asleep_end(struct asleep_seal *seal)
{
	critical_resume(seal->critical);
	cancel_end_sleep();
	if (!seal->record)
		return;
	while (asleep_top != seal->record)
		forsake();	/* of a handler that jumped within itself */
	pop();
	seal->value = 0;
	asleep_leave(seal->record);
}

void asleep_cancelled(void *arg)
{
	struct asleep_seal *seal = arg;

	if (seal->record) {
		while (asleep_top != seal->record)
			forsake();
		pop();
	}
	seal->forsake(seal->arg);
}
