/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The service thread as a loop that knows no connection: fds, each with a
 * function to be called on that thread. One per process, started on first need,
 * all signals blocked.
 *
 * Any thread may call these, with no lock of a rank below `service`. They
 * preserve errno.
 */
#ifndef CONN_LOOP_H
#define CONN_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "diag/reason.h"

/*
 * Who hears of an fd. It stays where it is until the fd is removed. The thread
 * finds it by epoll(7) alone, which is no order of memory for C11: so `ready`
 * is written last (loop_source_set()), and read first.
 */
struct loop_source {
	_Atomic(void (*)(void *arg)) ready;
	void *arg;
};

static inline void loop_source_set(struct loop_source *source,
				   void (*ready)(void *arg), void *arg)
{
	source->arg = arg;
	atomic_store(&source->ready, ready);
}

/* What else the thread does: service.c. None of them may be NULL. */
struct loop_hooks {
	/*
	 * It is about to be started, perhaps once more, with the loop's lock.
	 * 0 or -errno: it is not.
	 */
	int (*begin)(void);
	/* Before each sleep: how long that may be, ms; -1: for ever. */
	int (*round)(void);
	/* What is watched (watch.c), or was set a time (timer.c), and held. */
	void (*look)(void *watched);
};
extern const struct loop_hooks loop_hooks;

/*
 * Start the thread, if there is none. 0; -EAGAIN: not now, or the program has
 * closed its fds unseen; -ENOMEM. A system call each time: for who greets.
 */
int loop_start(void);
/* Why it could not. */
enum reason loop_refusal(void);
/* Let it have a round soon. False: there is no thread. */
bool loop_wake(void);
/*
 * Watch an fd for these events (epoll_ctl(2)); with EPOLLET what is there
 * already is told. 0 or -errno. `held`: by loop_hooks.begin, with the lock.
 */
int loop_add(int fd, uint32_t events, struct loop_source *source);
int loop_add_held(int fd, uint32_t events, struct loop_source *source);
/* Who added it has come back from that. Its source may still be called once. */
void loop_remove(int fd);
/*
 * The thread ends for a while, when it has come to the end of its round; what
 * is to be done waits. One caller at a time, who resumes, and not the thread
 * itself.
 */
bool loop_runs(void);
void loop_pause(void);
void loop_resume(void);
void loop_after_fork(void);

#endif
