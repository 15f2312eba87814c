// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <signal.h>

#include "base/lock.h"

Test(lock, names_are_the_rows)
{
	cr_assert_str_eq(lock_name(LOCK_send), "send");
	cr_assert_str_eq(lock_name(LOCK_CLASSES), "unknown");
}

Test(lock, taken_in_order)
{
	struct lock conn = LOCK_INIT(conn), table;

	lock_init(&table, LOCK_fdtab);
	lock_acquire(&conn);
	lock_acquire(&table);
	lock_release(&conn);	/* in any order */
	lock_release(&table);
	lock_acquire(&conn);
	lock_release(&conn);
	lock_destroy(&table);
}

#ifdef SHUNT_DEBUG

Test(lock, wrong_order_aborts, .signal = SIGABRT)
{
	struct lock conn = LOCK_INIT(conn), table = LOCK_INIT(fdtab);

	lock_acquire(&table);
	lock_acquire(&conn);
}

Test(lock, two_of_one_class_abort, .signal = SIGABRT)
{
	struct lock one = LOCK_INIT(conn), other = LOCK_INIT(conn);

	lock_acquire(&one);
	lock_acquire(&other);
}

Test(lock, release_without_acquire_aborts, .signal = SIGABRT)
{
	struct lock conn = LOCK_INIT(conn);

	lock_release(&conn);
}

#endif
