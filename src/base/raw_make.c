// SPDX-License-Identifier: BSD-2-Clause
/* Raw system calls that make file descriptors, or close many. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/raw.h"
#include "base/syscall.h"

#define KERNEL_SIGSET_SIZE 8L

/* Not every call has a number in older kernel headers. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

int raw_openat(int at, const char *path, int flags, mode_t mode)
{
	return (int)sys_call(SYS_openat, at, path, flags, mode);
}

int raw_openat64(int at, const char *path, int flags, mode_t mode)
{
	return raw_openat(at, path, flags, mode);
}

int raw_open(const char *path, int flags, mode_t mode)
{
	return raw_openat(AT_FDCWD, path, flags, mode);
}

int raw_open64(const char *path, int flags, mode_t mode)
{
	return raw_openat(AT_FDCWD, path, flags, mode);
}

/* libc ends a program that would make a file without saying its mode. */
static void fortify(int flags)
{
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
		abort();
}

int raw___openat_2(int at, const char *path, int flags)
{
	fortify(flags);
	return raw_openat(at, path, flags, 0);
}

int raw___openat64_2(int at, const char *path, int flags)
{
	return raw___openat_2(at, path, flags);
}

int raw___open_2(const char *path, int flags)
{
	return raw___openat_2(AT_FDCWD, path, flags);
}

int raw___open64_2(const char *path, int flags)
{
	return raw___openat_2(AT_FDCWD, path, flags);
}

int raw_creat(const char *path, mode_t mode)
{
	return raw_open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int raw_creat64(const char *path, mode_t mode)
{
	return raw_creat(path, mode);
}

int raw_pipe(int fds[2])
{
	return raw_pipe2(fds, 0);
}

int raw_pipe2(int fds[2], int flags)
{
	return (int)sys_call(SYS_pipe2, fds, flags);
}

int raw_socketpair(int domain, int type, int protocol, int fds[2])
{
	return (int)sys_call(SYS_socketpair, domain, type, protocol, fds);
}

int raw_eventfd(unsigned value, int flags)
{
	return (int)sys_call(SYS_eventfd2, value, flags);
}

int raw_signalfd(int fd, const sigset_t *mask, int flags)
{
	return (int)sys_call(SYS_signalfd4, fd, mask, KERNEL_SIGSET_SIZE,
			     flags);
}

int raw_timerfd_create(clockid_t clock, int flags)
{
	return (int)sys_call(SYS_timerfd_create, clock, flags);
}

int raw_memfd_create(const char *name, unsigned flags)
{
	return (int)sys_call(SYS_memfd_create, name, flags);
}

int raw_inotify_init(void)
{
	return raw_inotify_init1(0);
}

int raw_inotify_init1(int flags)
{
	return (int)sys_call(SYS_inotify_init1, flags);
}

int raw_fanotify_init(unsigned flags, unsigned file_flags)
{
	return (int)sys_call(SYS_fanotify_init, flags, file_flags);
}

int raw_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)sys_call(SYS_pidfd_open, pid, flags);
}

int raw_pidfd_getfd(int pidfd, int fd, unsigned flags)
{
	return (int)sys_call(SYS_pidfd_getfd, pidfd, fd, flags);
}

int raw_execveat(int folder, const char *path, char *const argv[],
		 char *const envp[], int flags)
{
	return (int)sys_call(SYS_execveat, folder, path, argv, envp, flags);
}

int raw_posix_openpt(int flags)
{
	return raw_open("/dev/ptmx", flags, 0);
}

int raw_close_range(unsigned first, unsigned last, int flags)
{
	return (int)sys_call(SYS_close_range, first, last, flags);
}

#define NUMBERS_MOST 65536

/* Kernels before 5.9: one by one. */
void raw_closefrom(int low)
{
	int fd, most = NUMBERS_MOST;

	if (low < 0)
		low = 0;
	if (raw_close_range((unsigned)low, ~0u, 0) == 0)
		return;
	for (fd = low; fd < most; fd++)
		raw_close(fd);
}
