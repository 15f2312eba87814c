// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "base/iov.h"

#define MANY (IOV_PART + 36)

/* As many empty pieces as are looked at, and what was asked for behind them. */
static void fill(struct iovec iov[MANY], char *bytes, size_t size)
{
	int i;

	for (i = 0; i < MANY; i++)
		iov[i] = (struct iovec){ bytes, 0 };
	iov[MANY - 2].iov_len = size / 2;
	iov[MANY - 1] = (struct iovec){ bytes + size / 2, size - size / 2 };
}

Test(iov, limit_passes_over_what_is_empty)
{
	struct iovec iov[MANY], part[IOV_PART];
	char bytes[100];

	fill(iov, bytes, sizeof(bytes));
	cr_assert_eq(iov_limit(part, iov, MANY, 70), 2);
	cr_assert_eq(iov_size(part, 2), 70);
	cr_assert_eq(part[1].iov_base, bytes + 50);
	cr_assert_eq(iov_limit(part, iov, MANY, 1000), 2);
	cr_assert_eq(iov_size(part, 2), sizeof(bytes));
	cr_assert_eq(iov_limit(part, iov, MANY - 2, 1000), 0);
}

Test(iov, rest_passes_over_what_is_empty)
{
	struct iovec iov[MANY], rest[IOV_PART];
	char bytes[100];

	fill(iov, bytes, sizeof(bytes));
	cr_assert_eq(iov_rest(rest, iov, MANY, 60), 1);
	cr_assert_eq(rest[0].iov_base, bytes + 60);
	cr_assert_eq(rest[0].iov_len, 40);
}

Test(iov, limit_takes_as_many_as_there_is_room_for)
{
	struct iovec iov[MANY], part[IOV_PART];
	char bytes[MANY];
	int i;

	for (i = 0; i < MANY; i++)
		iov[i] = (struct iovec){ bytes + i, 1 };
	cr_assert_eq(iov_limit(part, iov, MANY, MANY), IOV_PART);
	cr_assert_eq(iov_size(part, IOV_PART), IOV_PART);
}
