// SPDX-License-Identifier: BSD-2-Clause
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>


/* A positive errno. */
static int create(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	pthread_attr_t attributes;
	int ret;

	if (pthread_attr_init(&attributes) != 0)
		return pthread_create(thread, NULL, run, arg);
	ret = pthread_attr_setstacksize(&attributes, THREAD_STACK);
	if (ret == 0)
		ret = pthread_create(thread, &attributes, run, arg);
	pthread_attr_destroy(&attributes);
	/* glibc puts thread-local memory there, of which there may be much. */
	return ret == EINVAL ? pthread_create(thread, NULL, run, arg) : ret;
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
