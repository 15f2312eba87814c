// SPDX-License-Identifier: BSD-2-Clause
#include "base/oldlibc.h"

#include <fcntl.h>
#include <sys/syscall.h>

#define IS_THERE(name) && name != NULL

bool oldlibc_complete(void)
{
	return true OLDLIBC_MOVED(IS_THERE);
}

int stat(const char *path, struct stat *st)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, path, st, 0);
}

int fstat(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}

int lstat(const char *path, struct stat *st)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, path, st,
			    AT_SYMLINK_NOFOLLOW);
}

ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
	return syscall(SYS_getrandom, buf, n, flags);
}

pid_t gettid(void)
{
	return (pid_t)syscall(SYS_gettid);
}
