// SPDX-License-Identifier: BSD-2-Clause
/* What RLIMIT_MEMLOCK leaves, and for whom it counts. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/real.h"
#include "rdma/rdma.h"

#define LIMIT (1 << 20)

/* The kernel asks the first namespace whether more may be pinned. */
static int in_a_namespace(void)
{
	static const char map[] = "0 0 1";
	struct rlimit limit = { LIMIT, LIMIT };
	int fd, status = 0;
	pid_t child = fork();

	if (child == 0) {
		if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
		    unshare(CLONE_NEWUSER) != 0)
			_exit(77);
		fd = open("/proc/self/uid_map", O_WRONLY);
		if (fd < 0 || write(fd, map, sizeof(map) - 1) < 0)
			_exit(77);
		_exit(rdma_memlock_left() <= limit.rlim_cur ? 0 : 1);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

Test(memlock, a_capability_of_a_namespace_lifts_no_limit)
{
	int status;

	real_init();
	status = in_a_namespace();
	if (status == 77)
		cr_skip_test("no user namespace may be made here");
	cr_assert_eq(status, 0);
}
