// SPDX-License-Identifier: BSD-2-Clause
/*
 * sigaction(2) and its like: the kernel gets a handler of ours, which puts the
 * signal off while its thread is in a critical part of the library
 * (base/critical.h) and otherwise calls the application's, with what the kernel
 * has given. Flags, mask and stack are the application's; who asks is told its
 * own handler. What is default or ignored is the kernel's.
 */
#include <signal.h>
#include <stdatomic.h>

#include "base/critical.h"
#include "base/lock.h"
#include "preload/shim.h"

/* ThreadSanitizer sets some before it is up, and holds signals back itself. */
#ifdef __SANITIZE_THREAD__

void shim_begin_signals(void)
{
}

void shim_signals_after_fork(void)
{
}

#else

#define WITH_INFO (UINT64_C(1) << 63)	/* no address of a program has them */
#define ONCE (UINT64_C(1) << 62)

typedef void info_handler(int number, siginfo_t *info, void *context);

/* The application's handlers, with the flags above. */
static _Atomic uint64_t handlers[NSIG];
static struct lock lock = LOCK_INIT(signals);
static bool early;	/* some were set before the constructor */

static info_handler *handler_of(uint64_t word)
{
	return (info_handler *)(uintptr_t)(word & ~(WITH_INFO | ONCE));
}

static uint64_t word_of(const struct sigaction *action)
{
	return (uint64_t)(uintptr_t)action->sa_sigaction |
	       (action->sa_flags & SA_SIGINFO ? WITH_INFO : 0) |
	       (action->sa_flags & (int)SA_RESETHAND ? ONCE : 0);
}

static info_handler first;

/* The kernel has forgotten it on the way here, and it has not run. */
static void set_once_more(int number)
{
	struct sigaction action;
	int saved = errno;

	if (real.sigaction(number, NULL, &action) == 0 &&
	    action.sa_handler == SIG_DFL) {
		action.sa_sigaction = first;
		action.sa_flags |= SA_SIGINFO;
		real.sigaction(number, &action, NULL);
	}
	errno = saved;
}

static void first(int number, siginfo_t *info, void *context)
{
	uint64_t word = atomic_load(&handlers[number]);
	struct critical_frame frame;

	if (critical_put_off(number, info, context)) {
		if (word & ONCE)
			set_once_more(number);
		return;
	}
	critical_handler_begins(&frame);
	handler_of(word)(number, info, context);
	critical_handler_ends(&frame);
}

static bool is_function(const struct sigaction *action)
{
	return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static void put_before(struct sigaction *action)
{
	action->sa_sigaction = first;
	action->sa_flags |= SA_SIGINFO;
}

/* What was found is the application's again. */
static void tell_own(struct sigaction *found, uint64_t word)
{
	bool once_gone = (word & ONCE) && found->sa_handler == SIG_DFL;

	if (found->sa_sigaction != first && !once_gone)
		return;
	if (!once_gone)
		found->sa_sigaction = handler_of(word);
	if (!(word & WITH_INFO))
		found->sa_flags &= ~SA_SIGINFO;
}

/* With lock. */
static int exchange(int number, const struct sigaction *action,
		    struct sigaction *found)
{
	uint64_t word = atomic_load(&handlers[number]);
	struct sigaction ours;
	int ret;

	if (action && is_function(action)) {
		ours = *action;
		put_before(&ours);
		atomic_store(&handlers[number], word_of(action));
		action = &ours;
	}
	ret = real.sigaction(number, action, found);
	if (ret == 0)
		tell_own(found, word);
	else
		atomic_store(&handlers[number], word);
	return ret;
}

/*
 * A vfork(2) child has its parent's memory, and dispositions of its own. Before
 * the constructor the library needs none of this.
 */
static bool is_ours(int number)
{
	return number > 0 && number < NSIG && real_ready() &&
	       shim_owns_process();
}

SHIM int sigaction(int number, const struct sigaction *action,
		   struct sigaction *old)
{
	struct sigaction found;
	int ret;

	if (!is_ours(number)) {
		early |= !real_ready();
		ret = real.sigaction(number, action, old);
		if (ret == 0 && old && number > 0 && number < NSIG)
			tell_own(old, atomic_load(&handlers[number]));
		return ret;
	}
	lock_acquire(&lock);
	ret = exchange(number, action, &found);
	lock_release(&lock);
	if (ret == 0 && old)
		*old = found;
	return ret;
}

/* Set by a call that does not say with which flags. */
static void look_again(int number)
{
	struct sigaction now;

	lock_acquire(&lock);
	if (real.sigaction(number, NULL, &now) == 0 && is_function(&now) &&
	    now.sa_sigaction != first) {
		atomic_store(&handlers[number], word_of(&now));
		put_before(&now);
		real.sigaction(number, &now, NULL);
	}
	lock_release(&lock);
}

static sighandler_t set(int number, sighandler_t handler,
			sighandler_t (*call)(int number, sighandler_t handler))
{
	bool ours = is_ours(number);
	uint64_t word = ours ? atomic_load(&handlers[number]) : 0;
	sighandler_t before = call(number, handler);
	int saved = errno;

	early |= !real_ready();
	if (ours && before != SIG_ERR)
		look_again(number);
	errno = saved;
	return before == (sighandler_t)(uintptr_t)first
		       ? (sighandler_t)(uintptr_t)handler_of(word)
		       : before;
}

SHIM sighandler_t signal(int number, sighandler_t handler)
{
	return set(number, handler, real.signal);
}

SHIM sighandler_t sysv_signal(int number, sighandler_t handler)
{
	return set(number, handler, real.sysv_signal);
}

SHIM sighandler_t __sysv_signal(int number, sighandler_t handler)
{
	return set(number, handler, real.__sysv_signal);
}

SHIM sighandler_t sigset(int number, sighandler_t handler)
{
	return set(number, handler, real.sigset);
}

/* libc's other names of signal(). */
SHIM sighandler_t bsd_signal(int number, sighandler_t handler)
{
	return signal(number, handler);
}

SHIM sighandler_t ssignal(int number, sighandler_t handler)
{
	return signal(number, handler);
}

SHIM_ALIAS(sigaction)

void shim_begin_signals(void)
{
	int number, saved = errno;

	for (number = 1; early && number < NSIG; number++)
		look_again(number);
	errno = saved;
}

/* Another thread of the parent's may have had it. */
void shim_signals_after_fork(void)
{
	lock_init(&lock, LOCK_signals);
}

#endif
