// SPDX-License-Identifier: BSD-2-Clause
/* The raw system calls behave as libc's functions do. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/raw.h"

static int pair[2];

static void make_pair(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

TestSuite(raw, .init = make_pair);

Test(raw, is_what_a_shim_finds_before_the_constructor)
{
	cr_assert_not(real_ready());
	cr_assert_eq(real.read, raw_read);
	real_init();
	cr_assert(real_ready());
	cr_assert_neq(real.read, raw_read);
}

Test(raw, moves_bytes)
{
	struct iovec iov[2] = { { (char[]){ "ab" }, 2 }, { (char[]){ "c" }, 1 } };
	char buf[8];

	cr_assert_eq(raw_writev(pair[0], iov, 2), 3);
	cr_assert_eq(raw_recv(pair[1], buf, sizeof(buf), MSG_PEEK), 3);
	cr_assert_eq(raw___read_chk(pair[1], buf, 1, 1), 1);
	cr_assert_eq(raw_read(pair[1], buf, sizeof(buf)), 2);
	cr_assert_arr_eq(buf, "bc", 2);
}

Test(raw, overrun_aborts, .signal = SIGABRT)
{
	char buf[1];

	raw___recv_chk(pair[0], buf, 2, sizeof(buf), 0);
}

Test(raw, errors_set_errno)
{
	cr_assert_eq(raw_close(-1), -1);
	cr_assert_eq(errno, EBADF);
	cr_assert_eq(raw_dup2(-1, -1), -1);
	cr_assert_eq(errno, EBADF);
	cr_assert_eq(raw_dup2(pair[0], pair[0]), pair[0]);
	cr_assert_eq(raw_dup3(pair[0], pair[0], 0), -1);
	cr_assert_eq(errno, EINVAL);
}

Test(raw, poll_and_select)
{
	struct pollfd fd = { .fd = pair[0], .events = POLLIN | POLLOUT };
	struct timeval soon = { 0, 1000 }, negative = { -1, 0 };
	struct timespec now = { 0, 0 };
	fd_set set;

	cr_assert_eq(raw_poll(&fd, 1, -1), 1);
	cr_assert_eq(fd.revents, POLLOUT);
	fd.events = POLLIN;
	cr_assert_eq(raw_poll(&fd, 1, 1), 0);
	cr_assert_eq(raw_ppoll(&fd, 1, &now, NULL), 0);

	FD_ZERO(&set);
	FD_SET(pair[0], &set);
	cr_assert_eq(raw_select(pair[0] + 1, NULL, &set, NULL, NULL), 1);
	cr_assert_eq(raw_select(pair[0] + 1, &set, NULL, NULL, &soon), 0);
	cr_assert_eq(soon.tv_usec, 0);
	cr_assert_eq(raw_select(1, NULL, NULL, NULL, &negative), -1);
	cr_assert_eq(errno, EINVAL);
	cr_assert_eq(raw_pselect(1, NULL, NULL, NULL, &now, NULL), 0);
}

Test(raw, fcntl_and_ioctl)
{
	int n = -1;

	cr_assert_eq(raw_fcntl64(pair[0], F_GETFD, NULL), 0);
	cr_assert_eq(raw_write(pair[0], "x", 1), 1);
	cr_assert_eq(raw_ioctl(pair[1], FIONREAD, &n), 0);
	cr_assert_eq(n, 1);
}
