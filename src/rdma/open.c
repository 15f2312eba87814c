// SPDX-License-Identifier: BSD-2-Clause
/* Can this process have a lane now? The answer is kept for a second. */
#include <errno.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/critical.h"
#include "base/lock.h"
#include "diag/log.h"
#include "rdma/device.h"
#include "rdma/ledger.h"
#include "rdma/runtime.h"

#define KEPT_MS 1000

static struct lock lock = LOCK_INIT(rdma_open);
static atomic_bool tried;	/* to load the runtime */
static atomic_bool usable;	/* a device has been opened */
static atomic_bool paused;	/* the credentials are being changed */
static atomic_bool used_up;	/* ... were: what is loaded is old */
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

	if (paused || (used_up && rdma_live() > 0))
		return REASON_credentials;
	if (atomic_exchange(&used_up, false)) {
		runtime_abandon(REASON_credentials);
		usable = false;
		atomic_store(&tried, false);
		socket_allow(true);
	}
	if (!atomic_load(&tried)) {
		ledger_begin();
		load_reason = runtime_load();
	}
	if (load_reason != REASON_none)
		return load_reason;
	if (!usable) {
		reason = device_look();
		if (reason != REASON_none)
			return reason;
		usable = true;
	}
	return device_memlock();
}

enum reason rdma_open(void)
{
	bool first = false;
	int saved = errno;
	uint64_t now;

	now = clock_ms();
	if (critical_in_handler() && !atomic_load(&tried))
		return REASON_in_handler;
	if (fresh(now) || critical_in_handler())
		return atomic_load(&answer);

	lock_acquire(&lock);
	if (!fresh(now)) {
		atomic_store(&answer, look());
		atomic_store(&answered_ms, now);
		first = !atomic_exchange(&tried, true);
	}
	lock_release(&lock);
	if (first && *rdma_trouble())
		log_warn("%s", rdma_trouble());
	if (first)
		log_info("%s", rdma_runtime_news());
	errno = saved;
	return atomic_load(&answer);
}

void rdma_after_fork(void)
{
	lock_init(&lock, LOCK_rdma_open);
	inside_after_fork();
	socket_after_fork();
	address_after_fork();
	runtime_abandon(REASON_forked);
	usable = paused = used_up = false;
	atomic_store(&tried, false);
}

bool rdma_in_use(void)
{
	return usable;
}

void rdma_pause(void)
{
	atomic_store(&paused, true);
	socket_allow(false);
	atomic_store(&answered_ms, 0);
}

void rdma_resume(bool changed)
{
	if (changed)
		atomic_store(&used_up, true);
	else if (!used_up)
		socket_allow(true);
	atomic_store(&paused, false);
	atomic_store(&answered_ms, 0);
}

enum reason rdma_reason(int error)
{
	switch (error) {
	case -ENOMEM:
		return device_memlock_limited() ? rdma_memlock_reason()
						: REASON_no_memory;
	case -EAGAIN:		/* the kernel's, of rdmacg_try_charge() */
		return REASON_rdma_cgroup;
	case -EMFILE:
	case -ENFILE:
	case -ENOBUFS:
		return REASON_no_memory;
	case -EACCES:
	case -EPERM:
		return REASON_no_permission;
	case -ENODEV:
		return REASON_no_device;
	case -ESTALE:
		return REASON_credentials;
	default:
		return REASON_no_route;
	}
}
