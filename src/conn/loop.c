// SPDX-License-Identifier: BSD-2-Clause
#include "conn/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/critical.h"
#include "base/fd.h"
#include "base/lock.h"
#include "base/real.h"
#include "base/thread.h"
#include "conn/due.h"
#include "diag/log.h"

#define EVENTS 64

static struct lock lock = LOCK_INIT(service);
static int epoll = -1, bell = -1;
static atomic_bool started;
static atomic_bool pausing, paused;	/* the thread is to end; it does */
static atomic_bool owed;		/* and could not be made again */
static atomic_bool lost;		/* for good, and why: run() */

static void unring(void *arg)
{
	uint64_t rings;

	(void)arg;
	(void)!real.read(bell, &rings, sizeof(rings));
}

static struct loop_source bell_source = { .ready = unring };

/*
 * An inline system call of the program, close_range(2) for one, has closed what
 * is ours. What was watched is gone with that, and the number may be the
 * program's any time: nothing is made anew.
 */
static void lose(void)
{
	if (atomic_exchange(&lost, true))
		return;
	log_error("the process has closed file descriptors of the library, "
		  "by a system call that passes it by: its lanes fail, and new "
		  "connections stay on tcp");
}

/* The thread, which sleeps, hears nothing of that. */
static bool is_ours(void)
{
	return real.fcntl(bell, F_GETFD, NULL) >= 0;
}

static void *run(void *arg)
{
	struct epoll_event events[EVENTS];
	int i, count;

	(void)arg;
	while (!atomic_load(&pausing)) {
		count = real.epoll_pwait(epoll, events, EVENTS,
					 loop_hooks.round(), NULL);
		if (count < 0 && errno != EINTR) {
			lose();
			break;
		}
		for (i = 0; i < count; i++) {
			struct loop_source *source = events[i].data.ptr;
			void (*ready)(void *arg) = atomic_load(&source->ready);

			ready(source->arg);
			due_check();
		}
	}
	atomic_store(&paused, true);
	return NULL;
}

int loop_add_held(int fd, uint32_t events, struct loop_source *source)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return real.epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* With lock. */
static int start(void)
{
	if (started && !is_ours())
		lose();
	if (lost)
		return -EAGAIN;
	if (started && owed && thread_may_start())
		owed = thread_start(run, NULL) != 0;
	if (started)
		return owed ? -EAGAIN : 0;
	if (!thread_may_start())
		return -EAGAIN;
	epoll = real.epoll_create1(EPOLL_CLOEXEC);
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epoll < 0 || bell < 0)
		goto failed;
	epoll = fd_lift(epoll);
	bell = fd_lift(bell);
	if (loop_add_held(bell, EPOLLIN, &bell_source) != 0 ||
	    loop_hooks.begin() != 0 || thread_start(run, NULL) != 0)
		goto failed;
	started = true;
	return 0;
failed:
	if (epoll >= 0)
		fd_close(epoll);
	if (bell >= 0)
		fd_close(bell);
	epoll = bell = -1;
	return -ENOMEM;
}

int loop_start(void)
{
	int ret, saved = errno;

	if (loop_runs() && is_ours())
		return 0;
	lock_acquire(&lock);
	ret = start();
	lock_release(&lock);
	errno = saved;
	return ret;
}

enum reason loop_refusal(void)
{
	if (lost)
		return REASON_passed_by;
	return critical_in_handler() ? REASON_in_handler : REASON_no_thread;
}

bool loop_wake(void)
{
	uint64_t one = 1;
	int saved = errno;

	if (!started || lost)
		return false;
	(void)!real.write(bell, &one, sizeof(one));
	errno = saved;
	return true;
}

int loop_add(int fd, uint32_t events, struct loop_source *source)
{
	int ret, saved = errno;

	lock_acquire(&lock);
	ret = start();
	if (ret == 0)
		ret = loop_add_held(fd, events, source);
	lock_release(&lock);
	errno = saved;
	return ret;
}

void loop_remove(int fd)
{
	int saved = errno;

	lock_acquire(&lock);
	if (!lost)
		real.epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	lock_release(&lock);
	errno = saved;
}

bool loop_runs(void)
{
	return started && !owed && !lost;
}

void loop_pause(void)
{
	lock_acquire(&lock);	/* not in the middle of its start */
	atomic_store(&pausing, true);
	lock_release(&lock);
	do {
		loop_wake();
		real.poll(NULL, 0, 1);
	} while (!atomic_load(&paused));
}

void loop_resume(void)
{
	lock_acquire(&lock);
	atomic_store(&paused, false);
	atomic_store(&pausing, false);
	owed = thread_start(run, NULL) != 0;
	lock_release(&lock);
}

void loop_after_fork(void)
{
	lock_init(&lock, LOCK_service);
	if (epoll >= 0)
		fd_close(epoll);
	if (bell >= 0)
		fd_close(bell);
	epoll = bell = -1;
	started = owed = false;
	pausing = paused = lost = false;
}
