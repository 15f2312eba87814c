// SPDX-License-Identifier: BSD-2-Clause
/*
 * What may block, above all in librdmacm, runs here: each job on a short-lived
 * thread of its own, a few per kind at a time and a bounded queue behind them,
 * so that one dead device holds up neither an application's thread nor another
 * kind.
 */
#include <stdlib.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/critical.h"
#include "base/memory.h"
#include "base/real.h"
#include "base/thread.h"
#include "conn/internal.h"
#include "conn/loop.h"

struct job {
	struct job *next;
	void (*run)(void *arg);
	void *arg;
};

static struct kind {
	unsigned most;		/* threads at a time */
	unsigned running;
	unsigned waiting;
	struct job *first, **last;
} kinds[WORK_KINDS] = {
	[WORK_JOIN] = { .most = BOUND_joins },
	[WORK_ADMIT] = { .most = BOUND_strangers },
	[WORK_END] = { .most = BOUND_closings },
	[WORK_DISCARD] = { .most = BOUND_closings },
	[WORK_LISTEN] = { .most = 2 },
	[WORK_ANSWER] = { .most = BOUND_askers },
	[WORK_DRAIN] = { .most = 1 },
};

static struct lock lock = LOCK_INIT(jobs);
static atomic_bool behind;	/* jobs wait for a thread */

/* The kind's next job; NULL ends the thread. */
static struct job *next_job(struct kind *kind, struct job *done)
{
	struct job *job;

	memory_free(done);
	lock_acquire(&lock);
	job = kind->first;
	if (job) {
		kind->first = job->next;
		kind->waiting--;
	} else {
		kind->running--;
	}
	lock_release(&lock);
	return job;
}

static void *work_thread(void *arg)
{
	struct kind *kind = arg;
	struct job *job = NULL;

	while ((job = next_job(kind, job)))
		job->run(job->arg);
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
	if (job && *link) {
		*link = job->next;
		if (!job->next)
			kind->last = link;
		kind->waiting--;
	} else {
		job = NULL;
	}
	lock_release(&lock);
	memory_free(job);
	return job ? -EAGAIN : 0;
}

/* In a signal handler, where no thread can be made. */
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
	int i;

	if (!atomic_exchange(&behind, false))
		return;
	for (i = 0; i < WORK_KINDS; i++)
		while (start_next(&kinds[i]))
			;
}

int work_start(enum work_kind which, void (*run)(void *arg), void *arg)
{
	struct kind *kind = &kinds[which];
	struct job *job = memory_new(sizeof(*job));
	bool start, inside = critical_in_handler();

	if (!job)
		return -ENOMEM;
	job->run = run;
	job->arg = arg;
	lock_acquire(&lock);
	if (kind->waiting >= BOUND_jobs) {
		lock_release(&lock);
		memory_free(job);
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
		kinds[i].running = kinds[i].waiting = 0;
		kinds[i].first = NULL;
	}
}
