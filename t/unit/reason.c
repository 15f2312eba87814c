// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "diag/reason.h"
#include "read_source.h"

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

/* In place: lines as one, and no backslashes. */
static void unfold(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text != '\\')
			*to++ = *text == '\n' ? ' ' : *text;
	}
	*to = '\0';
}

Test(reason, the_manual_has_every_row)
{
	char *manual = read_source("man/shunt.conf.5");
	char want[300];
	int at;

	unfold(manual);
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		at = snprintf(want, sizeof(want), " .It Cm %s ",
			      reason_name(i));
		snprintf(want + at, sizeof(want) - (size_t)at, "%s. ",
			 reason_sentence(i));
		want[at] = (char)toupper((unsigned char)want[at]);
		cr_assert_not_null(strstr(manual, want), "%s", want);
	}
}

Test(reason, is_found_by_its_name)
{
	unsigned i;

	for (i = 0; i < REASON_COUNT; i++)
		cr_assert_eq(reason_find(reason_name(i)), i);
	cr_assert_eq(reason_find("unknown"), REASON_COUNT);
	cr_assert_eq(reason_find(""), REASON_COUNT);
}

Test(reason, says_what_the_peer_said)
{
	char text[REASON_TEXT_MAX];

	cr_assert_str_eq(reason_text(REASON_peer_declined, REASON_memlock,
				     text), "peer_declined: memlock");
	cr_assert_str_eq(reason_text(REASON_peer_declined, 65535, text),
			 "peer_declined: unknown");
	cr_assert_str_eq(reason_text(REASON_peer_declined, REASON_none, text),
			 "peer_declined");
	cr_assert_str_eq(reason_text(REASON_on_rdma, REASON_memlock, text),
			 "on_rdma");
}

Test(reason, counts_what_peers_said)
{
	reason_count_peers(REASON_memlock);
	reason_count_peers(65535);
	cr_assert_eq(reason_counted_peers(REASON_memlock), 1);
	cr_assert_eq(reason_counted_peers(65535), 0);
	cr_assert_eq(reason_counted(REASON_memlock), 0);
}
