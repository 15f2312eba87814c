// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "diag/reason.h"

Test(reason, every_row_has_a_name_and_a_sentence)
{
	unsigned i;

	for (i = 0; i < REASON_COUNT; i++) {
		cr_assert_gt(strlen(reason_name(i)), 0);
		cr_assert_gt(strlen(reason_sentence(i)), 10);
	}
	cr_assert_str_eq(reason_name(REASON_memlock), "memlock");
}

/* The number comes from the wire. */
Test(reason, a_number_out_of_range_is_no_crash)
{
	cr_assert_str_eq(reason_name(REASON_COUNT), "unknown");
	cr_assert_str_eq(reason_name(0xffffffff), "unknown");
	cr_assert_not_null(reason_sentence(0xffffffff));
}

Test(reason, counts)
{
	reason_count(REASON_no_device);
	reason_count(REASON_no_device);
	reason_count(REASON_COUNT);
	cr_assert_eq(reason_counted(REASON_no_device), 2);
	cr_assert_eq(reason_counted(REASON_memlock), 0);
	cr_assert_eq(reason_counted(REASON_COUNT), 0);
}
