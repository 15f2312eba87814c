// SPDX-License-Identifier: BSD-2-Clause
/* Raw system calls that move bytes without a buffer, or by the handful. */
#include <errno.h>

#include "base/raw.h"
#include "base/syscall.h"

int raw_sendmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags)
{
	return (int)sys_call(SYS_sendmmsg, fd, vec, n, flags);
}

int raw_recvmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags,
		 struct timespec *timeout)
{
	return (int)sys_call(SYS_recvmmsg, fd, vec, n, flags, timeout);
}

ssize_t raw_sendfile(int out, int in, off_t *offset, size_t count)
{
	return sys_call(SYS_sendfile, out, in, offset, count);
}

ssize_t raw_sendfile64(int out, int in, off64_t *offset, size_t count)
{
	return sys_call(SYS_sendfile, out, in, offset, count);
}

ssize_t raw_splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t n,
		   unsigned flags)
{
	return sys_call(SYS_splice, in, in_at, out, out_at, n, flags);
}

/* The offset goes in two halves, of which 64-bit kernels use the first. */
ssize_t raw_preadv2(int fd, const struct iovec *iov, int count, off_t at,
		    int flags)
{
	return sys_call(SYS_preadv2, fd, iov, count, at, 0L, flags);
}

ssize_t raw_preadv64v2(int fd, const struct iovec *iov, int count, off64_t at,
		       int flags)
{
	return sys_call(SYS_preadv2, fd, iov, count, at, 0L, flags);
}

ssize_t raw_pwritev2(int fd, const struct iovec *iov, int count, off_t at,
		     int flags)
{
	return sys_call(SYS_pwritev2, fd, iov, count, at, 0L, flags);
}

ssize_t raw_pwritev64v2(int fd, const struct iovec *iov, int count, off64_t at,
			int flags)
{
	return sys_call(SYS_pwritev2, fd, iov, count, at, 0L, flags);
}

long raw_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	return sys_call(number, a, b, c, d, e, f);
}

/* struct rlimit is the kernel's own where long has 64 bits. */
int raw_prlimit64(pid_t pid, enum __rlimit_resource resource,
		  const struct rlimit64 *limit, struct rlimit64 *old)
{
	return (int)sys_call(SYS_prlimit64, pid, resource, limit, old);
}

int raw_prlimit(pid_t pid, enum __rlimit_resource resource,
		const struct rlimit *limit, struct rlimit *old)
{
	return (int)sys_call(SYS_prlimit64, pid, resource, limit, old);
}

int raw_setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	return (int)sys_call(SYS_prlimit64, 0, resource, limit, NULL);
}

int raw_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return (int)sys_call(SYS_prlimit64, 0, resource, limit, NULL);
}
