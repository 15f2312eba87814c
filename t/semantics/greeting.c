// SPDX-License-Identifier: BSD-2-Clause
/*
 * What two aware ends say to each other first is seen by nobody: connections
 * whose both ends are in one thread, which therefore may not wait for itself;
 * every first thing that can be done with one; its names and options.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "sem.h"

#define SOON_MS 1500	/* loaded machines; a time that runs out is longer */

static char buf[1 << 16];

static int nonblocking(void)
{
	return (int)MUST(socket(sem_family, SOCK_STREAM | SOCK_NONBLOCK, 0));
}

static void works(struct pair *a, struct pair *b)
{
	both_say(a, b, 1000);
	both_say(b, a, 2000);
}

/* -- both ends in one thread ------------------------------------------------ */

static void one_thread(struct pair *p)
{
	int port, l = sem_listen(4, &port);
	struct pair c = { .fd = sem_socket() }, s = { 0 };
	long since = now_ms();

	SHOW(fresh_to(c.fd, port));
	SHOW(fresh_error(c.fd));
	SHOW(fresh_to(c.fd, port));
	s.fd = SHOW_FD(accept(l, NULL, NULL));
	show_names("accepted", c.fd, s.fd);
	works(&c, &s);
	show_time("they", since, SOON_MS);
	show_names("greeted", c.fd, s.fd);
	both_warm(&c, &s);
	show_names("warm", c.fd, s.fd);
	SHOW(fresh_to(c.fd, port));
	works(&s, &c);
	(void)p;
}

static void one_thread_nonblocking(struct pair *p)
{
	int port, l = sem_listen(4, &port);
	struct pair c = { .fd = nonblocking() }, s = { 0 };
	long since = now_ms();

	MUST(fcntl(l, F_SETFL, O_NONBLOCK));
	SHOW(fresh_to(c.fd, port));
	show_poll(c.fd, POLLOUT, 5000);
	SHOW(fresh_error(c.fd));
	SHOW(fresh_to(c.fd, port));
	SHOW(fresh_to(c.fd, port));
	show_poll(l, POLLIN, 0);
	s.fd = SHOW_FD(accept4(l, NULL, NULL, SOCK_NONBLOCK));
	SHOW(accept(l, NULL, NULL));
	show_names("accepted", c.fd, s.fd);
	SHOW(recv(c.fd, buf, 1, 0));
	SHOW(recv(s.fd, buf, 1, 0));
	both_pump(&c, &s, 1000, 2000);
	show_time("they", since, SOON_MS);
	both_warm(&c, &s);
	show_names("warm", c.fd, s.fd);
	(void)p;
}

/* Nothing is read before both have spoken, and then the other way round. */
static void who_speaks_first(struct pair *p)
{
	long since = now_ms();
	struct both b;

	both_open(&b);
	works(&b.client, &b.server);
	both_close(&b);
	both_open(&b);
	works(&b.server, &b.client);
	both_close(&b);
	for (int client = 0; client <= 1; client++) {
		struct pair *one, *two;

		both_open(&b);
		one = client ? &b.client : &b.server;
		two = client ? &b.server : &b.client;
		pair_send(one, 3000);
		pair_send(two, 2000);
		pair_receive(one, 2000);
		pair_receive(two, 3000);
		say("both");
		works(one, two);
		both_close(&b);
	}
	show_time("they", since, SOON_MS);
	(void)p;
}

/* The client has spoken before there is an accepted end. */
static void before_accept(struct pair *p)
{
	int port, l = sem_listen(4, &port);
	struct pair c = { .fd = sem_socket() }, s = { 0 };
	long since = now_ms();

	SHOW(fresh_to(c.fd, port));
	pair_send(&c, 5000);
	show_poll(c.fd, POLLIN | POLLOUT, 0);
	s.fd = SHOW_FD(accept(l, NULL, NULL));
	pair_receive(&s, 5000);
	works(&s, &c);
	show_time("they", since, SOON_MS);
	both_warm(&c, &s);
	(void)p;
}

/* More than is kept before the other end has answered. */
static void large(struct pair *p)
{
	static const size_t amounts[][2] = {
		{ 200 << 10, 0 }, { 0, 200 << 10 }, { 200 << 10, 200 << 10 },
	};
	struct both b;

	for (size_t i = 0; i < 3; i++) {
		both_open(&b);
		both_pump(&b.client, &b.server, amounts[i][0], amounts[i][1]);
		works(&b.client, &b.server);
		both_close(&b);
	}
	(void)p;
}

/* -- readiness --------------------------------------------------------------- */

/* At once when it is fresh; later a lane may be on its way for a moment. */
static void show_both_polled(const char *when, const struct both *b, int ms)
{
	struct pollfd fds[] = {
		{ .fd = b->client.fd, .events = POLLIN | POLLOUT | POLLRDHUP },
		{ .fd = b->server.fd, .events = POLLIN | POLLOUT | POLLRDHUP },
	};
	long end = now_ms() + ms;
	char one[80], two[80];
	int r;

	while ((r = poll(fds, 2, 0)) < 2 && now_ms() < end)
		nap(1);
	say("%s: poll = %d, %s and %s", when, r,
	    events_name(fds[0].revents, one, 80),
	    events_name(fds[1].revents, two, 80));
}

static void writable_by_poll(struct pair *p)
{
	struct both b;

	for (int i = 0; i < 2; i++) {
		both_open(&b);
		show_both_polled("fresh", &b, 0);
		show_both_polled("again", &b, SOON_MS);
		pair_send(i ? &b.client : &b.server, 100);
		SHOW(await_events(i ? b.server.fd : b.client.fd, POLLIN));
		show_both_polled("one has sent", &b, SOON_MS);
		pair_receive(i ? &b.server : &b.client, 100);
		show_both_polled("and the other read", &b, SOON_MS);
		works(&b.client, &b.server);
		both_close(&b);
	}
	(void)p;
}

/* Where nothing is outstanding a send takes a few bytes, moving or not. */
static void never_refused(struct pair *p)
{
	int refused = 0, full = 0, i, turn;
	struct both b;
	char some[10];

	for (i = 0; i < 3; i++) {
		both_open(&b);
		for (turn = 0; turn < 200; turn++) {
			struct pair *from = turn % 2 ? &b.client : &b.server;
			struct pair *to = turn % 2 ? &b.server : &b.client;
			struct pollfd out = { .fd = from->fd,
					      .events = POLLOUT };

			full += poll(&out, 1, 0) != 1;
			refused += send(from->fd, some, sizeof(some),
					MSG_DONTWAIT) != sizeof(some);
			MUST(recv(to->fd, some, sizeof(some), MSG_WAITALL));
			if (turn % 4 == 0)	/* a lane takes its time */
				nap(1);
		}
		works(&b.client, &b.server);
		both_close(&b);
	}
	say("%d refused, %d not writable", refused, full);
	(void)p;
}

static void writable_by_select(struct pair *p)
{
	struct timeval none = { 0, 0 };
	struct both b;
	fd_set in, out;
	int r;

	both_open(&b);
	FD_ZERO(&in);
	FD_SET(b.client.fd, &in);
	FD_SET(b.server.fd, &in);
	out = in;
	r = select(b.server.fd + 1, &in, &out, NULL, &none);
	say("select = %d, client %d%d, server %d%d", r,
	    !!FD_ISSET(b.client.fd, &in), !!FD_ISSET(b.client.fd, &out),
	    !!FD_ISSET(b.server.fd, &in), !!FD_ISSET(b.server.fd, &out));
	works(&b.server, &b.client);
	(void)p;
}

static void show_set(const char *when, int set, const struct both *b, int ms)
{
	struct epoll_event events[4];
	uint32_t client = 0, server = 0;
	long end = now_ms() + ms;
	char one[80], two[80];
	int r;

	while ((r = epoll_wait(set, events, 4, 0)) < 2 && now_ms() < end)
		nap(1);
	for (int i = 0; i < r; i++)
		if (events[i].data.fd == b->client.fd)
			client = events[i].events;
		else
			server = events[i].events;
	say("%s: epoll_wait = %d, %s and %s", when, r,
	    events_name(client, one, 80), events_name(server, two, 80));
}

static void add(int set, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
}

static void writable_by_epoll(struct pair *p)
{
	struct both b;

	for (int edge = 0; edge < 2; edge++) {
		uint32_t all = EPOLLIN | EPOLLOUT | (edge ? EPOLLET : 0);
		int set = (int)MUST(epoll_create1(0));

		both_open(&b);
		add(set, b.client.fd, all);
		add(set, b.server.fd, all);
		show_set("fresh", set, &b, 0);
		if (!edge)
			show_set("again", set, &b, SOON_MS);
		pair_send(&b.server, 100);
		SHOW(await_events(b.client.fd, POLLIN));
		if (!edge)
			show_set("one has sent", set, &b, SOON_MS);
		works(&b.client, &b.server);
		both_close(&b);
		close(set);
	}
	(void)p;
}

/* The listener, clients, and their servers in one set, as event loops are. */
#define CLIENTS 6
#define PART 10000

struct loop {
	int set, listener, ready;
	struct pair ends[2 * CLIENTS];
	int count;
};

static void loop_add(struct loop *loop, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events,
				     .data.u32 = loop->count };

	loop->ends[loop->count++] = (struct pair){ .fd = fd };
	MUST(epoll_ctl(loop->set, EPOLL_CTL_ADD, fd, &event));
}

/* A client sends its part, a server what it has got; both until PART. */
static void loop_end(struct loop *loop, int i)
{
	struct pair *p = &loop->ends[i];
	bool is_client = i < CLIENTS;
	uint64_t end = is_client ? PART : p->rx;
	ssize_t r = recv(p->fd, buf, 3000, 0);

	if (r > 0 && strcmp(pair_check(p, buf, r), "good") != 0)
		broken("wrong data");
	end = is_client ? end : p->rx;
	while (p->tx < end) {
		pair_next(p, buf, end - p->tx);
		r = send(p->fd, buf, end - p->tx, MSG_NOSIGNAL);
		if (r <= 0)
			break;
		p->tx += r;
		loop->ready += !is_client && p->tx == PART;
	}
}

static void event_loop(struct pair *p)
{
	struct loop loop = { .set = (int)MUST(epoll_create1(0)) };
	struct epoll_event events[8], listens = { .events = EPOLLIN,
						  .data.u32 = 1000 };
	long since = now_ms();
	int port, got = 0;

	loop.listener = sem_listen(8, &port);
	MUST(epoll_ctl(loop.set, EPOLL_CTL_ADD, loop.listener, &listens));
	for (int i = 0; i < CLIENTS; i++) {
		int fd = nonblocking();

		fresh_to(fd, port);
		loop_add(&loop, fd, EPOLLIN | EPOLLOUT);
	}
	while (got < CLIENTS) {
		int n = epoll_wait(loop.set, events, 8, 5000);

		if (n <= 0)
			broken("stuck with %d of %d", got, CLIENTS);
		for (int i = 0; i < n; i++)
			if (events[i].data.u32 == 1000)
				loop_add(&loop, (int)MUST(accept4(loop.listener,
					 NULL, NULL, SOCK_NONBLOCK)), EPOLLIN | EPOLLOUT);
			else
				loop_end(&loop, events[i].data.u32);
		for (int i = got = 0; i < CLIENTS; i++)
			got += loop.ends[i].rx == PART;
	}
	say("%d clients, %d servers", got, loop.ready);
	show_time("they", since, SOON_MS);
	(void)p;
}

/* -- every first touch -------------------------------------------------------- */

struct touch {
	const char *name;
	long (*run)(struct pair *p);	/* sends this much; 0: nothing */
};

static long by_peek(struct pair *p)
{
	SHOW(recv(p->fd, buf, 10, MSG_PEEK | MSG_DONTWAIT));
	return 0;
}

static long by_pending(struct pair *p)
{
	int bytes = -1;

	SHOW(ioctl(p->fd, FIONREAD, &bytes));
	say("%d bytes", bytes);
	return 0;
}

static long by_unsent(struct pair *p)
{
	int bytes = -1;

	SHOW(ioctl(p->fd, SIOCOUTQ, &bytes));
	say("%d bytes", bytes);
	return 0;
}

static long by_timed_receive(struct pair *p)
{
	struct timeval t = { 0, 20000 }, never = { 0, 0 };
	long since = now_ms();

	SHOW(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	SHOW(recv(p->fd, buf, 10, MSG_WAITALL));
	say("%s", now_ms() - since < 18 ? "too early" : "not too early");
	MUST(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never)));
	return 0;
}

static long by_nothing(struct pair *p)
{
	SHOW(recv(p->fd, buf, 0, MSG_DONTWAIT));
	SHOW(send(p->fd, buf, 0, 0));
	return 0;
}

static long by_writev(struct pair *p)
{
	struct iovec iov[] = { { buf, 60 }, { buf + 60, 0 }, { buf + 60, 40 } };

	return SHOW(writev(p->fd, iov, 3));
}

static long by_write(struct pair *p)
{
	return SHOW(write(p->fd, buf, 100));
}

static long by_sendmmsg(struct pair *p)
{
	struct iovec iov[] = { { buf, 60 }, { buf + 60, 40 } };
	struct mmsghdr m[2] = { 0 };

	m[0].msg_hdr.msg_iov = &iov[0];
	m[1].msg_hdr.msg_iov = &iov[1];
	m[0].msg_hdr.msg_iovlen = m[1].msg_hdr.msg_iovlen = 1;
	SHOW(sendmmsg(p->fd, m, 2, 0));
	return 100;
}

static long by_sendfile(struct pair *p)
{
	int file = (int)MUST(memfd_create("touch", 0));
	off_t at = 0;
	long n;

	MUST(write(file, buf, 100));
	n = SHOW(sendfile(p->fd, file, &at, 100));
	close(file);
	return n;
}

static long by_splice(struct pair *p)
{
	int ends[2];
	long n;

	MUST(pipe(ends));
	MUST(write(ends[1], buf, 100));
	n = SHOW(splice(ends[0], NULL, p->fd, NULL, 100, 0));
	close(ends[0]);
	close(ends[1]);
	return n;
}

static long by_more(struct pair *p)
{
	SHOW(send(p->fd, buf, 60, MSG_MORE));
	SHOW(send(p->fd, buf + 60, 40, 0));
	return 100;
}

static const struct touch touches[] = {
	{ "MSG_PEEK", by_peek }, { "FIONREAD", by_pending },
	{ "SIOCOUTQ", by_unsent }, { "SO_RCVTIMEO", by_timed_receive },
	{ "nothing", by_nothing }, { "writev", by_writev },
	{ "write", by_write }, { "sendmmsg", by_sendmmsg },
	{ "sendfile", by_sendfile }, { "splice", by_splice },
	{ "MSG_MORE", by_more },
};

/* Once by the client, once by the server. */
static void first_touch(struct pair *p)
{
	for (size_t i = 0; i < sizeof(touches) / sizeof(touches[0]); i++)
		for (int client = 0; client <= 1; client++) {
			struct pair *one, *two;
			struct both b;
			long n;

			both_open(&b);
			one = client ? &b.client : &b.server;
			two = client ? &b.server : &b.client;
			say("-- %s by the %s", touches[i].name,
			    client ? "client" : "server");
			pair_next(one, buf, 100);
			n = touches[i].run(one);
			one->tx += n;
			pair_receive(two, n);
			works(two, one);
			both_close(&b);
		}
	(void)p;
}

/* Out-of-band bytes are TCP's: nothing that was held may be overtaken. */
static void urgent(struct pair *p)
{
	struct both b;

	for (int client = 0; client <= 1; client++)
		for (int held = 0; held <= 1; held++) {
			struct pair *one, *two;

			both_open(&b);
			one = client ? &b.client : &b.server;
			two = client ? &b.server : &b.client;
			if (held)
				pair_send(one, 500);
			SHOW(send(one->fd, "u", 1, MSG_OOB | MSG_NOSIGNAL));
			if (held)
				pair_receive(two, 500);
			SHOW(await_events(two->fd, POLLPRI));
			SHOW(recv(two->fd, buf, 1, MSG_OOB));
			say("%c", buf[0]);
			works(one, two);
			both_close(&b);
		}
	(void)p;
}

/* What is held counts as not sent yet, and is gone when it was accepted. */
static void unsent(struct pair *p)
{
	int port, l = sem_listen(4, &port), bytes = -1;
	struct pair c = { .fd = sem_socket() }, s = { 0 };
	long end = now_ms() + 3000;

	SHOW(fresh_to(c.fd, port));
	pair_send(&c, 1000);
	s.fd = SHOW_FD(accept(l, NULL, NULL));
	SHOW(await_events(s.fd, POLLIN));
	while (ioctl(c.fd, SIOCOUTQ, &bytes) == 0 && bytes && now_ms() < end)
		nap(1);
	say("%d bytes are unsent", bytes);
	await_bytes(s.fd, 1000);
	SHOW(ioctl(s.fd, FIONREAD, &bytes));
	say("%d bytes are there", bytes);
	pair_receive(&s, 1000);
	works(&s, &c);
	(void)p;
}

/* There is nothing urgent; whoever asks for it has no lane. */
static void urgent_awaited(struct pair *p)
{
	struct both b;

	for (int client = 0; client <= 1; client++) {
		both_open(&b);
		SHOW(recv(client ? b.client.fd : b.server.fd, buf, 1, MSG_OOB));
		works(&b.client, &b.server);
		both_close(&b);
	}
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "one_thread", SEM_ONCE | SEM_MOVES, one_thread, "connect, then accept, blocking" },
	{ "one_thread_nonblocking", SEM_ONCE | SEM_MOVES, one_thread_nonblocking,
	  "the same without blocking" },
	{ "who_speaks_first", SEM_ONCE, who_speaks_first, "the client, the server, or both" },
	{ "before_accept", SEM_ONCE | SEM_MOVES, before_accept,
	  "the client speaks, then it is accepted" },
	{ "large", SEM_ONCE, large, "200 KiB there, back, and both" },
	{ "never_refused", SEM_ONCE | SEM_MOVES, never_refused,
	  "a small send with nothing outstanding" },
	{ "writable_by_poll", SEM_ONCE, writable_by_poll, "both ends are writable at once" },
	{ "writable_by_select", SEM_ONCE, writable_by_select, "... by select" },
	{ "writable_by_epoll", SEM_ONCE, writable_by_epoll, "... by epoll" },
	{ "event_loop", SEM_ONCE, event_loop, "six clients and servers in a set" },
	{ "first_touch", SEM_ONCE, first_touch, "everything that can be done first" },
	{ "urgent", SEM_ONCE, urgent, "MSG_OOB first, and behind bytes that are held" },
	{ "urgent_awaited", SEM_ONCE, urgent_awaited, "recv(MSG_OOB) first" },
	{ "unsent", SEM_ONCE, unsent, "SIOCOUTQ and FIONREAD of held bytes" },
	{ 0 }
};
