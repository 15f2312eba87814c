// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
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

/* A program that closes its standard error may get a socket there. */
Test(log, another_file_behind_the_number_stays_clean)
{
	int fds[2], fd = atoi(getenv("SHUNT_LOG_FD"));
	char line[200];

	log_begin();
	log_warn("one");
	logged(line, sizeof(line));
	cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
	cr_assert_eq(dup2(fds[1], fd), fd);
	log_warn("two");
	cr_assert_eq(read(fds[0], line, sizeof(line)), -1);
	cr_assert_eq(errno, EAGAIN);
}

static int connection;

/* As inetd(8) starts a service. */
static void serve_inetd(void)
{
	int pair[2], listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t length = sizeof(name);

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(listener, (struct sockaddr *)&name, length), 0);
	cr_assert_eq(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&name, &length);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(pair[0], (struct sockaddr *)&name, length), 0);
	pair[1] = accept(listener, NULL, NULL);
	connection = pair[0];
	dup2(pair[1], STDERR_FILENO);
	unsetenv("SHUNT_LOG_FD");
}

Test(log, a_connection_as_standard_error_stays_clean, .init = serve_inetd)
{
	char line[200];

	log_begin();
	log_warn("not for the client");
	cr_assert_eq(recv(connection, line, sizeof(line), MSG_DONTWAIT), -1);
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
