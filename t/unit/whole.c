// SPDX-License-Identifier: BSD-2-Clause
/* A library that was copied in part is not given to the loader. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/real.h"
#include "base/whole.h"

/* A copy of the first `size` bytes of the fake runtime; 0: all. */
static const char *copy(size_t size)
{
	static char name[16], bytes[1 << 20];
	int in = open(getenv("FAKE_RDMA_LIBRARY"), O_RDONLY), out;
	ssize_t got = read(in, bytes, sizeof(bytes));

	cr_assert_gt(got, 8192);
	snprintf(name, sizeof(name), "wholeXXXXXX");
	out = mkstemp(name);
	cr_assert_geq(out, 0);
	cr_assert_gt(write(out, bytes, size ? size : (size_t)got), 0);
	close(in);
	close(out);
	return name;
}

static bool is_whole(size_t size)
{
	const char *name = copy(size);
	bool whole = whole_file(name);

	unlink(name);
	return whole;
}

TestSuite(whole, .init = real_init);

Test(whole, all_of_it)
{
	cr_assert(is_whole(0));
}

Test(whole, a_part)
{
	cr_assert_not(is_whole(5000));
	/* Not even all program headers. */
	cr_assert_not(is_whole(100));
}

Test(whole, what_the_loader_has_words_for)
{
	cr_assert(is_whole(10));
	cr_assert(whole_file("/nonexistent"));
	cr_assert(whole_file("/dev/null"));
}
