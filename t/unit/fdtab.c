// SPDX-License-Identifier: BSD-2-Clause
/* The fd table's protocol: find and hold, generations, eviction, sharing. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "fdtab/fdtab.h"

static atomic_int ended;

static void end_object(struct fdtab_object *object)
{
	ended++;
	free(object);
}

/* With one reference, the caller's. */
static struct fdtab_object *new_object(void)
{
	struct fdtab_object *object = calloc(1, sizeof(*object));

	object->references = 1;
	object->last = end_object;
	return object;
}

Test(fdtab, unknown_numbers_are_not_there)
{
	cr_assert_not(fdtab_maybe(5));
	cr_assert_null(fdtab_hold(5, NULL));
	cr_assert_not(fdtab_remove(5, 0));
	fdtab_evict(5);
	cr_assert_eq(fdtab_count(), 0);
}

Test(fdtab, a_number_in_the_same_slot_is_another)
{
	struct fdtab_object *object = new_object();

	fdtab_insert(7, object);
	cr_assert(fdtab_maybe(7 + FDTAB_SLOTS));
	cr_assert_null(fdtab_hold(7 + FDTAB_SLOTS, NULL));
	fdtab_evict(7);
	fdtab_release(object);
	cr_assert_not(fdtab_maybe(7));
	cr_assert_eq(ended, 1);
}

Test(fdtab, the_last_reference_ends_it)
{
	struct fdtab_object *object = new_object();

	cr_assert_eq(fdtab_insert(3, object), 0);
	cr_assert_eq(fdtab_insert(4, object), 0);
	fdtab_release(object);
	cr_assert_eq(fdtab_hold(3, NULL), object);
	fdtab_evict(3);
	fdtab_evict(4);
	cr_assert_eq(ended, 0, "still held by the call in flight");
	fdtab_release(object);
	cr_assert_eq(ended, 1);
}

Test(fdtab, only_the_generation_seen_is_removed)
{
	struct fdtab_object *old = new_object(), *young = new_object();
	uint64_t seen, now;

	fdtab_insert(9, old);
	fdtab_release(fdtab_hold(9, &seen));
	fdtab_insert(9, young);		/* the kernel gave the number anew */
	fdtab_release(old);
	cr_assert_eq(ended, 1, "the stale entry was evicted");
	cr_assert_not(fdtab_remove(9, seen));
	fdtab_release(fdtab_hold(9, &now));
	cr_assert_neq(now, seen);
	cr_assert(fdtab_remove(9, now));
	fdtab_release(young);
	cr_assert_eq(ended, 2);
	cr_assert_eq(fdtab_count(), 0);
}

static void count_visits(int fd, struct fdtab_object *object, void *arg)
{
	(void)object;
	*(int *)arg += fd;
}

static void count_each(int fd, struct fdtab_object *object, void *arg)
{
	(void)fd;
	(void)object;
	++*(int *)arg;
}

static void evict_all(int fd, struct fdtab_object *object, void *arg)
{
	(void)fd;
	cr_assert_gt(object->references, 0);
	++*(int *)arg;
	for (fd = 0; fd < 1000; fd++)
		fdtab_evict(fd);
}

Test(fdtab, each_entry_is_visited_once)
{
	struct fdtab_object *object = new_object();
	int fd, sum = 0;

	for (fd = 0; fd < 100; fd++)
		fdtab_insert(fd * 17, object);
	fdtab_each(count_visits, &sum);
	cr_assert_eq(sum, 17 * 99 * 100 / 2);
	for (fd = 0; fd < 100; fd++)
		fdtab_evict(fd * 17);
	fdtab_release(object);
	cr_assert_eq(ended, 1);
}

#define MANY 400000

/* Looking for the next one among all each time would take minutes. */
Test(fdtab, a_walk_is_linear, .timeout = 20)
{
	struct fdtab_object *object = new_object();
	int fd, seen = 0;

	for (fd = 0; fd < MANY; fd++)
		fdtab_insert(fd, object);
	fdtab_each(count_each, &seen);
	cr_assert_eq(seen, MANY);
	for (fd = 0; fd < MANY; fd++)
		fdtab_evict(fd);
	fdtab_release(object);
}

/* The objects of a walk are held, whatever becomes of their numbers. */
Test(fdtab, a_visit_may_empty_the_table)
{
	int fd, seen = 0;

	for (fd = 0; fd < 1000; fd++) {
		struct fdtab_object *object = new_object();

		fdtab_insert(fd, object);
		fdtab_release(object);
	}
	fdtab_each(evict_all, &seen);
	cr_assert_geq(seen, 1);
	cr_assert_eq(fdtab_count(), 0);
	cr_assert_eq(ended, 1000);
}

static void *churn(void *arg)
{
	struct fdtab_object *object, *held;
	int i, fd = *(int *)arg % 8;	/* threads share numbers */

	for (i = 0; i < 20000; i++) {
		object = new_object();
		fdtab_insert(fd, object);
		fdtab_release(object);
		held = fdtab_hold(fd, NULL);
		if (held)
			fdtab_release(held);
		fdtab_evict(fd);
	}
	return NULL;
}

Test(fdtab, threads_share_numbers)
{
	pthread_t threads[8];
	int i, numbers[8] = { 0, 8, 1, 9, 0, 1, 2, 2 };

	for (i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, churn, &numbers[i]);
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(fdtab_count(), 0);
	cr_assert_eq(ended, 8 * 20000);
}
