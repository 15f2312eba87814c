// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/root.h"
#include "policy/libconfig.h"

Test(root, nobody_has_remembered_any)
{
	cr_assert(root_same());
}

Test(root, chroot_is_noticed_and_nothing_is_loaded_there)
{
	char error[LIBCONFIG_ERROR_MAX] = "";
	struct libconfig library;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		cr_skip("chroot(2) is root's");
	root_remember();
	cr_assert(root_same());
	pid = fork();
	if (pid == 0) {
		if (chroot("/tmp") != 0)
			_exit(2);
		if (root_same() || libconfig_open(&library, error))
			_exit(3);
		_exit(*error ? 0 : 4);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
}
