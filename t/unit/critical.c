// SPDX-License-Identifier: BSD-2-Clause
/* Signals that come in a critical part, and memory in a handler. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "base/critical.h"
#include "base/memory.h"

static volatile int runs, value, inside;
static sigjmp_buf out;
static void (*work)(void);

static void handler(int number, siginfo_t *info, void *context)
{
	struct critical_frame frame;

	if (critical_put_off(number, info, context))
		return;
	critical_handler_begins(&frame);
	runs++;
	value = info->si_value.sival_int;
	inside = critical_in_handler();
	if (work)
		work();
	critical_handler_ends(&frame);
}

static void install(int number)
{
	struct sigaction action = { .sa_sigaction = handler,
				    .sa_flags = SA_SIGINFO };

	sigaction(number, &action, NULL);
}

static bool is_blocked(int number)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, number);
}

Test(critical, put_off_until_it_is_left)
{
	union sigval sent = { .sival_int = 17 };

	install(SIGUSR1);
	critical_enter();
	critical_enter();
	sigqueue(getpid(), SIGUSR1, sent);
	cr_assert_eq(runs, 0);
	cr_assert(is_blocked(SIGUSR1) && is_blocked(SIGTERM));
	critical_leave();
	cr_assert_eq(runs, 0);
	critical_leave();
	cr_assert_eq(runs, 1);
	cr_assert_eq(value, 17);
	cr_assert_not(is_blocked(SIGUSR1) || is_blocked(SIGTERM));
}

Test(critical, at_once_outside)
{
	install(SIGUSR1);
	raise(SIGUSR1);
	cr_assert_eq(runs, 1);
	cr_assert(inside);
	cr_assert_not(critical_in_handler());
}

Test(critical, several_are_all_let_in)
{
	install(SIGUSR1);
	install(SIGUSR2);
	critical_enter();
	raise(SIGUSR1);
	raise(SIGUSR2);
	critical_leave();
	cr_assert_eq(runs, 2);
}

Test(critical, a_pause_lets_in_and_is_over)
{
	unsigned depth;

	install(SIGUSR1);
	critical_enter();
	raise(SIGUSR1);
	depth = critical_pause();
	cr_assert_eq(runs, 1);
	raise(SIGUSR1);
	cr_assert_eq(runs, 2);
	critical_resume(depth);
	raise(SIGUSR1);
	cr_assert_eq(runs, 2);
	critical_leave();
	cr_assert_eq(runs, 3);
}

Test(critical, blocked_for_a_sleep_it_stays_pending)
{
	sigset_t own, pending;

	install(SIGUSR1);
	critical_enter();
	raise(SIGUSR1);
	critical_block(&own);
	cr_assert_not(sigismember(&own, SIGUSR1));
	sigpending(&pending);
	cr_assert(sigismember(&pending, SIGUSR1));
	critical_unblock(&own);
	cr_assert_eq(runs, 0);
	critical_leave();
	cr_assert_eq(runs, 1);
	cr_assert_not(is_blocked(SIGUSR1));
}

static void jump(void)
{
	siglongjmp(out, 1);
}

Test(critical, a_fault_is_not_put_off)
{
	volatile int *nothing = mmap(NULL, sizeof(int), PROT_NONE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(nothing != MAP_FAILED);
	install(SIGSEGV);
	work = jump;
	critical_enter();
	if (!sigsetjmp(out, 1))
		*nothing = 1;
	cr_assert_eq(runs, 1);
}

__attribute__((noinline)) static void write_over_the_stack(void)
{
	volatile char bytes[65536];

	memset((char *)bytes, 0, sizeof(bytes));
}

Test(critical, a_handler_that_jumped_out_is_over)
{
	install(SIGUSR1);
	work = jump;
	if (!sigsetjmp(out, 1))
		raise(SIGUSR1);
	cr_assert_eq(runs, 1);
	write_over_the_stack();
	cr_assert_not(critical_in_handler());
}

static char *heap, *mapped;

static void exchange(void)
{
	mapped = memory_new(100);
	memset(mapped, 'm', 100);
	heap = memory_resize(heap, 200);
	memory_free(memory_array(3, 5));
}

Test(memory, crosses_handlers)
{
	install(SIGUSR1);
	heap = memory_new(50);
	cr_assert_eq(heap[49], 0);
	memset(heap, 'h', 50);
	work = exchange;
	raise(SIGUSR1);
	cr_assert(memchr(heap, 'h', 50) == heap && heap[49] == 'h');
	mapped = memory_resize(mapped, 300);
	cr_assert_eq(mapped[99], 'm');
	memory_free(heap);
	memory_free(mapped);
	memory_free(NULL);
}

Test(memory, too_much_is_none)
{
	cr_assert_null(memory_array(SIZE_MAX / 2, 3));
	cr_assert_null(memory_new(SIZE_MAX - 5));
}
