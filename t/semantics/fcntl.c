/* SPDX-License-Identifier: BSD-2-Clause */
/* fcntl and fcntl64 on a connection. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

static void take(struct pair *p, int fd, size_t n)
{
	long r = recv(fd, buf, n, MSG_WAITALL);

	if (r < 0)
		say("recv = -1 %s", errno_name(errno));
	else
		say("recv = %ld, %s", r, pair_check(p, buf, r));
}

static void nonblocking(struct pair *p)
{
	SHOW(fcntl(p->fd, F_GETFL) == O_RDWR);
	SHOW(fcntl(p->fd, F_SETFL, O_RDWR | O_NONBLOCK));
	SHOW(fcntl(p->fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
	SHOW(read(p->fd, buf, 10));
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(recv(p->fd, buf, 10, MSG_WAITALL));
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	SHOW(recv(p->fd, buf, 100, MSG_WAITALL));
	p->rx += 10;
	SHOW(fcntl(p->fd, F_SETFL, 0));
	SHOW(fcntl(p->fd, F_GETFL) == O_RDWR);
	peer_later(p, 40, PEER_SEND, 10, 0);
	take(p, p->fd, 10);
	peer_end();
}

static void nonblocking64(struct pair *p)
{
	SHOW(fcntl64(p->fd, F_SETFL, O_NONBLOCK));
	SHOW(fcntl64(p->fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(fcntl64(p->fd, F_SETFL, 0));
	SHOW(fcntl(p->fd, F_GETFL) == O_RDWR);
}

/* Signals come of the socket: refused on a lane, and then nothing changes. */
static void signals(struct pair *p)
{
	int ret = fcntl(p->fd, F_SETFL, O_ASYNC | O_NONBLOCK);

	say("%d", ret == 0 || errno == EOPNOTSUPP);
	say("%d", !(fcntl(p->fd, F_GETFL) & O_ASYNC) == (ret < 0));
}

static void flags_kept(struct pair *p)
{
	SHOW(fcntl(p->fd, F_SETFL, O_APPEND | O_NONBLOCK));
	say("%#x", fcntl(p->fd, F_GETFL));
	SHOW(fcntl(p->fd, F_SETFL, 0));
	say("%#x", fcntl(p->fd, F_GETFL));
}

static void duplicates(struct pair *p)
{
	int a = fcntl(p->fd, F_DUPFD, 50), b, c;

	SHOW(a);
	b = (int)SHOW(fcntl(p->fd, F_DUPFD_CLOEXEC, 50));
	c = (int)SHOW(fcntl64(p->fd, F_DUPFD, 50));
	SHOW(fcntl(a, F_GETFD));
	SHOW(fcntl(b, F_GETFD));
	peer_send(p, 40);
	take(p, a, 10);
	take(p, b, 10);
	take(p, c, 10);
	SHOW(close(p->fd));
	take(p, a, 10);
	SHOW(close(a));
	SHOW(close(b));
	p->fd = c;
	pair_send(p, 100);
	SHOW(peer_receive(p, 100));
	SHOW(close(c));
	p->fd = -1;
	SHOW(peer_drain(p));
}

static void duplicate_wrong(struct pair *p)
{
	SHOW(fcntl(p->fd, F_DUPFD, -1));
	SHOW(fcntl(p->fd, F_DUPFD, 0x7fffffff));
	SHOW(fcntl(999, F_DUPFD, 0));
	SHOW(fcntl(-1, F_GETFL));
	SHOW(fcntl(999, F_GETFD));
	SHOW(fcntl(p->fd, 9999));
	SHOW(fcntl(p->fd, F_GETLK, nowhere()));
}

static void close_on_exec(struct pair *p)
{
	SHOW(fcntl(p->fd, F_GETFD));
	SHOW(fcntl(p->fd, F_SETFD, FD_CLOEXEC));
	SHOW(fcntl(p->fd, F_GETFD));
	SHOW(fcntl64(p->fd, F_SETFD, 0));
	SHOW(fcntl64(p->fd, F_GETFD));
}

static void owner(struct pair *p)
{
	struct f_owner_ex o = { F_OWNER_PID, getpid() };

	SHOW(fcntl(p->fd, F_GETOWN));
	SHOW(fcntl(p->fd, F_SETOWN, getpid()));
	SHOW(fcntl(p->fd, F_GETOWN) == getpid());
	SHOW(fcntl(p->fd, F_SETOWN_EX, &o));
	SHOW(fcntl(p->fd, F_GETOWN_EX, &o));
	SHOW(o.type == F_OWNER_PID && o.pid == getpid());
	SHOW(fcntl(p->fd, F_SETSIG, SIGUSR1));
	SHOW(fcntl(p->fd, F_GETSIG));
	SHOW(fcntl(p->fd, F_SETOWN, 0));
}

static void others(struct pair *p)
{
	SHOW(fcntl(p->fd, F_GETPIPE_SZ));
	SHOW(fcntl(p->fd, F_ADD_SEALS, 0));
	SHOW(fcntl(p->fd, F_SETLEASE, F_RDLCK));
	SHOW(fcntl(p->fd, F_NOTIFY, 0));
}

const struct sem_case sem_cases[] = {
	{ "nonblocking", LANE, nonblocking, "O_NONBLOCK on and off" },
	{ "nonblocking64", LANE, nonblocking64, "the same by fcntl64" },
	{ "signals", LANE, signals, "O_ASYNC works or is refused" },
	{ "flags_kept", LANE, flags_kept, "which flags are kept" },
	{ "duplicates", LANE, duplicates, "F_DUPFD and F_DUPFD_CLOEXEC" },
	{ "wrong", LANE, duplicate_wrong, "EINVAL, EBADF, EFAULT" },
	{ "close_on_exec", LANE, close_on_exec, "F_GETFD and F_SETFD" },
	{ "owner", LANE, owner, "F_SETOWN and its relatives" },
	{ "others", LANE, others, "commands that mean nothing on a socket" },
	{ 0 }
};
