// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>

#include "base/thread.h"

/* Most of a stack of THREAD_STACK, and of what a thread has beside it. */
#define MUCH (400 * 1024)

static __thread volatile unsigned char local[THREAD_STACK + 100 * 1024];
static sem_t over;
static sigset_t blocked;

static void *use_both(void *arg)
{
	volatile unsigned char stack[MUCH];

	for (size_t i = 0; i < sizeof(stack); i += 64)
		stack[i] = 1;
	for (size_t i = 0; i < sizeof(local); i += 64)
		local[i] = 2;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	*(int *)arg = stack[sizeof(stack) - 64] + local[0];
	sem_post(&over);
	return NULL;
}

Test(thread, has_its_stack_beside_thread_local_memory, .timeout = 20)
{
	int sum = 0;

	cr_assert_eq(sem_init(&over, 0, 0), 0);
	cr_assert_eq(thread_start(use_both, &sum), 0);
	cr_assert_eq(sem_wait(&over), 0);
	cr_assert_eq(sum, 3);
}

Test(thread, takes_no_signals, .timeout = 20)
{
	int sum = 0;

	cr_assert_eq(sem_init(&over, 0, 0), 0);
	cr_assert_eq(thread_start(use_both, &sum), 0);
	cr_assert_eq(sem_wait(&over), 0);
	cr_assert_eq(sigismember(&blocked, SIGTERM), 1);
	cr_assert_eq(sigismember(&blocked, SIGURG), 1);
}
