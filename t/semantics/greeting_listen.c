// SPDX-License-Identifier: BSD-2-Clause
/*
 * Listeners whose answers say that they are aware: their options, who inherits
 * them, and servers that accept, or read, late. The near end serves.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

#define LATE_MS 300
#define BEYOND_MS (2 * SEM_HASTY_MS + 50)	/* REPLY is not awaited so long */
#define HEIR "SHUNT_T_HEIR"	/* in the environment: we are the new program */

static char buf[1 << 16];

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	MUST(getsockopt(fd, level, name, &value, &len));
	return value;
}

static void set(int fd, int level, int name, int value)
{
	MUST(setsockopt(fd, level, name, &value, sizeof(value)));
}

/* A socket that is bound to a port of the test address, or to this one. */
static int bound(int port, bool shared, int *got)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, port);
	int fd = sem_socket();

	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (shared)
		set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	MUST(bind(fd, (struct sockaddr *)&addr, len));
	MUST(getsockname(fd, (struct sockaddr *)&addr, &len));
	if (got)
		*got = sem_addr_port(&addr);
	return fd;
}

static struct pair serve(int l, int slot)
{
	return (struct pair){ .fd = (int)MUST(accept(l, NULL, NULL)),
			      .slot = slot };
}

/* The peer connects; we accept, talk, and have it on a lane if it can be. */
static void serve_one(int l, int port, int slot)
{
	struct pair p;

	MUST(peer_do(PEER_CONNECT, slot, port, OPEN_SILENT));
	p = serve(l, slot);
	MUST(peer_send(&p, 10));
	pair_receive(&p, 10);
	pair_warm(&p);
	pair_talk(&p);
	SHOW(close(p.fd));
	SHOW(peer_drain(&p));
	MUST(peer_close(&p));
}

/* It was dialled before we looked at the listener: an ordinary connection. */
static void serve_plainly(int l, int port)
{
	struct pair p;

	MUST(peer_do(PEER_CONNECT, 1, port, OPEN_SILENT));
	p = serve(l, 1);
	pair_talk(&p);
	SHOW(close(p.fd));
	SHOW(peer_drain(&p));
	MUST(peer_close(&p));
}

/* -- late ------------------------------------------------------------------- */

/* So much was sent to it before it was accepted, or before it is read. */
static void late(size_t n, int accept_ms, int read_ms)
{
	int port, l = sem_listen(4, &port);
	struct pair p = { 0 };

	MUST(fcntl(l, F_SETFL, O_NONBLOCK));
	peer_begin(PEER_CONNECT, 0, 0, port, OPEN_SILENT);
	if (accept_ms)
		peer_begin(PEER_SEND, 0, 0, (long)n, 0);
	SHOW(await_events(l, POLLIN));
	nap(accept_ms);
	show_poll(l, POLLIN, 0);
	p.fd = SHOW_FD(accept(l, NULL, NULL));
	SHOW(accept(l, NULL, NULL));
	if (!accept_ms)
		peer_begin(PEER_SEND, 0, 0, (long)n, 0);
	nap(read_ms);
	pair_receive(&p, n);
	SHOW(peer_end());
	SHOW(peer_end());
	pair_talk(&p);
	SHOW(accept(l, NULL, NULL));
	SHOW(peer_close(&p));
	SHOW(recv(p.fd, buf, 1, 0));
}

static void accepts_late(struct pair *p)
{
	late(1000, LATE_MS, 0);
	(void)p;
}

static void accepts_very_late(struct pair *p)
{
	late(1000, BEYOND_MS, 0);
	(void)p;
}

static void reads_late(struct pair *p)
{
	late(1000, 0, BEYOND_MS);
	(void)p;
}

static void reads_much_late(struct pair *p)
{
	late(200 << 10, 0, BEYOND_MS);
	(void)p;
}

/* Nothing was said: each is accepted, and none of them twice. */
static void accepts_silent_late(struct pair *p)
{
	int port, l = sem_listen(8, &port);

	MUST(fcntl(l, F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 3; i++)
		MUST(peer_do(PEER_CONNECT, i, port, OPEN_SILENT));
	nap(BEYOND_MS);
	for (int i = 0; i < 3; i++) {
		struct pair one = serve(l, i);

		pair_talk(&one);
		SHOW(close(one.fd));
		SHOW(peer_drain(&one));
	}
	SHOW(accept(l, NULL, NULL));
	(void)p;
}

/* Both wait for the other's answer: the client in recv(), we elsewhere. */
static void client_waits(struct pair *p)
{
	int port, l = sem_listen(4, &port);

	MUST(peer_do(PEER_CONNECT, 0, port, OPEN_SILENT));
	peer_begin(PEER_RECEIVE, 0, 0, 500, 0);
	*p = serve(l, 0);
	nap(BEYOND_MS);
	pair_send(p, 500);
	SHOW(peer_end());
	SHOW(peer_send(p, 100));
	pair_receive(p, 100);
}

/* -- options ------------------------------------------------------------------ */

static void show_listener(const char *when, int l)
{
	int level = sem_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int name = sem_family == AF_INET6 ? IPV6_TCLASS : IP_TOS;

	say("%s: TCP_MAXSEG %d, TCP_SAVE_SYN %d, class %d, SO_ERROR %d", when,
	    option(l, IPPROTO_TCP, TCP_MAXSEG),
	    option(l, IPPROTO_TCP, TCP_SAVE_SYN), option(l, level, name),
	    fresh_error(l));
}

static void show_saved(int fd)
{
	unsigned char syn[500];
	socklen_t len = sizeof(syn);

	SHOW(getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len));
	say("%s", len == 0 ? "no SYN" : syn[0] >> 4 == 4 ||
	    syn[0] >> 4 == 6 ? "a SYN" : "something");
}

static void options(struct pair *p)
{
	int port, l = bound(0, false, &port);

	show_listener("bound", l);
	SHOW(listen(l, 4));
	show_listener("listening", l);
	MUST(peer_do(PEER_CONNECT, 0, port, OPEN_SILENT));
	*p = serve(l, 0);
	show_listener("accepted", l);
	show_saved(p->fd);
	pair_talk(p);
	SHOW(listen(l, 8));
	show_listener("listening again", l);
}

/* What the application says of its segments is said to its clients. */
static void own_maxseg(struct pair *p)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int port, l = bound(0, false, &port);
	struct pair c = { .fd = sem_socket() }, s;

	set(l, IPPROTO_TCP, TCP_MAXSEG, 1000);
	MUST(listen(l, 4));
	say("TCP_MAXSEG %d", option(l, IPPROTO_TCP, TCP_MAXSEG));
	MUST(fresh_to(c.fd, port));
	MUST(getsockopt(c.fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	say("the client sends %u", info.tcpi_snd_mss);
	s = serve(l, 0);
	both_say(&c, &s, 5000);
	both_say(&s, &c, 5000);
	set(l, IPPROTO_TCP, TCP_MAXSEG, 900);
	say("TCP_MAXSEG %d", option(l, IPPROTO_TCP, TCP_MAXSEG));
	(void)p;
}

static void own_maxseg_later(struct pair *p)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int port, l = bound(0, false, &port), c = sem_socket();

	MUST(listen(l, 4));
	set(l, IPPROTO_TCP, TCP_MAXSEG, 1000);
	say("TCP_MAXSEG %d", option(l, IPPROTO_TCP, TCP_MAXSEG));
	MUST(fresh_to(c, port));
	close((int)MUST(accept(l, NULL, NULL)));
	say("TCP_MAXSEG %d", option(l, IPPROTO_TCP, TCP_MAXSEG));
	MUST(fresh_to(c = sem_socket(), port));
	MUST(getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &len));
	say("the client sends %u", info.tcpi_snd_mss);
	(void)p;
}

static void own_saved_syn(struct pair *p)
{
	int port, l = bound(0, false, &port);

	set(l, IPPROTO_TCP, TCP_SAVE_SYN, 1);
	MUST(listen(l, 4));
	say("TCP_SAVE_SYN %d", option(l, IPPROTO_TCP, TCP_SAVE_SYN));
	MUST(peer_do(PEER_CONNECT, 0, port, OPEN_SILENT));
	*p = serve(l, 0);
	show_saved(p->fd);
	show_saved(p->fd);
	say("TCP_SAVE_SYN %d", option(l, IPPROTO_TCP, TCP_SAVE_SYN));
	pair_talk(p);
}

/*
 * The connection comes with its first bytes, be they ours: when else it is not
 * there is not told (ARCHITECTURE.md, 7).
 */
static void deferred(struct pair *p)
{
	int port, l = bound(0, false, &port);
	struct pair c = { .fd = sem_socket() };

	set(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	MUST(listen(l, 4));
	MUST(fcntl(l, F_SETFL, O_NONBLOCK));
	MUST(fresh_to(c.fd, port));
	show_poll(c.fd, POLLOUT, 0);
	pair_send(&c, 1000);
	show_poll(l, POLLIN, 1000);
	*p = serve(l, 0);
	show_poll(p->fd, POLLIN, 1000);
	pair_receive(p, 1000);
	both_say(p, &c, 2000);
	both_say(&c, p, 2000);
}

static void fast_open(struct pair *p)
{
	int port, l = bound(0, false, &port);

	SHOW(setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN, &(int){ 5 },
			sizeof(int)));
	MUST(listen(l, 4));
	serve_one(l, port, 0);
	serve_one(l, port, 1);
	(void)p;
}

/* -- who accepts -------------------------------------------------------------- */

/* The same number again, at once, and the same port. */
static void again(struct pair *p)
{
	int port, l = bound(0, false, &port), number = l;

	for (int i = 0; i < 4; i++) {
		MUST(listen(l, 4));
		serve_one(l, port, i);
		MUST(close(l));
		l = bound(i % 2 ? port : 0, false, &port);
		if (l != number)
			say("another number");
	}
	(void)p;
}

/* One process, two listeners: the kernel chooses. */
static void group(struct pair *p)
{
	int port, one = bound(0, true, &port), two = bound(port, true, NULL);

	MUST(listen(one, 8));
	MUST(listen(two, 8));
	for (int i = 0; i < 6; i++) {
		struct pollfd fds[] = { { one, POLLIN, 0 }, { two, POLLIN, 0 } };
		struct pair s;

		MUST(peer_do(PEER_CONNECT, i, port, OPEN_SILENT));
		MUST(poll(fds, 2, 5000) == 1 ? 0 : -1);
		s = serve(fds[0].revents ? one : two, i);
		pair_talk(&s);
		pair_warm(&s);
		SHOW(close(s.fd));
		SHOW(peer_drain(&s));
	}
	(void)p;
}

static void of_a_child(struct pair *p)
{
	int port, l = sem_listen(4, &port);
	pid_t pid;

	serve_one(l, port, 0);
	for (int i = 1; i <= 2; i++) {
		pid = fork_child();
		if (pid == 0) {
			serve_one(l, port, i);
			end_child();
		}
		join_child(pid);
	}
	serve_one(l, port, 3);
	(void)p;
}

/* Its parent has it no more, as with a daemon's workers. */
static void of_a_child_alone(struct pair *p)
{
	int port, l = sem_listen(4, &port);
	pid_t pid = fork_child();

	if (pid == 0) {
		serve_one(l, port, 0);
		serve_one(l, port, 1);
		end_child();
	}
	MUST(close(l));
	join_child(pid);
	(void)p;
}

static void pass(int channel, int *fd, bool give)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } c;
	struct iovec iov = { buf, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &c, .msg_controllen = sizeof(c) };

	c.align.cmsg_len = CMSG_LEN(sizeof(int));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&c.align), fd, sizeof(int));
	MUST(give ? sendmsg(channel, &m, 0) : recvmsg(channel, &m, 0));
	memcpy(fd, CMSG_DATA(&c.align), sizeof(int));
}

/* Whoever was dialled before the heir looks at it has an ordinary one. */
static void passed(struct pair *p)
{
	int port, l, channel[2];
	pid_t pid;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, channel));
	pid = fork_child();
	if (pid == 0) {
		pass(channel[1], &l, false);
		MUST(read(channel[1], &port, sizeof(port)));
		serve_plainly(l, port);
		serve_one(l, port, 2);
		serve_one(l, port, 3);
		end_child();
	}
	l = sem_listen(4, &port);
	serve_one(l, port, 0);
	pass(channel[0], &l, true);
	show_listener("given", l);
	MUST(close(l));
	fflush(stdout);
	MUST(write(channel[0], &port, sizeof(port)));
	join_child(pid);
	(void)p;
}

static void serve_as_heir(void)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	MUST(getsockname(3, (struct sockaddr *)&addr, &len));
	show_listener("inherited", 3);
	serve_one(3, sem_addr_port(&addr), 1);
	serve_one(3, sem_addr_port(&addr), 2);
}

/* sd_listen_fds(3): the new program has its listeners from number 3 on. */
static void executed(struct pair *p)
{
	int port, l;

	if (getenv(HEIR)) {
		serve_as_heir();
		return;
	}
	l = sem_listen(4, &port);
	serve_one(l, port, 0);
	if (l != 3)
		MUST(dup2(l, 3));
	setenv("LISTEN_FDS", "1", 1);
	setenv(HEIR, "yes", 1);
	fflush(stdout);
	execl("/proc/self/exe", "sem", "--role", "near",
	      sem_family == AF_INET6 ? "-6" : "-4", "--side",
	      sem_is_client ? "client" : "server", "executed", (char *)NULL);
	broken("exec: %s", errno_name(errno));
	(void)p;
}

/* An IPv4 client of a listener on the IPv6 wildcard. */
static void dual_stack(struct pair *p)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(any);
	int l = (int)MUST(socket(AF_INET6, SOCK_STREAM, 0));

	set(l, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	MUST(bind(l, (struct sockaddr *)&any, len));
	MUST(listen(l, 4));
	MUST(getsockname(l, (struct sockaddr *)&any, &len));
	say("TCP_MAXSEG %d", option(l, IPPROTO_TCP, TCP_MAXSEG));
	serve_one(l, ntohs(any.sin6_port), 0);
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "accepts_late", SEM_ONCE, accepts_late, "the client has spoken, accepted 300 ms later" },
	{ "accepts_very_late", SEM_ONCE | SEM_HASTY, accepts_very_late,
	  "... after the client's patience" },
	{ "accepts_silent_late", SEM_ONCE | SEM_HASTY, accepts_silent_late,
	  "three clients that say nothing" },
	{ "reads_late", SEM_ONCE | SEM_HASTY, reads_late, "accepted, and read much later" },
	{ "reads_much_late", SEM_ONCE | SEM_HASTY, reads_much_late, "... 200 KiB" },
	{ "client_waits", SEM_ONCE | SEM_HASTY, client_waits,
	  "accepted, and spoken to much later" },
	{ "options", SEM_ONCE, options, "a listener's options, as if it had no mark" },
	{ "own_maxseg", SEM_ONCE, own_maxseg, "TCP_MAXSEG of the application" },
	{ "own_maxseg_later", SEM_ONCE, own_maxseg_later, "... set while it listens" },
	{ "own_saved_syn", SEM_ONCE, own_saved_syn, "TCP_SAVE_SYN of the application" },
	{ "deferred", SEM_ONCE, deferred, "TCP_DEFER_ACCEPT" },
	{ "fast_open", SEM_ONCE | SEM_MOVES, fast_open, "TCP_FASTOPEN" },
	{ "again", SEM_ONCE | SEM_MOVES, again, "close and listen, by the same number" },
	{ "group", SEM_ONCE | SEM_MOVES, group, "SO_REUSEPORT" },
	{ "of_a_child", SEM_ONCE | SEM_MOVES | SEM_PROCS, of_a_child,
	  "parent and children accept" },
	{ "of_a_child_alone", SEM_ONCE | SEM_MOVES | SEM_PROCS, of_a_child_alone,
	  "the parent closes, a child accepts" },
	{ "passed", SEM_ONCE | SEM_MOVES | SEM_PROCS, passed, "SCM_RIGHTS to an older process" },
	{ "executed", SEM_ONCE | SEM_MOVES | SEM_PROCS, executed, "exec, LISTEN_FDS" },
	{ "dual_stack", SEM_ONCE | SEM_MOVES, dual_stack, "IPv4 on the IPv6 wildcard" },
	{ 0 }
};
