/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl: what is pending, what is unsent, non-blocking, urgent mark. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

static int pending(int fd)
{
	int n = -1;

	SHOW(ioctl(fd, FIONREAD, &n));
	return n;
}

static void readable(struct pair *p)
{
	say("%d", pending(p->fd));
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	say("%d", pending(p->fd));
	peer_send(p, 5000);
	await_bytes(p->fd, 5010);
	say("%d", pending(p->fd));
	pair_receive(p, 3000);
	say("%d", pending(p->fd));
	SHOW(recv(p->fd, buf, 1000, MSG_PEEK));
	say("%d", pending(p->fd));
	pair_receive(p, 2010);
	say("%d", pending(p->fd));
	peer_send(p, 60000);
	await_bytes(p->fd, 60000);
	say("%d", pending(p->fd));
	pair_receive(p, 60000);
}

static void readable_at_end(struct pair *p)
{
	peer_send(p, 10);
	peer_shutdown(p, SHUT_WR);
	await_end(p->fd);
	say("%d", pending(p->fd));
	pair_receive(p, 10);
	say("%d", pending(p->fd));
	SHOW(recv(p->fd, buf, 1, 0));
	say("%d", pending(p->fd));
}

static void nonblocking(struct pair *p)
{
	int on = 1, off = 0;

	SHOW(ioctl(p->fd, FIONBIO, &on));
	SHOW(fcntl(p->fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
	SHOW(recv(p->fd, buf, 10, 0));
	SHOW(ioctl(p->fd, FIONBIO, &off));
	SHOW(fcntl(p->fd, F_GETFL) == O_RDWR);
	peer_later(p, 40, PEER_SEND, 10, 0);
	SHOW(recv(p->fd, buf, 10, 0));
	peer_end();
}

static void close_on_exec(struct pair *p)
{
	SHOW(ioctl(p->fd, FIOCLEX));
	SHOW(fcntl(p->fd, F_GETFD));
	SHOW(ioctl(p->fd, FIONCLEX));
	SHOW(fcntl(p->fd, F_GETFD));
}

/* Everything read by the peer: nothing is left unsent, sooner or later. */
static void unsent(struct pair *p)
{
	int n = -1, rounds = 0;

	SHOW(ioctl(p->fd, SIOCOUTQ, &n));
	pair_send(p, 1000);
	SHOW(peer_receive(p, 1000));
	do {
		nap(1);
		MUST(ioctl(p->fd, SIOCOUTQ, &n));
	} while (n != 0 && ++rounds < 2000);
	say("unsent %d", n);
	SHOW(ioctl(p->fd, SIOCOUTQNSD, &n));
	say("not sent %d", n);
}

static void full(struct pair *p)
{
	int n = -1;
	ssize_t r;

	/* Refused once it may only be on its way to the peer's host. */
	for (int refused = 0; refused < 5;) {
		pair_next(p, buf, sizeof(buf));
		r = send(p->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		refused = r > 0 ? 0 : refused + 1;
		p->tx += r > 0 ? r : 0;
		if (r < 0)
			nap(50);
	}
	SHOW(ioctl(p->fd, SIOCOUTQ, &n));
	say("unsent %s", n > 0 ? "some" : "none");
}

static void mark(struct pair *p)
{
	int n = -1;

	SHOW(ioctl(p->fd, SIOCATMARK, &n));
	say("at mark %d", n);
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	SHOW(ioctl(p->fd, SIOCATMARK, &n));
	say("at mark %d", n);
}

static void wrong(struct pair *p)
{
	int n = 0, s = sem_socket(), port, l = sem_listen(1, &port);

	SHOW(ioctl(p->fd, 0x12345678, &n));
	SHOW(ioctl(p->fd, TIOCGWINSZ, buf));
	SHOW(ioctl(-1, FIONREAD, &n));
	SHOW(ioctl(999, FIONREAD, &n));
	SHOW(ioctl(s, FIONREAD, &n));
	say("%d", n);
	SHOW(ioctl(s, SIOCOUTQ, &n));
	say("%d", n);
	SHOW(ioctl(l, FIONREAD, &n));
	SHOW(ioctl(l, SIOCOUTQ, &n));
	close(s);
	close(l);
}

static void faults(struct pair *p)
{
	SHOW(ioctl(p->fd, FIONBIO, nowhere()));
	SHOW(ioctl(p->fd, FIONREAD, nowhere()));
	SHOW(ioctl(p->fd, SIOCOUTQ, nowhere()));
}

static void interface(struct pair *p)
{
	struct ifreq request = { .ifr_name = "lo" };

	SHOW(ioctl(p->fd, SIOCGIFINDEX, &request));
	say("index %d", request.ifr_ifindex);
	SHOW(ioctl(p->fd, SIOCGIFFLAGS, &request));
}

static void owner(struct pair *p)
{
	int pid = getpid(), got = 0;

	SHOW(ioctl(p->fd, FIOSETOWN, &pid));
	SHOW(ioctl(p->fd, SIOCGPGRP, &got));
	SHOW(got == pid);
}

const struct sem_case sem_cases[] = {
	{ "readable", LANE, readable, "FIONREAD with known amounts" },
	{ "readable_at_end", LANE, readable_at_end, "FIONREAD before and at EOF" },
	{ "nonblocking", LANE, nonblocking, "FIONBIO" },
	{ "close_on_exec", LANE, close_on_exec, "FIOCLEX and FIONCLEX" },
	{ "unsent", LANE, unsent, "SIOCOUTQ goes down to zero" },
	{ "full", LANE, full, "SIOCOUTQ of a full connection" },
	{ "mark", LANE, mark, "SIOCATMARK without urgent data" },
	{ "wrong", LANE, wrong, "ENOTTY, EBADF, wrong states" },
	{ "faults", LANE, faults, "EFAULT" },
	{ "interface", LANE, interface, "an interface request passes through" },
	{ "owner", LANE, owner, "FIOSETOWN" },
	{ 0 }
};
