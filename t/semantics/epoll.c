/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll: creating, registering, waiting, by every name it has. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "sem.h"

#define MOST 64

static char buf[1 << 16];
static volatile int signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static const char *names(uint32_t events, char *text, size_t size)
{
	/* The low bits are poll's; the words above them cannot be reported. */
	return events_name((short)(events & 0xffff), text, size);
}

static int new_set(void)
{
	return (int)MUST(epoll_create1(EPOLL_CLOEXEC));
}

static int change(int set, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	return epoll_ctl(set, op, fd, &e);
}

static void add(int set, int fd, uint32_t events, uint64_t data)
{
	MUST(change(set, EPOLL_CTL_ADD, fd, events, data));
}

/* Print n events in the order of their data, not of their arrival. */
static int show_events(const char *what, struct epoll_event *e, int n)
{
	char text[80];

	if (n < 0)
		say("%s = -1 %s", what, errno_name(errno));
	else
		say("%s = %d", what, n);
	for (int done = 0; done < n; done++) {
		int least = 0;

		for (int i = 1; i < n; i++)
			if (e[i].data.u64 < e[least].data.u64)
				least = i;
		say("  %#llx: %s", (unsigned long long)e[least].data.u64,
		    names(e[least].events, text, sizeof(text)));
		e[least].data.u64 = ~0ull;
	}
	return n;
}

static int show_wait(int set, int ms)
{
	struct epoll_event e[MOST];

	return show_events("epoll_wait", e, epoll_wait(set, e, MOST, ms));
}

static void creation(struct pair *p)
{
	int a = SHOW_FD(epoll_create(1)), b = SHOW_FD(epoll_create1(0));
	int c = SHOW_FD(epoll_create1(EPOLL_CLOEXEC));

	say("%d %d %d", fcntl(a, F_GETFD), fcntl(b, F_GETFD), fcntl(c, F_GETFD));
	say("%d", b - a);
	SHOW(epoll_create(0));
	SHOW(epoll_create(opaque(-1)));
	SHOW(epoll_create1(1));
	show_wait(a, 0);
	show_wait(a, 20);
	(void)p;
}

static void level(struct pair *p)
{
	int set = new_set();

	SHOW(change(set, EPOLL_CTL_ADD, p->fd, EPOLLIN, 0x11));
	show_wait(set, 0);
	peer_send(p, 10);
	show_wait(set, -1);
	show_wait(set, -1);
	pair_receive(p, 4);
	show_wait(set, -1);
	pair_receive(p, 6);
	show_wait(set, 0);
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, EPOLLIN | EPOLLOUT, 0x12));
	show_wait(set, -1);
	show_wait(set, 0);
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, 0, 0x13));
	show_wait(set, 0);
	SHOW(change(set, EPOLL_CTL_DEL, p->fd, 0, 0));
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	show_wait(set, 0);
}

static void edge(struct pair *p)
{
	int set = new_set();

	add(set, p->fd, EPOLLIN | EPOLLET, 0x21);
	show_wait(set, 0);
	peer_send(p, 10);
	show_wait(set, -1);
	show_wait(set, 0);
	pair_receive(p, 4);
	show_wait(set, 0);
	peer_send(p, 10);
	show_wait(set, -1);
	show_wait(set, 0);
	pair_receive(p, 16);
	show_wait(set, 0);
	peer_shutdown(p, SHUT_WR);
	show_wait(set, -1);
	show_wait(set, 0);
	SHOW(recv(p->fd, buf, 1, 0));
	show_wait(set, 0);
}

/* What comes between a read that got all it asked for and the next wait. */
static void edge_between(struct pair *p)
{
	int set = new_set();

	add(set, p->fd, EPOLLIN | EPOLLET, 0x22);
	show_wait(set, 0);
	for (int left = 0; left < 12; left += 4) {
		peer_send(p, 8 + left);
		show_wait(set, -1);
		pair_receive(p, 8);
		peer_send(p, 8);
		await_bytes(p->fd, 8 + left);
		show_wait(set, 1000);
		show_wait(set, 0);
		pair_receive(p, 8 + left);
	}
	show_wait(set, 0);
}

/* An epoll set in another, whose number is closed while it has something. */
static void nested_closed(struct pair *p)
{
	int outer = new_set(), inner = new_set(), ends[2];

	MUST(pipe(ends));
	MUST(write(ends[1], "x", 1));
	add(inner, ends[0], EPOLLIN, 1);
	add(inner, p->fd, EPOLLIN, 2);
	add(outer, inner, EPOLLIN, 3);
	show_wait(outer, -1);
	SHOW(close(inner));
	show_wait(outer, 0);
	inner = new_set();
	add(inner, p->fd, EPOLLIN, 4);
	add(outer, inner, EPOLLIN, 5);
	show_wait(outer, 0);
	peer_send(p, 10);
	show_wait(outer, 1000);
	show_wait(inner, 0);
}

/* In and out of the other, which has many, many times: told of all the same. */
static void nested_often(struct pair *p)
{
	int outer = new_set(), inner = new_set();

	add(inner, p->fd, EPOLLIN, 1);
	for (int i = 0; i < 20; i++)
		add(outer, new_set(), EPOLLIN, 9);
	for (int i = 0; i < 20; i++) {
		add(outer, inner, EPOLLIN, 2);
		MUST(change(outer, EPOLL_CTL_DEL, inner, 0, 0));
	}
	add(outer, inner, EPOLLIN, 3);
	for (int i = 0; i < 3; i++) {
		peer_send(p, 10);
		show_wait(outer, 1000);
		show_wait(inner, 0);
		pair_receive(p, 10);
		show_wait(outer, 0);
	}
}

/* A set that comes from elsewhere, as another process's would. */
static void from_elsewhere(struct pair *p)
{
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } c;
	struct iovec iov = { buf, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = &c, .msg_controllen = sizeof(c) };
	int set = new_set(), ends[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	memset(&c, 0, sizeof(c));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	c.align.cmsg_len = CMSG_LEN(sizeof(set));
	memcpy(CMSG_DATA(&c.align), &set, sizeof(set));
	MUST(sendmsg(ends[0], &msg, 0));
	close(set);
	MUST(recvmsg(ends[1], &msg, 0));
	memcpy(&set, CMSG_DATA(&c.align), sizeof(set));
	add(set, p->fd, EPOLLIN, 0x51);
	show_wait(set, 0);
	for (int i = 0; i < 3; i++) {
		peer_send(p, 10);
		show_wait(set, 1000);
		pair_receive(p, 10);
	}
	show_wait(set, 0);
	pair_talk(p);
}

static void *register_it(void *arg)
{
	int *of = arg;	/* a set, an fd, and when to begin */
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = 7 };

	while (!__atomic_load_n(&of[2], __ATOMIC_ACQUIRE))
		;
	epoll_ctl(of[0], EPOLL_CTL_ADD, of[1], &e);
	return NULL;
}

/* connect() in one thread, epoll_ctl() in another, at the same time. */
static void while_connecting(struct pair *p)
{
	struct epoll_event e;
	int port, told = 0, l = sem_listen(64, &port);
	pthread_t thread;

	for (int i = 0; i < 40; i++) {
		int of[3] = { new_set(), sem_socket(), 0 }, far;

		MUST(pthread_create(&thread, NULL, register_it, of));
		__atomic_store_n(&of[2], 1, __ATOMIC_RELEASE);
		MUST(fresh_to(of[1], port));
		far = (int)MUST(accept(l, NULL, NULL));
		pthread_join(thread, NULL);
		MUST(send(far, buf, 10, 0));
		await_bytes(of[1], 10);
		told += epoll_wait(of[0], &e, 1, 1000) == 1;
		close(far);
		close(of[1]);
		close(of[0]);
	}
	say("%d", told);
	(void)p;
}

/* Data that is there when it is registered, or asked for again. */
static void edge_late(struct pair *p)
{
	int set = new_set();

	peer_send(p, 10);
	await_bytes(p->fd, 10);
	add(set, p->fd, EPOLLIN | EPOLLET, 0x31);
	show_wait(set, -1);
	show_wait(set, 0);
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, EPOLLIN | EPOLLET, 0x32));
	show_wait(set, -1);
	show_wait(set, 0);
	SHOW(change(set, EPOLL_CTL_DEL, p->fd, 0, 0));
	add(set, p->fd, EPOLLOUT | EPOLLET, 0x33);
	show_wait(set, -1);
	show_wait(set, 0);
}

/* The loop every edge-triggered program has: read until EAGAIN, wait. */
static void edge_loop(struct pair *p)
{
	struct epoll_event e;
	int set = new_set();
	size_t done = 0;
	bool good = true;

	MUST(fcntl(p->fd, F_SETFL, O_RDWR | O_NONBLOCK));
	add(set, p->fd, EPOLLIN | EPOLLET, 0x41);
	peer_begin(PEER_SEND, p->slot, 0, 8 << 20, 0);
	while (good && done < 8 << 20) {
		ssize_t r;

		if (epoll_wait(set, &e, 1, 5000) != 1) {
			say("not woken after %zu", done);
			break;
		}
		while ((r = recv(p->fd, buf, sizeof(buf), 0)) > 0) {
			good &= pair_check(p, buf, r)[0] == 'g';
			done += r;
		}
		good &= r < 0 && errno == EAGAIN;
	}
	say("%zu %s", done, good ? "good" : "BAD");
	SHOW(peer_end());
}

/* The same for writing: until EAGAIN, wait for EPOLLOUT. */
static void edge_write_loop(struct pair *p)
{
	struct epoll_event e;
	int set = new_set();
	size_t done = 0, all = 8 << 20;

	MUST(fcntl(p->fd, F_SETFL, O_RDWR | O_NONBLOCK));
	add(set, p->fd, EPOLLOUT | EPOLLET, 0x42);
	peer_begin(PEER_RECEIVE, p->slot, 30, all, 0);
	while (done < all) {
		ssize_t r = 1;

		if (epoll_wait(set, &e, 1, 5000) != 1) {
			say("not woken after %zu", done);
			break;
		}
		while (r > 0 && done < all) {
			size_t left = all - done;

			pair_next(p, buf, sizeof(buf));
			r = send(p->fd, buf, left < sizeof(buf) ? left :
				 sizeof(buf), MSG_NOSIGNAL);
			done += r > 0 ? r : 0;
			p->tx += r > 0 ? r : 0;
		}
	}
	SHOW(peer_end());
}

static void one_shot(struct pair *p)
{
	int set = new_set();

	add(set, p->fd, EPOLLIN | EPOLLONESHOT, 0x51);
	peer_send(p, 10);
	show_wait(set, -1);
	show_wait(set, 0);
	peer_send(p, 10);
	await_bytes(p->fd, 20);
	show_wait(set, 0);
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, EPOLLIN | EPOLLONESHOT, 0x52));
	show_wait(set, -1);
	show_wait(set, 0);
	peer_close(p);
	nap(50);
	show_wait(set, 0);
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, EPOLLRDHUP | EPOLLONESHOT, 0x53));
	show_wait(set, -1);
}

static void exclusive(struct pair *p)
{
	int set = new_set();

	SHOW(change(set, EPOLL_CTL_ADD, p->fd, EPOLLIN | EPOLLEXCLUSIVE, 0x61));
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, EPOLLIN, 0x62));
	peer_send(p, 10);
	show_wait(set, -1);
	SHOW(change(set, EPOLL_CTL_DEL, p->fd, 0, 0));
	SHOW(change(set, EPOLL_CTL_ADD, p->fd,
		    EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0x63));
	SHOW(change(set, EPOLL_CTL_ADD, p->fd, EPOLLIN, 0x64));
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, EPOLLIN | EPOLLEXCLUSIVE, 0x65));
}

static void ends(struct pair *p)
{
	int set = new_set();

	add(set, p->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI, 0x71);
	show_wait(set, -1);
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, EPOLLRDHUP, 0x72));
	show_wait(set, 0);
	peer_later(p, 30, PEER_SHUTDOWN, SHUT_WR, 0);
	show_wait(set, -1);
	peer_end();
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, EPOLLIN | EPOLLRDHUP, 0x73));
	show_wait(set, -1);
	SHOW(change(set, EPOLL_CTL_MOD, p->fd, 0, 0x74));
	show_wait(set, 0);
	SHOW(shutdown(p->fd, SHUT_WR));
	show_wait(set, -1);
	SHOW(close(p->fd));
	p->fd = -1;
	show_wait(set, 0);
}

static void reset(struct pair *p)
{
	int set = new_set();

	add(set, p->fd, EPOLLIN | EPOLLRDHUP, 0x81);
	peer_later(p, 30, PEER_RESET, 0, 0);
	show_wait(set, -1);
	peer_end();
	SHOW(recv(p->fd, buf, 1, 0));
	show_wait(set, -1);
}

static void wrong(struct pair *p)
{
	int set = new_set(), other = new_set(), pipes[2];
	int file = (int)MUST(open("/proc/self/exe", O_RDONLY));
	struct epoll_event e;

	SHOW(change(set, EPOLL_CTL_MOD, p->fd, EPOLLIN, 1));
	SHOW(change(set, EPOLL_CTL_DEL, p->fd, EPOLLIN, 1));
	add(set, p->fd, EPOLLIN, 1);
	SHOW(change(set, EPOLL_CTL_ADD, p->fd, EPOLLIN, 1));
	SHOW(change(set, 77, p->fd, EPOLLIN, 1));
	SHOW(change(set, EPOLL_CTL_ADD, 999, EPOLLIN, 1));
	SHOW(change(set, EPOLL_CTL_ADD, -1, EPOLLIN, 1));
	SHOW(change(-1, EPOLL_CTL_ADD, p->fd, EPOLLIN, 1));
	SHOW(change(999, EPOLL_CTL_ADD, p->fd, EPOLLIN, 1));
	SHOW(change(p->fd, EPOLL_CTL_ADD, set, EPOLLIN, 1));
	SHOW(change(set, EPOLL_CTL_ADD, set, EPOLLIN, 1));
	SHOW(change(set, EPOLL_CTL_ADD, file, EPOLLIN, 1));
	SHOW(epoll_ctl(set, EPOLL_CTL_MOD, p->fd, nowhere()));
	SHOW(epoll_ctl(set, EPOLL_CTL_DEL, p->fd, NULL));
	SHOW(epoll_wait(p->fd, &e, 1, 0));
	SHOW(epoll_wait(-1, &e, 1, 0));
	SHOW(epoll_wait(set, &e, opaque(0), 0));
	SHOW(epoll_wait(set, &e, opaque(-1), 0));
	MUST(pipe(pipes));
	add(other, pipes[1], EPOLLOUT, 1);
	SHOW(epoll_wait(other, nowhere(), 1, 0));
	add(set, p->fd, EPOLLOUT, 1);
	SHOW(epoll_wait(set, nowhere(), 1, 0));
}

static void timeouts(struct pair *p)
{
	int set = new_set();
	struct timespec t = { 0, 60000000 }, bad = { 0, 1000000000 };
	struct epoll_event e[4];
	long since = now_ms();

	add(set, p->fd, EPOLLIN, 1);
	show_wait(set, 60);
	say("%s", now_ms() - since < 60 ? "too early" : "in time");
	since = now_ms();
	SHOW(epoll_pwait(set, e, 4, 60, NULL));
	say("%s", now_ms() - since < 60 ? "too early" : "in time");
	since = now_ms();
	SHOW(epoll_pwait2(set, e, 4, &t, NULL));
	say("%s", now_ms() - since < 60 ? "too early" : "in time");
	say("%s", t.tv_nsec == 60000000 ? "unchanged" : "changed");
	t = (struct timespec){ 0, 0 };
	SHOW(epoll_pwait2(set, e, 4, &t, NULL));
	SHOW(epoll_pwait2(set, e, 4, &bad, NULL));
	peer_later(p, 30, PEER_SEND, 10, 0);
	SHOW(epoll_pwait2(set, e, 4, NULL, NULL));
	peer_end();
	SHOW(epoll_pwait(set, e, 4, -1, NULL));
	show_wait(set, opaque(-77));
}

static void masks(struct pair *p)
{
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct timespec t = { 0, 40000000 };
	struct epoll_event e[4];
	sigset_t block, none;
	int set = new_set();

	sigaction(SIGUSR1, &a, NULL);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	add(set, p->fd, EPOLLIN, 1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	SHOW(epoll_wait(set, e, 4, 40));
	SHOW(epoll_pwait(set, e, 4, -1, &none));
	SHOW(signals);
	raise(SIGUSR1);
	SHOW(epoll_pwait2(set, e, 4, &t, &block));
	SHOW(epoll_pwait2(set, e, 4, NULL, &none));
	SHOW(signals);
}

static void pipes_beside(struct pair *p)
{
	int set = new_set(), pipes[2];

	MUST(pipe(pipes));
	add(set, pipes[0], EPOLLIN, 0xa1);
	show_wait(set, 0);
	add(set, p->fd, EPOLLIN, 0xa2);
	MUST(write(pipes[1], "x", 1));
	show_wait(set, -1);
	peer_send(p, 10);
	await_bytes(p->fd, 10);
	show_wait(set, -1);
	MUST(read(pipes[0], buf, 1));
	show_wait(set, -1);
	pair_receive(p, 10);
	show_wait(set, 20);
	peer_later(p, 30, PEER_SEND, 10, 0);
	show_wait(set, -1);
	peer_end();
	close(pipes[1]);
	show_wait(set, -1);
}

const struct sem_case sem_cases[] = {
	{ "creation", SEM_ONCE, creation, "create, create1, empty sets" },
	{ "level", LANE, level, "level-triggered; ADD, MOD, DEL" },
	{ "edge", LANE, edge, "EPOLLET tells of news once" },
	{ "edge_between", LANE, edge_between, "EPOLLET of what comes before the next wait" },
	{ "nested_closed", LANE, nested_closed, "a set in a set ends by its last number" },
	{ "nested_often", LANE, nested_often, "a set that was put into another twenty times" },
	{ "from_elsewhere", LANE, from_elsewhere, "a set that was not seen being made" },
	{ "while_connecting", SEM_ONCE | SEM_NO_TSAN, while_connecting, "beside connect" },
	{ "edge_late", LANE, edge_late, "EPOLLET of what is already there" },
	{ "edge_loop", LANE, edge_loop, "8 MiB in by EPOLLET until EAGAIN" },
	{ "edge_write_loop", LANE, edge_write_loop, "8 MiB out by EPOLLET until EAGAIN" },
	{ "one_shot", LANE, one_shot, "EPOLLONESHOT" },
	{ "exclusive", LANE, exclusive, "EPOLLEXCLUSIVE and what it excludes" },
	{ "ends", LANE, ends, "EPOLLRDHUP, EPOLLHUP, close" },
	{ "reset", LANE, reset, "EPOLLERR" },
	{ "wrong", LANE, wrong, "ENOENT EEXIST EBADF EPERM EINVAL EFAULT" },
	{ "timeouts", LANE, timeouts, "by all three waits" },
	{ "masks", LANE, masks, "signal masks of both pwaits" },
	{ "pipes_beside", LANE, pipes_beside, "a pipe beside a connection" },
	{ 0 }
};
