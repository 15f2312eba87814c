// SPDX-License-Identifier: BSD-2-Clause
#include "base/critical.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/syscall.h"

#define KERNEL_SET sizeof(uint64_t)	/* of a sigset_t, the kernel's part */
#define BIT(number) (UINT64_C(1) << ((number) - 1))
#define FAULTS (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | \
		BIT(SIGTRAP) | BIT(SIGSYS))
#define LIBC_FIRST 32	/* up to SIGRTMIN they are libc's own */
#define SAME_STACK ((uintptr_t)64 << 20)

__thread unsigned critical_depth;
__thread bool critical_kept;
__thread struct critical_frame *critical_handler;
static __thread uint64_t own_mask;	/* while critical_kept */
static __thread uint64_t seals;

static void set_mask(const uint64_t *mask, uint64_t *old)
{
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, mask, old, KERNEL_SET);
}

void critical_let_in(void)
{
	uint64_t mask = own_mask;
	int saved = errno;

	critical_kept = false;
	set_mask(&mask, NULL);
	errno = saved;
}

unsigned critical_pause(void)
{
	unsigned depth = critical_depth;

	critical_depth = 0;
	atomic_signal_fence(memory_order_seq_cst);
	if (critical_kept)
		critical_let_in();
	return depth;
}

void critical_resume(unsigned depth)
{
	critical_depth = depth;
	atomic_signal_fence(memory_order_seq_cst);
}

void critical_block(sigset_t *own)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, own);
	if (!critical_kept)
		return;
	memcpy(own, &own_mask, KERNEL_SET);
	critical_kept = false;
}

void critical_unblock(const sigset_t *own)
{
	pthread_sigmask(SIG_SETMASK, own, NULL);
}

/* The thread cannot go on without its handler. */
static bool is_fault(int number, const siginfo_t *info)
{
	return (FAULTS & BIT(number)) && info->si_code > 0;
}

/* All but faults, and what libc's own threads would wait for. */
static uint64_t put_off_set(void)
{
	uint64_t libc = BIT(SIGRTMIN) - BIT(LIBC_FIRST);

	return ~(FAULTS | libc);
}

/* As it came; without what came with it, if that is not allowed. */
static bool queue_again(int number, siginfo_t *info)
{
	long process = sys_call(SYS_getpid), thread = sys_call(SYS_gettid);

	return sys_call(SYS_rt_tgsigqueueinfo, process, thread, number,
			info) == 0 ||
	       sys_call(SYS_tgkill, process, thread, number) == 0;
}

/*
 * The context's mask is what the kernel sets when the handler returns; only its
 * first word is there.
 */
bool critical_put_off(int number, siginfo_t *info, void *context)
{
	void *mask = &((ucontext_t *)context)->uc_sigmask;
	uint64_t before, blocked, all = put_off_set() | BIT(number);
	int saved = errno;
	bool done;

	if (critical_depth == 0 || is_fault(number, info))
		return false;
	set_mask(&all, &blocked);
	done = queue_again(number, info);
	if (done) {
		memcpy(&before, mask, KERNEL_SET);
		if (!critical_kept)
			own_mask = before;
		critical_kept = true;
		before |= all;
		memcpy(mask, &before, KERNEL_SET);
	} else {
		set_mask(&blocked, NULL);
	}
	errno = saved;
	return done;
}

void critical_handler_begins(struct critical_frame *frame)
{
	frame->outer = critical_handler;
	frame->seal = ++seals ^ UINT64_C(0x5bd1e995c2b2ae35) ^
		      (uintptr_t)frame;
	critical_handler = frame;
}

void critical_handler_ends(struct critical_frame *frame)
{
	frame->seal = 0;
	critical_handler = frame->outer;
}

/* Looks at a frame that may be gone, on a stack that is there. */
__attribute__((no_sanitize("address", "thread"), noinline))
static bool is_there(const struct critical_frame *frame)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t there = (uintptr_t)frame;

	return there > here && there - here < SAME_STACK &&
	       (frame->seal ^ (uintptr_t)frame ^
		UINT64_C(0x5bd1e995c2b2ae35)) - 1 < seals;
}

bool critical_handler_runs(void)
{
	while (critical_handler && !is_there(critical_handler))
		critical_handler = NULL;
	return critical_handler != NULL;
}

void critical_after_fork(unsigned depth)
{
	critical_depth = depth;
	if (depth == 0 && critical_kept)
		critical_let_in();
}
