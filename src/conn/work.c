// SPDX-License-Identifier: BSD-2-Clause
/*
 * What may block, above all in librdmacm, runs here: each job on a short-lived
 * thread of its own, a few per kind at a time and a bounded queue behind them,
 * so that one dead device holds up neither an application's thread nor another
 * kind.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/real.h"
#include "base/thread.h"
#include "conn/due.h"
#include "conn/loop.h"
#include "conn/quota.h"
#include "conn/work.h"

struct job {
	struct job *next;
	void (*run)(void *arg);
	void *arg;
	struct quota *from;	/* held */
};

static struct kind {
	unsigned most;		/* threads at a time */
	enum quota_of quota;	/* an address's part, where jobs have one */
	unsigned running;
	unsigned busy;		/* of these, with a job */
	unsigned waiting;
	struct job *first, **last;
} kinds[WORK_KINDS] = {
	[WORK_JOIN] = { .most = BOUND_joins },
	[WORK_ADMIT] = { .most = BOUND_strangers },
	[WORK_END] = { .most = BOUND_closings, .quota = QUOTA_ENDS },
	[WORK_DISCARD] = { .most = BOUND_closings, .quota = QUOTA_DISCARDS },
	[WORK_LISTEN] = { .most = 2 },
	[WORK_ANSWER] = { .most = BOUND_askers },
	[WORK_DRAIN] = { .most = 1 },
};

static struct lock lock = LOCK_INIT(jobs);
static atomic_bool behind;	/* jobs wait for a thread */

static void free_job(struct job *job)
{
	if (job)
		quota_drop(job->from);
	memory_free(job);
}

/* With lock. */
static void take_out(struct kind *kind, struct job **link)
{
	struct job *job = *link;

	*link = job->next;
	if (!job->next)
		kind->last = link;
	kind->waiting--;
}

/* With lock: the first whose address has not its part of the threads. */
static struct job *pick(struct kind *kind)
{
	struct job **link = &kind->first, *job;

	while (*link && (*link)->from &&
	       !quota_take((*link)->from, kind->quota, 1,
			   kind->most - kind->busy))
		link = &(*link)->next;
	job = *link;
	if (job) {
		take_out(kind, link);
		kind->busy++;
	}
	return job;
}

/*
 * The kind's next job; NULL ends the thread. What it passes over waits for a
 * thread that has a job of the same address, and comes here after it.
 */
static struct job *next_job(struct kind *kind, struct job *done)
{
	struct job *job;

	lock_acquire(&lock);
	if (done) {
		quota_give(done->from, kind->quota, 1);
		kind->busy--;
	}
	job = pick(kind);
	if (!job)
		kind->running--;
	lock_release(&lock);
	free_job(done);
	return job;
}

static void *work_thread(void *arg)
{
	struct kind *kind = arg;
	struct job *job = NULL;

	while ((job = next_job(kind, job))) {
		job->run(job->arg);
		due_check();
	}
	return NULL;
}

static void enqueue(struct kind *kind, struct job *job)
{
	job->next = NULL;
	if (!kind->first)
		kind->last = &kind->first;
	*kind->last = job;
	kind->last = &job->next;
	kind->waiting++;
}

/*
 * No thread could be made for it. Others of its kind take it; without any it is
 * taken back, unless one of them has had it: -EAGAIN.
 */
static int take_back(struct kind *kind, struct job *job)
{
	struct job **link;

	lock_acquire(&lock);
	link = &kind->first;
	if (--kind->running > 0)
		job = NULL;
	while (job && *link && *link != job)
		link = &(*link)->next;
	if (job && *link)
		take_out(kind, link);
	else
		job = NULL;
	/* Who was to take them could not be made either. */
	if (kind->running == 0 && kind->first)
		atomic_store(&behind, true);
	lock_release(&lock);
	free_job(job);
	return job ? -EAGAIN : 0;
}

/* In a signal handler or a vfork child, where no thread can be made. */
static int leave_to_service(struct kind *kind, struct job *job)
{
	atomic_store(&behind, true);
	if (loop_wake())
		return 0;
	lock_acquire(&lock);
	kind->running++;
	lock_release(&lock);
	return take_back(kind, job);
}

static bool start_next(struct kind *kind)
{
	bool start;

	lock_acquire(&lock);
	start = kind->waiting > 0 && kind->running < kind->most;
	kind->running += start;
	lock_release(&lock);
	if (start && thread_start(work_thread, kind) != 0) {
		take_back(kind, NULL);
		start = false;
	}
	return start;
}

void work_catch_up(void)
{
	unsigned i, most;

	if (!atomic_exchange(&behind, false))
		return;
	for (i = 0; i < WORK_KINDS; i++)
		for (most = kinds[i].most; most > 0; most--)
			if (!start_next(&kinds[i]))
				break;
}

int work_start(enum work_kind which, void (*run)(void *arg), void *arg)
{
	return work_start_for(which, NULL, run, arg);
}

int work_start_for(enum work_kind which, struct quota *from,
		   void (*run)(void *arg), void *arg)
{
	struct kind *kind = &kinds[which];
	struct job *job = memory_new(sizeof(*job));
	bool start, inside = !thread_may_start();

	if (!job) {
		quota_drop(from);
		return -ENOMEM;
	}
	job->run = run;
	job->arg = arg;
	job->from = from;
	lock_acquire(&lock);
	if (kind->waiting >= BOUND_jobs) {
		lock_release(&lock);
		free_job(job);
		return -EAGAIN;
	}
	enqueue(kind, job);
	start = !inside && kind->running < kind->most;
	kind->running += start;
	lock_release(&lock);

	if (inside)
		return leave_to_service(kind, job);
	if (!start || thread_start(work_thread, kind) == 0)
		return 0;
	return take_back(kind, job);
}

int work_alone(void *(*run)(void *arg), void *arg)
{
	return thread_start(run, arg);
}

bool work_wait(enum work_kind which, unsigned ms)
{
	uint64_t until = clock_ms() + ms;
	bool left;

	for (;;) {
		lock_acquire(&lock);
		left = kinds[which].running > 0 ||
		       kinds[which].waiting > 0;
		lock_release(&lock);
		if (!left || clock_ms() >= until)
			return !left;
		real.poll(NULL, 0, 1);
	}
}

void work_after_fork(void)
{
	int i;

	lock_init(&lock, LOCK_jobs);
	for (i = 0; i < WORK_KINDS; i++) {
		kinds[i].running = kinds[i].waiting = kinds[i].busy = 0;
		kinds[i].first = NULL;
	}
}
