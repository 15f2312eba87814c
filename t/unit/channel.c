// SPDX-License-Identifier: BSD-2-Clause
/* The control socket's name, and how it is found again. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag/channel.h"

static const char line[] =
	"0000000000000000: 00000002 00000000 00010000 0001 01 12345 "
	"@shunt/42/00000000deadbeef\n";

Test(channel, a_line_of_the_kernels_list)
{
	struct sockaddr_un name, same;
	socklen_t length, wanted;
	unsigned pid;

	cr_assert(channel_in_line(line, &name, &length, &pid));
	cr_assert_eq(pid, 42);
	wanted = channel_name(&same, 42, 0xdeadbeef);
	cr_assert_eq(length, wanted);
	cr_assert_arr_eq(&name, &same, length);
}

Test(channel, others_are_not_ours)
{
	static const char *const others[] = {
		"Num       RefCount Protocol Flags    Type St Inode Path\n",
		/* connected, and so not to be asked */
		"0: 00000003 00000000 00000000 0001 03 12 @shunt/42/1\n",
		"0: 00000002 00000000 00010000 0001 01 12 @shunt/x/1\n",
		"0: 00000002 00000000 00010000 0001 01 12 @shunts/42/1\n",
		"0: 00000002 00000000 00010000 0001 01 12 /run/shunt/42/1\n",
		"0: 00000002 00000000 00010000 0001 01 12\n",
		"",
	};
	struct sockaddr_un name;
	socklen_t length;
	unsigned pid;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(*others); i++)
		cr_assert_not(channel_in_line(others[i], &name, &length, &pid),
			      "%s", others[i]);
}

/* What is listening is in the kernel's own list, under the name it has. */
Test(channel, the_kernel_lists_it)
{
	struct sockaddr_un name, found;
	socklen_t length, same;
	unsigned pid, mine = 0;
	char text[512];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	FILE *list;

	length = channel_name(&name, (unsigned)getpid(), ~UINT64_C(0));
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, length), 0);
	cr_assert_eq(listen(fd, 1), 0);
	list = fopen("/proc/self/net/unix", "r");
	cr_assert_not_null(list);
	while (fgets(text, sizeof(text), list))
		if (channel_in_line(text, &found, &same, &pid))
			mine += same == length && !memcmp(&name, &found, same);
	cr_assert_eq(mine, 1);
}
