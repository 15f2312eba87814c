/* SPDX-License-Identifier: BSD-2-Clause */
/* syscall(2) with the numbers of calls on sockets. */
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

#ifdef SYS_poll
#define SYS(name, ...) syscall(SYS_##name, __VA_ARGS__)
#else
#define SYS(name, ...) name(__VA_ARGS__)
#endif

static void sends(struct pair *p)
{
	struct iovec v = { buf, 100 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct mmsghdr mm = { .msg_hdr = m };
	int total = 0;

	pair_next(p, buf, 100);
	total += SHOW(syscall(SYS_write, p->fd, buf, 100L));
	p->tx += 100;
	pair_next(p, buf, 100);
	total += SHOW(syscall(SYS_writev, p->fd, &v, 1));
	p->tx += 100;
	pair_next(p, buf, 100);
	total += SHOW(syscall(SYS_sendto, p->fd, buf, 100L, 0, NULL, 0L));
	p->tx += 100;
	pair_next(p, buf, 100);
	total += SHOW(syscall(SYS_sendmsg, p->fd, &m, 0));
	p->tx += 100;
	pair_next(p, buf, 100);
	SHOW(syscall(SYS_sendmmsg, p->fd, &mm, 1, 0));
	p->tx += 100;
	SHOW(peer_receive(p, total + 100));
}

static void receives(struct pair *p)
{
	struct iovec v = { buf, 100 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct mmsghdr mm = { .msg_hdr = m };

	peer_send(p, 500);
	await_bytes(p->fd, 500);
	SHOW(syscall(SYS_read, p->fd, buf, 100L));
	say("%s", pair_check(p, buf, 100));
	SHOW(syscall(SYS_readv, p->fd, &v, 1));
	say("%s", pair_check(p, buf, 100));
	SHOW(syscall(SYS_recvfrom, p->fd, buf, 100L, 0, NULL, NULL));
	say("%s", pair_check(p, buf, 100));
	SHOW(syscall(SYS_recvmsg, p->fd, &m, 0));
	say("%s", pair_check(p, buf, 100));
	SHOW(syscall(SYS_recvmmsg, p->fd, &mm, 1, 0, NULL));
	say("%s", pair_check(p, buf, 100));
	SHOW(syscall(SYS_recvfrom, p->fd, buf, 100L, MSG_DONTWAIT, NULL, NULL));
}

/* Less than the whole, by no less than a clock can tell. */
static bool most_of_5s(const struct timespec *left)
{
	return left->tv_sec == 4 || (left->tv_sec == 5 && left->tv_nsec == 0);
}

static void waits(struct pair *p)
{
	struct pollfd fd = { .fd = p->fd, .events = POLLIN };
	struct timespec left = { 5, 0 };
	struct epoll_event event = { .events = EPOLLIN, .data.fd = 7 }, got;
	struct { const void *mask; size_t size; } none = { NULL, 8 };
	int set = (int)SHOW_FD(syscall(SYS_epoll_create1, 0));
	fd_set r;

	SHOW(syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, p->fd, &event));
	SHOW(syscall(SYS_epoll_pwait, set, &got, 1, 0, NULL, 8L));
	SHOW(SYS(poll, &fd, 1L, 0));
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	SHOW(SYS(poll, &fd, 1L, 1000));
	SHOW(syscall(SYS_ppoll, &fd, 1L, &left, NULL, 8L));
	say("left %d", most_of_5s(&left));
	FD_ZERO(&r);
	FD_SET(p->fd, &r);
	left = (struct timespec){ 5, 0 };
	SHOW(syscall(SYS_pselect6, p->fd + 1, &r, NULL, NULL, &left, &none));
	say("left %d", most_of_5s(&left));
	SHOW(syscall(SYS_epoll_pwait, set, &got, 1, 1000, NULL, 8L));
	say("%d", got.data.fd);
	SHOW(syscall(SYS_read, p->fd, buf, 100L));
	say("%s", pair_check(p, buf, 10));
}

static void numbers(struct pair *p)
{
	int copy = (int)SHOW_FD(syscall(SYS_dup, p->fd)), n = 0;

	pair_next(p, buf, 10);
	SHOW(syscall(SYS_write, copy, buf, 10L));
	p->tx += 10;
	SHOW(peer_receive(p, 10));
	SHOW(syscall(SYS_dup3, p->fd, copy, 0) == copy);
	SHOW(syscall(SYS_close, copy));
	copy = (int)SHOW_FD(syscall(SYS_fcntl, p->fd, F_DUPFD, 50L));
	SHOW(syscall(SYS_fcntl, copy, F_GETFD));
	pair_next(p, buf, 10);
	SHOW(syscall(SYS_write, copy, buf, 10L));
	p->tx += 10;
	SHOW(peer_receive(p, 10));
	peer_send(p, 10);
	await_bytes(copy, 10);
	SHOW(syscall(SYS_ioctl, copy, FIONREAD, &n));
	SHOW(n);
	SHOW(syscall(SYS_close, p->fd));
	SHOW(read(copy, buf, 100));
	SHOW(syscall(SYS_shutdown, copy, SHUT_WR));
	SHOW(peer_drain(p));
	SHOW(syscall(SYS_close, copy));
	SHOW(syscall(SYS_close, copy));
	p->fd = -1;
}

/* A connection that only syscall() has made. */
static void connects(struct pair *p)
{
	struct sockaddr_storage addr;
	socklen_t len;
	long port;
	int fd;

	port = MUST(peer_do(PEER_LISTEN, 0, 4, 0));
	fd = (int)SHOW_FD(syscall(SYS_socket, sem_family, SOCK_STREAM, 0));
	len = sem_addr(&addr, (int)port);
	peer_begin(PEER_ACCEPT, 1, 0, OPEN_PING, 0);
	SHOW(syscall(SYS_connect, fd, &addr, (long)len));
	SHOW(syscall(SYS_connect, fd, &addr, (long)len));
	data_fill(buf, 1, 0);
	SHOW(syscall(SYS_write, fd, buf, 1L));
	SHOW(peer_end());
	len = sizeof(addr);
	SHOW(syscall(SYS_getpeername, fd, &addr, &len));
	say("%d", sem_addr_port(&addr) == port);
	SHOW(syscall(SYS_close, fd));
	(void)p;
}

static void others(struct pair *p)
{
	int ends[2];

	SHOW(syscall(SYS_getpid) == getpid());
	SHOW(syscall(SYS_pipe2, ends, 0));
	SHOW(syscall(SYS_write, ends[1], "abc", 3L));
	SHOW(syscall(SYS_read, ends[0], buf, 10L));
	SHOW(syscall(SYS_read, -1, buf, 10L));
	SHOW(syscall(SYS_close, -1));
	SHOW(syscall(SYS_ppoll, NULL, 0L, &(struct timespec){ 0, 1 }, NULL, 8L));
	SHOW(syscall(100000L));
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "sends", LANE, sends, "write writev sendto sendmsg sendmmsg" },
	{ "receives", LANE, receives, "read readv recvfrom recvmsg recvmmsg" },
	{ "waits", LANE, waits, "poll ppoll pselect6 epoll" },
	{ "numbers", LANE, numbers, "dup dup3 fcntl ioctl shutdown close" },
	{ "connects", SEM_ONCE, connects, "socket connect getpeername" },
	{ "others", SEM_ONCE, others, "numbers that concern no connection" },
	{ 0 }
};
