// SPDX-License-Identifier: BSD-2-Clause
/* Destinations remembered as unaware, and ones that are only busy. */
#include <criterion/criterion.h>

#include "base/addr.h"
#include "conn/unaware.h"

static struct sockaddr_storage at(const char *text)
{
	struct sockaddr_storage address;

	cr_assert_eq(addr_parse(text, &address), 0);
	return address;
}

Test(unaware, is_remembered_for_its_time)
{
	struct sockaddr_storage server = at("10.0.0.1:80");
	struct sockaddr_storage port = at("10.0.0.1:81");
	struct sockaddr_storage other = at("[fd00::1]:80");

	cr_assert_not(unaware_known(&server));
	unaware_remember(&server, 60000);
	cr_assert(unaware_known(&server));
	cr_assert_not(unaware_known(&port));
	cr_assert_not(unaware_known(&other));
	unaware_remember(&server, 0);
	cr_assert_not(unaware_known(&server), "its time is over");
}

Test(unaware, one_that_has_answered_is_busy)
{
	struct sockaddr_storage server = at("10.0.0.1:80");

	cr_assert_not(unaware_has_answered(&server));
	unaware_answered(&server, 60000);
	cr_assert(unaware_has_answered(&server));
	unaware_remember(&server, 60000);
	cr_assert(unaware_known(&server), "but not for ever");
	cr_assert_not(unaware_has_answered(&server));
}

Test(unaware, an_old_answer_counts_no_more)
{
	struct sockaddr_storage server = at("10.0.0.1:80");

	unaware_answered(&server, 0);
	cr_assert_not(unaware_has_answered(&server));
}

Test(unaware, an_answer_ends_it)
{
	struct sockaddr_storage server = at("10.0.0.1:80");

	unaware_remember(&server, 60000);
	unaware_answered(&server, 60000);
	cr_assert_not(unaware_known(&server));
}
