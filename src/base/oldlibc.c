// SPDX-License-Identifier: BSD-2-Clause
#include "base/oldlibc.h"

#include <fcntl.h>

#include "base/syscall.h"

#define IS_THERE(name) && name != NULL

bool oldlibc_complete(void)
{
	return true OLDLIBC_MOVED(IS_THERE);
}

int stat(const char *path, struct stat *st)
{
	return (int)sys_call(SYS_newfstatat, AT_FDCWD, path, st, 0);
}

int fstat(int fd, struct stat *st)
{
	return (int)sys_call(SYS_fstat, fd, st);
}

int lstat(const char *path, struct stat *st)
{
	return (int)sys_call(SYS_newfstatat, AT_FDCWD, path, st,
			    AT_SYMLINK_NOFOLLOW);
}

ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
	return sys_call(SYS_getrandom, buf, n, flags);
}

pid_t gettid(void)
{
	return (pid_t)sys_call(SYS_gettid);
}
