// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "diag/log.h"

static int end;

/* SHUNT_LOG_FD is a pipe's end; what has been logged comes out of `end`. */
static void redirect(void)
{
	char text[12];
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	end = fds[0];
	snprintf(text, sizeof(text), "%d", fds[1]);
	setenv("SHUNT_LOG_FD", text, 1);
}

static size_t logged(char *line, size_t size)
{
	ssize_t got = read(end, line, size - 1);

	cr_assert_gt(got, 0);
	line[got] = '\0';
	return (size_t)got;
}

TestSuite(log, .init = redirect);

Test(log, one_line_with_pid_and_level)
{
	char line[200], expected[200];

	log_warn("the %s is %d", "answer", 42);
	logged(line, sizeof(line));
	snprintf(expected, sizeof(expected),
		 "shunt[%d]: warn: the answer is 42\n", (int)getpid());
	cr_assert_str_eq(line, expected);
}

Test(log, levels_above_the_threshold_are_not_written)
{
	char line[200];

	log_info("not this");
	log_set_level(LOG_DEBUG);
	cr_assert(log_wants(LOG_DEBUG));
	log_debug("but this");
	logged(line, sizeof(line));
	cr_assert_not_null(strstr(line, "debug: but this\n"));
	cr_assert_null(strstr(line, "not this"));
	log_set_level(LOG_OFF);
	cr_assert_not(log_wants(LOG_ERROR));
}

Test(log, errno_is_kept)
{
	errno = ENOTTY;
	log_error("x");
	cr_assert_eq(errno, ENOTTY);
	close(atoi(getenv("SHUNT_LOG_FD")));
	log_error("nobody can read this");
	cr_assert_eq(errno, ENOTTY);
}

Test(log, a_long_line_is_cut_and_still_a_line)
{
	char text[3000], line[3000];
	size_t size;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_warn("%s", text);
	size = logged(line, sizeof(line));
	cr_assert_eq(size, 1024);
	cr_assert_eq(line[size - 1], '\n');
	cr_assert_eq(line[size - 2], 'x');
}

Test(log, a_name_cannot_forge_a_line)
{
	char line[200];
	size_t size;

	log_warn("%s", "a\nshunt[1]: error: b\x1b[2J");
	size = logged(line, sizeof(line));
	cr_assert_eq(strchr(line, '\n'), &line[size - 1]);
	cr_assert_null(strchr(line, '\x1b'));
}

Test(log, level_names)
{
	cr_assert_eq(log_parse_level("off"), LOG_OFF);
	cr_assert_eq(log_parse_level("debug"), LOG_DEBUG);
	cr_assert_eq(log_parse_level("loud"), -EINVAL);
	cr_assert_eq(log_parse_level(""), -EINVAL);
}
