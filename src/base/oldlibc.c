// SPDX-License-Identifier: BSD-2-Clause
#include "base/oldlibc.h"

#include <errno.h>
#include <fcntl.h>

#include "base/symbol.h"
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

void *reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (!__builtin_mul_overflow(count, size, &bytes))
		return realloc(old, bytes);
	errno = ENOMEM;
	return NULL;
}

/* musl's strerror_r() is POSIX's, as this one is in both. */
int __xpg_strerror_r(int error, char *text, size_t size);

char *strerror_r(int error, char *text, size_t size)
{
	__xpg_strerror_r(error, text, size);
	return text;
}

/* What glibc's pthread_atfork() calls, which is no part of libc.so. */
extern void *__dso_handle;
int __register_atfork(void (*before)(void), void (*parent)(void),
		      void (*child)(void), void *object)
	__attribute__((weak));

int pthread_atfork(void (*before)(void), void (*parent)(void),
		   void (*child)(void))
{
	int (*next)(void (*)(void), void (*)(void), void (*)(void));
	void *symbol;

	if (__register_atfork)
		return __register_atfork(before, parent, child,
					 &__dso_handle);
	symbol = symbol_next("pthread_atfork");
	if (!symbol)
		return ENOSYS;
	memcpy(&next, &symbol, sizeof(next));
	return next(before, parent, child);
}
