// SPDX-License-Identifier: BSD-2-Clause
#include "base/thread.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/critical.h"

static _Atomic pid_t owner;	/* 0: nobody has said */

/* visit() of dl_iterate_phdr(3): what a thread of this object's takes. */
static int add_local(struct dl_phdr_info *object, size_t size, void *sum)
{
	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_TLS)
			*(size_t *)sum += object->dlpi_phdr[i].p_memsz;
	return 0;
}

/* glibc takes thread-local memory off the stack; there may be much of it. */
static size_t stack_size(void)
{
	size_t size = THREAD_STACK;

	dl_iterate_phdr(add_local, &size);
	return size;
}

/* A positive errno. */
static int create(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	pthread_attr_t attributes;
	int ret;

	if (pthread_attr_init(&attributes) != 0)
		return pthread_create(thread, NULL, run, arg);
	ret = pthread_attr_setstacksize(&attributes, stack_size());
	if (ret == 0)
		ret = pthread_create(thread, &attributes, run, arg);
	pthread_attr_destroy(&attributes);
	return ret;
}

int thread_start(void *(*run)(void *arg), void *arg)
{
	pthread_t thread;
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = create(&thread, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret == 0)
		pthread_detach(thread);
	return -ret;
}

void thread_own_process(void)
{
	owner = getpid();
}

bool thread_owns_process(void)
{
	return owner == 0 || getpid() == owner;
}

bool thread_may_start(void)
{
	return !critical_in_handler() && thread_owns_process();
}
