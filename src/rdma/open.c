// SPDX-License-Identifier: BSD-2-Clause
/* Can this process have a lane now? The answer is kept for a second. */
#include <errno.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/lock.h"
#include "diag/log.h"
#include "rdma/device.h"
#include "rdma/runtime.h"

#define KEPT_MS 1000

static struct lock lock = LOCK_INIT(rdma_open);
static atomic_bool tried;	/* to load the runtime */
static bool usable;		/* a device has been opened */
static enum reason load_reason;
static _Atomic enum reason answer;
static _Atomic uint64_t answered_ms;

static bool fresh(uint64_t now)
{
	return atomic_load(&tried) && now - atomic_load(&answered_ms) < KEPT_MS;
}

/* With the lock, which is there for librdmacm to be initialised once. */
static enum reason look(void)
{
	enum reason reason;

	if (!atomic_load(&tried))
		load_reason = runtime_load();
	if (load_reason != REASON_none)
		return load_reason;
	if (!usable) {
		reason = device_look();
		if (reason != REASON_none)
			return reason;
		usable = true;
	}
	return device_memlock_short() ? REASON_memlock : REASON_none;
}

enum reason rdma_open(void)
{
	bool first = false;
	int saved = errno;
	uint64_t now;

	now = clock_ms();
	if (fresh(now))
		return atomic_load(&answer);

	lock_acquire(&lock);
	if (!fresh(now)) {
		atomic_store(&answer, look());
		atomic_store(&answered_ms, now);
		first = !atomic_exchange(&tried, true);
	}
	lock_release(&lock);
	if (first)
		log_info("%s", runtime_news());
	errno = saved;
	return atomic_load(&answer);
}

void rdma_after_fork(void)
{
	lock_init(&lock, LOCK_rdma_open);
	inside_after_fork();
	runtime_after_fork();
	usable = false;
	atomic_store(&tried, false);
}

enum reason rdma_reason(int error)
{
	switch (error) {
	case -ENOMEM:
	case -EAGAIN:
		return device_memlock_limited() ? REASON_memlock
						: REASON_no_memory;
	case -EMFILE:
	case -ENFILE:
	case -ENOBUFS:
		return REASON_no_memory;
	case -EACCES:
	case -EPERM:
		return REASON_no_permission;
	case -ENODEV:
		return REASON_no_device;
	default:
		return REASON_no_route;
	}
}
