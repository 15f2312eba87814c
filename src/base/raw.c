// SPDX-License-Identifier: BSD-2-Clause
#include "base/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/syscall.h"

#define KERNEL_SIGSET_SIZE 8L

int raw_socket(int domain, int type, int protocol)
{
	return (int)sys_call(SYS_socket, domain, type, protocol);
}

int raw_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)sys_call(SYS_bind, fd, addr, len);
}

int raw_listen(int fd, int backlog)
{
	return (int)sys_call(SYS_listen, fd, backlog);
}

int raw_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
#ifdef SYS_accept
	return (int)sys_call(SYS_accept, fd, addr, len);
#else
	return raw_accept4(fd, addr, len, 0);
#endif
}

int raw_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return (int)sys_call(SYS_accept4, fd, addr, len, flags);
}

int raw_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)sys_call(SYS_connect, fd, addr, len);
}

int raw_shutdown(int fd, int how)
{
	return (int)sys_call(SYS_shutdown, fd, how);
}

int raw_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)sys_call(SYS_getsockname, fd, addr, len);
}

int raw_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)sys_call(SYS_getpeername, fd, addr, len);
}

int raw_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return (int)sys_call(SYS_getsockopt, fd, level, name, value, len);
}

int raw_setsockopt(int fd, int level, int name, const void *value,
		   socklen_t len)
{
	return (int)sys_call(SYS_setsockopt, fd, level, name, value, len);
}

ssize_t raw_read(int fd, void *buf, size_t n)
{
	return sys_call(SYS_read, fd, buf, n);
}

ssize_t raw_readv(int fd, const struct iovec *iov, int count)
{
	return sys_call(SYS_readv, fd, iov, count);
}

ssize_t raw_recv(int fd, void *buf, size_t n, int flags)
{
	return raw_recvfrom(fd, buf, n, flags, NULL, NULL);
}

ssize_t raw_recvfrom(int fd, void *buf, size_t n, int flags,
		     struct sockaddr *addr, socklen_t *len)
{
	return sys_call(SYS_recvfrom, fd, buf, n, flags, addr, len);
}

ssize_t raw_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return sys_call(SYS_recvmsg, fd, msg, flags);
}

/* libc ends a program that would overrun its buffer; so must we. */
static void fortify(size_t n, size_t size)
{
	if (n > size)
		abort();
}

ssize_t raw___read_chk(int fd, void *buf, size_t n, size_t size)
{
	fortify(n, size);
	return raw_read(fd, buf, n);
}

ssize_t raw___recv_chk(int fd, void *buf, size_t n, size_t size, int flags)
{
	fortify(n, size);
	return raw_recv(fd, buf, n, flags);
}

ssize_t raw___recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags,
			   struct sockaddr *addr, socklen_t *len)
{
	fortify(n, size);
	return raw_recvfrom(fd, buf, n, flags, addr, len);
}

ssize_t raw_write(int fd, const void *buf, size_t n)
{
	return sys_call(SYS_write, fd, buf, n);
}

ssize_t raw_writev(int fd, const struct iovec *iov, int count)
{
	return sys_call(SYS_writev, fd, iov, count);
}

ssize_t raw_send(int fd, const void *buf, size_t n, int flags)
{
	return raw_sendto(fd, buf, n, flags, NULL, 0);
}

ssize_t raw_sendto(int fd, const void *buf, size_t n, int flags,
		   const struct sockaddr *addr, socklen_t len)
{
	return sys_call(SYS_sendto, fd, buf, n, flags, addr, len);
}

ssize_t raw_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return sys_call(SYS_sendmsg, fd, msg, flags);
}

int raw_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct timespec ts = { timeout / 1000, timeout % 1000 * 1000000L };

	return raw_ppoll(fds, n, timeout < 0 ? NULL : &ts, NULL);
}

/* The kernel writes the time that is left back; ppoll(3) does not. */
int raw_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	      const sigset_t *mask)
{
	struct timespec left;

	if (timeout)
		left = *timeout;
	return (int)sys_call(SYS_ppoll, fds, n, timeout ? &left : NULL, mask,
			    KERNEL_SIGSET_SIZE);
}

int raw___poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	fortify(n, size / sizeof(*fds));
	return raw_poll(fds, n, timeout);
}

int raw___ppoll_chk(struct pollfd *fds, nfds_t n,
		    const struct timespec *timeout, const sigset_t *mask,
		    size_t size)
{
	fortify(n, size / sizeof(*fds));
	return raw_ppoll(fds, n, timeout, mask);
}

static long pselect6(int n, fd_set *r, fd_set *w, fd_set *e,
		     struct timespec *timeout, const sigset_t *mask)
{
	struct {
		const sigset_t *mask;
		size_t size;
	} signals = { mask, KERNEL_SIGSET_SIZE };

	return sys_call(SYS_pselect6, n, r, w, e, timeout, &signals);
}

/* select(2) on Linux does write the time that is left back. */
int raw_select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout)
{
	struct timespec left;
	long ret;

	if (!timeout)
		return (int)pselect6(n, r, w, e, NULL, NULL);
	if (timeout->tv_sec < 0 || timeout->tv_usec < 0) {
		errno = EINVAL;
		return -1;
	}
	left.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000;
	left.tv_nsec = timeout->tv_usec % 1000000 * 1000;
	ret = pselect6(n, r, w, e, &left, NULL);
	timeout->tv_sec = left.tv_sec;
	timeout->tv_usec = left.tv_nsec / 1000;
	return (int)ret;
}

int raw_pselect(int n, fd_set *r, fd_set *w, fd_set *e,
		const struct timespec *timeout, const sigset_t *mask)
{
	struct timespec left;

	if (timeout)
		left = *timeout;
	return (int)pselect6(n, r, w, e, timeout ? &left : NULL, mask);
}

int raw_close(int fd)
{
	return (int)sys_call(SYS_close, fd);
}

int raw_dup(int fd)
{
	return (int)sys_call(SYS_dup, fd);
}

/* dup3(2) refuses equal numbers, dup2(2) returns them if they are open. */
int raw_dup2(int fd, int to)
{
	if (fd == to)
		return raw_fcntl(fd, F_GETFD, NULL) < 0 ? -1 : to;
	return raw_dup3(fd, to, 0);
}

int raw_dup3(int fd, int to, int flags)
{
	return (int)sys_call(SYS_dup3, fd, to, flags);
}

int raw_fcntl(int fd, int cmd, void *arg)
{
	return (int)sys_call(SYS_fcntl, fd, cmd, arg);
}

int raw_fcntl64(int fd, int cmd, void *arg)
{
	return real.fcntl(fd, cmd, arg);
}

int raw_ioctl(int fd, unsigned long request, void *arg)
{
	return (int)sys_call(SYS_ioctl, fd, request, arg);
}

int raw_epoll_create(int size)
{
	if (size <= 0) {
		errno = EINVAL;
		return -1;
	}
	return raw_epoll_create1(0);
}

int raw_epoll_create1(int flags)
{
	return (int)sys_call(SYS_epoll_create1, flags);
}

int raw_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return (int)sys_call(SYS_epoll_ctl, epfd, op, fd, event);
}

int raw_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	return raw_epoll_pwait(epfd, events, max, timeout, NULL);
}

int raw_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout,
		    const sigset_t *mask)
{
	return (int)sys_call(SYS_epoll_pwait, epfd, events, max, timeout, mask,
			    KERNEL_SIGSET_SIZE);
}

/* Younger than many kernels: ENOSYS is theirs to say. */
int raw_epoll_pwait2(int epfd, struct epoll_event *events, int max,
		     const struct timespec *timeout, const sigset_t *mask)
{
#ifdef SYS_epoll_pwait2
	return (int)sys_call(SYS_epoll_pwait2, epfd, events, max, timeout, mask,
			    KERNEL_SIGSET_SIZE);
#else
	(void)epfd, (void)events, (void)max, (void)timeout, (void)mask;
	errno = ENOSYS;
	return -1;
#endif
}

void raw__exit(int status)
{
	for (;;)
		sys_call(SYS_exit_group, status);
}

void raw__Exit(int status)
{
	raw__exit(status);
}

/* Without libc nobody has registered anything with at_quick_exit(3). */
void raw_quick_exit(int status)
{
	raw__exit(status);
}

int raw_unshare(int flags)
{
	return (int)sys_call(SYS_unshare, flags);
}

int raw_setns(int fd, int type)
{
	return (int)sys_call(SYS_setns, fd, type);
}
