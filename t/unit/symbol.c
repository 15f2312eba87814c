// SPDX-License-Identifier: BSD-2-Clause
/* The walk over symbol tables finds what dlsym() finds. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>

#include "base/symbol.h"

Test(symbol, walk_finds_what_dlsym_finds)
{
	static const char *names[] = { "fopen", "fopen64", "freopen", "fdopen",
		"opendir", "mkstemp", "tmpfile", "vdprintf", "aio_read",
		"lio_listio64", "mq_open", "shm_open", "__vdprintf_chk" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert_eq(symbol_walk(names[i]),
			     dlsym(RTLD_DEFAULT, names[i]), "%s", names[i]);
}

/* An indirect function: its resolver is called. */
Test(symbol, walk_resolves_indirect_functions)
{
	size_t (*length)(const char *) =
		(size_t (*)(const char *))symbol_walk("strlen");

	cr_assert_not_null(length);
	cr_assert_eq(length("four"), 4);
}

/* As on musl, which has no fopen64() since 1.2.4. */
Test(symbol, a_name_without_64_will_do)
{
	cr_assert_eq(symbol_next("getpid64"), symbol_next("getpid"));
	cr_assert_eq(symbol_next("preadv64v2x"), NULL);
	cr_assert_neq(symbol_next("fopen64"), NULL);
	cr_assert_eq(symbol_next("no_function_64_has_such_a_long_name"), NULL);
}

Test(symbol, walk_says_when_there_is_none)
{
	cr_assert_null(symbol_walk("no_function_has_this_name"));
}
