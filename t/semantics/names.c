/* SPDX-License-Identifier: BSD-2-Clause */
/* getsockname and getpeername in each state. */
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

typedef int name_call(int, struct sockaddr *, socklen_t *);

/* The kernel fills in the family, our address, and any port but zero. */
static int show_name(const char *what, name_call *call, int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int port;

	memset(&addr, 0x55, sizeof(addr));
	if (call(fd, (struct sockaddr *)&addr, &len) < 0) {
		say("%s = -1 %s", what, errno_name(errno));
		return -1;
	}
	port = sem_addr_port(&addr);
	say("%s = length %u, %s, %s", what, len,
	    sem_addr_is_ours(&addr) ? "the test address" : "another address",
	    port ? "a port" : "no port");
	return port;
}

static void connected(struct pair *p)
{
	int mine = show_name("name", getsockname, p->fd);
	int other = show_name("peer", getpeername, p->fd);

	say("ports %s", mine == other ? "equal" : "differ");
	pair_send(p, 1000);
	SHOW(peer_receive(p, 1000));
	say("%s", show_name("name", getsockname, p->fd) == mine ? "same" : "changed");
	say("%s", show_name("peer", getpeername, p->fd) == other ? "same" : "changed");
}

static void unconnected(struct pair *p)
{
	int s = sem_socket(), port, l = sem_listen(1, &port);

	show_name("fresh: name", getsockname, s);
	show_name("fresh: peer", getpeername, s);
	show_name("listening: name", getsockname, l);
	show_name("listening: peer", getpeername, l);
	close(s);
	show_name("closed: name", getsockname, s);
	show_name("closed: peer", getpeername, s);
	show_name("file: name", getsockname, 0);
	show_name("file: peer", getpeername, 0);
	(void)p;
}

static void truncated(struct pair *p)
{
	unsigned char room[40];

	for (unsigned size = 0; size <= 32; size += 4) {
		socklen_t len = size;

		memset(room, 0x55, sizeof(room));
		SHOW(getsockname(p->fd, (struct sockaddr *)room, &len));
		say("length %u of %u, next byte %s", len, size,
		    room[size] == 0x55 ? "untouched" : "written");
		len = size;
		memset(room, 0x55, sizeof(room));
		SHOW(getpeername(p->fd, (struct sockaddr *)room, &len));
		say("length %u of %u, next byte %s", len, size,
		    room[size] == 0x55 ? "untouched" : "written");
	}
}

static void wrong(struct pair *p)
{
	struct sockaddr_storage addr;
	socklen_t len = -1;

	SHOW(getsockname(p->fd, (struct sockaddr *)&addr, &len));
	SHOW(getpeername(p->fd, (struct sockaddr *)&addr, &len));
	SHOW(getsockname(p->fd, (struct sockaddr *)&addr, nowhere()));
	SHOW(getpeername(p->fd, (struct sockaddr *)&addr, nowhere()));
	len = sizeof(addr);
	SHOW(getsockname(p->fd, nowhere(), &len));
	len = sizeof(addr);
	SHOW(getpeername(p->fd, nowhere(), &len));
}

static void peer_half_closed(struct pair *p)
{
	peer_shutdown(p, SHUT_WR);
	await_end(p->fd);
	show_name("name", getsockname, p->fd);
	show_name("peer", getpeername, p->fd);
	SHOW(shutdown(p->fd, SHUT_RD));
	show_name("peer", getpeername, p->fd);
}

/* Both ways closed, in the order that leaves no time-wait with us. */
static void all_closed(struct pair *p)
{
	peer_close(p);
	await_end(p->fd);
	show_name("peer closed: peer", getpeername, p->fd);
	SHOW(shutdown(p->fd, SHUT_WR));
	for (int i = 0; i < 2000; i++) {
		struct sockaddr_storage addr;
		socklen_t len = sizeof(addr);

		if (getpeername(p->fd, (struct sockaddr *)&addr, &len) < 0)
			break;
		nap(1);
	}
	show_name("all closed: name", getsockname, p->fd);
	show_name("all closed: peer", getpeername, p->fd);
}

static void after_reset(struct pair *p)
{
	peer_reset(p);
	if (!await_events(p->fd, POLLHUP))
		say("no POLLHUP");
	show_name("name", getsockname, p->fd);
	show_name("peer", getpeername, p->fd);
}

/* What accept said is what getpeername says, and the other end's name. */
static void accepted(struct pair *p)
{
	struct sockaddr_storage a, b;
	socklen_t alen = sizeof(a), blen = sizeof(b);
	int port, l = sem_listen(4, &port);
	char byte;

	peer_begin(PEER_CONNECT, 0, 0, port, OPEN_PING);
	p->fd = (int)MUST(accept(l, (struct sockaddr *)&a, &alen));
	MUST(recv(p->fd, &byte, 1, 0));
	MUST(peer_end());
	MUST(getpeername(p->fd, (struct sockaddr *)&b, &blen));
	SHOW(alen == blen && !memcmp(&a, &b, alen));
	MUST(getsockname(p->fd, (struct sockaddr *)&b, &blen));
	SHOW(sem_addr_port(&b) == port);
}

static void bound(struct pair *p)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, 0);
	int s = sem_socket(), port;
	long server = peer_do(PEER_LISTEN, 0, 4, 0);

	SHOW(bind(s, (struct sockaddr *)&addr, len));
	port = show_name("bound: name", getsockname, s);
	show_name("bound: peer", getpeername, s);
	peer_begin(PEER_ACCEPT, 0, 0, OPEN_PING, 0);
	sem_addr(&addr, (int)server);
	SHOW(connect(s, (struct sockaddr *)&addr, len));
	SHOW(send(s, "!", 1, 0));
	MUST(peer_end());
	say("%s", show_name("name", getsockname, s) == port ? "kept" : "changed");
	SHOW(show_name("peer", getpeername, s) == server);
	p->fd = s;
}

const struct sem_case sem_cases[] = {
	{ "connected", LANE, connected, "both names of a connection" },
	{ "unconnected", SEM_ONCE, unconnected, "fresh, listening, closed, a file" },
	{ "truncated", LANE, truncated, "room for less than a name" },
	{ "wrong", LANE | SEM_NO_TSAN, wrong, "EINVAL and EFAULT" },
	{ "peer_half_closed", LANE, peer_half_closed, "after the peer's SHUT_WR" },
	{ "all_closed", LANE, all_closed, "ENOTCONN when both ways are closed" },
	{ "after_reset", LANE, after_reset, "ENOTCONN after a reset" },
	{ "accepted", SEM_ONCE, accepted, "accept's address is getpeername's" },
	{ "bound", SEM_ONCE, bound, "bind before connect keeps the port" },
	{ 0 }
};
