// SPDX-License-Identifier: BSD-2-Clause
/*
 * One end of one connection, as t/property/run plans it: sends and reads
 * amounts of random size, in one of several styles, breaks its RDMA runtime
 * at the planned moment, and checks each byte it reads, because a byte is a
 * function of its sender and offset. What both ends must know of each other
 * is in a page they share.
 *
 *	side NAME=VALUE...
 *
 * Exit status: 0, or 1 with a line that says what is wrong.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_MOST 262144
#define DONE_TRIES 4000		/* of 5 ms: the peer takes no longer */

static struct plan {
	long role;	/* 0 connects, 1 accepts */
	long page;	/* fd of the shared page */
	long seed;
	long send;	/* bytes that we send; rude: then close */
	long expect;	/* bytes that the peer's program is to send */
	long chunk;	/* most bytes per call */
	long pause;	/* of 1000 calls so many are followed by a nap */
	long rests;	/* naps, spread evenly over what is sent */
	long small;	/* kernel socket buffers of this size; 0: default */
	long at, ms;	/* when to break the runtime: bytes, milliseconds */
	long leave;	/* bytes after which to leave the lane; 0: never */
	long lenient;	/* errors may be; 2: and bytes may be missing */
	const char *style, *end, *rules;
} plan = { .chunk = 65536, .style = "block", .end = "half", .rules = "" };

static const struct {
	const char *name;
	long *number;
	const char **text;
} names[] = {
	{ "role", &plan.role, NULL },	  { "page", &plan.page, NULL },
	{ "seed", &plan.seed, NULL },	  { "send", &plan.send, NULL },
	{ "expect", &plan.expect, NULL }, { "chunk", &plan.chunk, NULL },
	{ "pause", &plan.pause, NULL },	  { "small", &plan.small, NULL },
	{ "at", &plan.at, NULL },	  { "ms", &plan.ms, NULL },
	{ "lenient", &plan.lenient, NULL },
	{ "leave", &plan.leave, NULL },
	{ "style", NULL, &plan.style },	  { "end", NULL, &plan.end },
	{ "rests", &plan.rests, NULL },	  { "rules", NULL, &plan.rules },
};

static struct page {
	atomic_int port;
	struct {
		atomic_long sending;	/* bytes that a call was made with */
		atomic_int ended;	/* shutdown() or close() was called */
		atomic_int done;
	} side[2];
} *page;

static int fd;
static atomic_long sent, got;
static atomic_int failed;	/* an errno that a lenient plan allows */
static bool tx_over, rx_over;

__attribute__((format(printf, 1, 2), noreturn)) static void
wrong(const char *format, ...)
{
	va_list args;

	printf("%s: WRONG: ", plan.role ? "passive" : "active");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" (sent %ld of %ld, got %ld of %ld)\n", (long)sent, plan.send,
	       (long)got, plan.expect);
	fflush(stdout);
	_exit(1);
}

/* A thread's own dice, so that the other's timing does not change them. */
static __thread uint64_t dice;

static unsigned long roll(unsigned long below)
{
	dice = dice * 6364136223846793005U + 1442695040888963407U;
	return (unsigned long)(dice >> 33) % below;
}

static void nap_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void perhaps_nap(void)
{
	if ((long)roll(1000) < plan.pause)
		nap_ms((long)roll(30));
}

/* So that a short stream lives long enough for a lane and its failure. */
static void rest(void)
{
	static long rested;

	if (rested < plan.rests && sent >= plan.send * rested / plan.rests) {
		rested++;
		nap_ms((long)roll(20));
	}
}

static unsigned char byte_of(long role, long offset)
{
	uint64_t mixed = (uint64_t)(offset * 2 + role) * 0x9e3779b97f4a7c15U;

	return (unsigned char)(mixed >> 40 ^ mixed >> 56);
}

/* The peer may have ended rudely: that an error comes then is right. */
static void ended_by(const char *call, int error)
{
	if (!plan.lenient)
		wrong("%s: %s", call, strerror(error));
	if (error != ECONNRESET && error != EPIPE)
		wrong("%s of a reset connection: %s", call, strerror(error));
	failed = error;
	tx_over = rx_over = true;
}

static size_t amount(void)
{
	size_t most = (size_t)(roll(4) ? plan.chunk : 16);

	return 1 + roll(most);
}

static void check(const unsigned char *bytes, long from, ssize_t n)
{
	ssize_t i;

	if (from + n > page->side[!plan.role].sending)
		wrong("%zd bytes that were not sent yet at %ld", n, from);
	for (i = 0; i < n; i++)
		if (bytes[i] != byte_of(!plan.role, from + i))
			wrong("byte %ld is %02x, not %02x", from + i, bytes[i],
			      byte_of(!plan.role, from + i));
}

static void read_end(void)
{
	if (got < plan.expect && !plan.lenient)
		wrong("the stream ends early");
	/* The error is told once, and the other thread may hear it. */
	for (int i = 0; plan.lenient && !failed && i < 100; i++)
		nap_ms(1);
	if (!failed && !page->side[!plan.role].ended)
		wrong("the stream ends before the peer ends it");
	if (!failed && plan.lenient < 2 && got < page->side[!plan.role].sending)
		wrong("an orderly end before all of %ld bytes",
		      (long)page->side[!plan.role].sending);
	rx_over = true;
}

/* One read of some kind. False: nothing to read now. */
static bool read_some(int flags)
{
	static __thread unsigned char bytes[CHUNK_MOST];
	size_t n = amount(), first = roll(n) + 1;
	struct iovec iov[2] = { { bytes, first }, { bytes + first, n - first } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t ret;

	if (roll(16) == 0)
		flags |= MSG_PEEK;
	ret = roll(2) ? recv(fd, bytes, n, flags) : recvmsg(fd, &msg, flags);
	perhaps_nap();
	if (ret < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (ret < 0) {
		ended_by("recv", errno);
	} else if (ret == 0) {
		read_end();
	} else {
		check(bytes, got, ret);
		if (!(flags & MSG_PEEK))
			got += ret;
	}
	return true;
}

static bool send_some(int flags)
{
	static __thread unsigned char bytes[CHUNK_MOST];
	size_t i, first, n = amount();
	struct iovec iov[2];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t ret;

	rest();
	if (plan.rests && (long)n > plan.send / plan.rests + 1)
		n = (size_t)(plan.send / plan.rests + 1);
	if ((long)n > plan.send - sent)
		n = (size_t)(plan.send - sent);
	for (i = 0; i < n; i++)
		bytes[i] = byte_of(plan.role, sent + (long)i);
	first = roll(n + 1);
	iov[0] = (struct iovec){ bytes, first };
	iov[1] = (struct iovec){ bytes + first, n - first };
	page->side[plan.role].sending = sent + (long)n;
	flags |= MSG_NOSIGNAL;
	ret = roll(2) ? send(fd, bytes, n, flags) : sendmsg(fd, &msg, flags);
	perhaps_nap();
	if (ret < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (ret < 0) {
		ended_by("send", errno);
		return true;
	}
	if (ret == 0)
		wrong("send took nothing");
	sent += ret;
	page->side[plan.role].sending = (long)sent;
	return true;
}

/* All is sent: what this end does about it before the peer's end is seen. */
static void sent_all(void)
{
	tx_over = true;
	page->side[plan.role].sending = (long)sent;
	if (!strcmp(plan.end, "kill")) {
		page->side[plan.role].ended = page->side[plan.role].done = 1;
		kill(getpid(), SIGKILL);
	}
	if (!strcmp(plan.end, "rude")) {
		rx_over = true;
		return;
	}
	if (strcmp(plan.end, "half") != 0) {
		rx_over |= plan.expect == 0;
		return;
	}
	page->side[plan.role].ended = 1;
	if (shutdown(fd, SHUT_WR) && !plan.lenient)
		wrong("shutdown: %s", strerror(errno));
}

/* Blocking, with a thread per direction. */

static void *sender(void *arg)
{
	dice = (uint64_t)plan.seed * 3 + 1;
	while (!tx_over && sent < plan.send)
		send_some(0);
	if (!tx_over)
		sent_all();
	return arg;
}

static void in_threads(void)
{
	pthread_t thread;

	rx_over = plan.expect == 0 && strcmp(plan.end, "half") != 0;
	pthread_create(&thread, NULL, sender, NULL);
	while (!rx_over)
		read_some(0);
	pthread_join(thread, NULL);
}

/* Not blocking, and asleep in poll(), or in epoll_wait() of one kind. */

static int epoll_fd = -1;
static bool edge;

static short wait_poll(short events)
{
	struct pollfd poll_fd = { fd, events, 0 };

	if (poll(&poll_fd, 1, -1) != 1)
		wrong("poll: %s", strerror(errno));
	return poll_fd.revents;
}

static void epoll_say(int op, short events)
{
	struct epoll_event event = { .events = (uint32_t)events };

	if (edge)
		event.events |= EPOLLET;
	if (epoll_ctl(epoll_fd, op, fd, &event))
		wrong("epoll_ctl: %s", strerror(errno));
}

static short wait_epoll(short events)
{
	static short registered;
	struct epoll_event event;

	if (registered == 0)
		epoll_say(EPOLL_CTL_ADD, edge ? POLLIN | POLLOUT : events);
	else if (registered != events && !edge)
		epoll_say(EPOLL_CTL_MOD, events);
	registered = events;
	if (epoll_wait(epoll_fd, &event, 1, -1) != 1)
		wrong("epoll_wait: %s", strerror(errno));
	return (short)event.events;
}

static void in_loop(short (*wait)(short events))
{
	short ready;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (!tx_over || !rx_over) {
		if (!tx_over && sent == plan.send)
			sent_all();
		if (tx_over && rx_over)
			break;
		ready = wait((short)((rx_over ? 0 : POLLIN) |
				     (tx_over ? 0 : POLLOUT)));
		perhaps_nap();
		while (ready & (POLLIN | POLLHUP | POLLERR) && !rx_over &&
		       read_some(0) && edge)
			;
		while (ready & (POLLOUT | POLLHUP | POLLERR) && !tx_over &&
		       sent < plan.send && send_some(0) && edge)
			;
	}
}

/* The moment at which the runtime breaks. */
static void *breaker(void *arg)
{
	void (*control)(const char *rules);
	void *runtime = NULL;
	long tries = 0;

	while (sent + got < plan.at)
		nap_ms(1);
	nap_ms(plan.ms);
	while (!runtime && tries++ < 1000) {
		runtime = dlopen(getenv("SHUNT_RDMA_LIBRARY"),
				 RTLD_NOW | RTLD_NOLOAD);
		nap_ms(1);
	}
	if (!runtime)
		return arg;
	*(void **)&control = dlsym(runtime, "fake_control");
	control(plan.rules);
	return arg;
}

/*
 * A number that a program to be spawned shall have is brought back to TCP at
 * once. That may come to nothing, if the peer has closed: EBUSY.
 */
static void *leaver(void *arg)
{
	posix_spawn_file_actions_t actions;
	int ret;

	while (sent + got < plan.leave)
		nap_ms(1);
	posix_spawn_file_actions_init(&actions);
	ret = posix_spawn_file_actions_adddup2(&actions, fd, 99);
	if (ret && ret != EBUSY)
		wrong("adddup2: %s", strerror(ret));
	posix_spawn_file_actions_destroy(&actions);
	return arg;
}

static void set_small(int sock)
{
	int size = (int)plan.small;

	if (!size)
		return;
	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void make_connection(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t length = sizeof(addr);
	int sock = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!plan.role) {
		while (!page->port)
			nap_ms(1);
		addr.sin_port = (in_port_t)page->port;
		if (connect(sock, (struct sockaddr *)&addr, length))
			wrong("connect: %s", strerror(errno));
		fd = sock;
		set_small(fd);
		return;
	}
	if (bind(sock, (struct sockaddr *)&addr, length) || listen(sock, 1) ||
	    getsockname(sock, (struct sockaddr *)&addr, &length))
		wrong("listen: %s", strerror(errno));
	page->port = addr.sin_port;
	fd = accept(sock, NULL, NULL);
	if (fd < 0)
		wrong("accept: %s", strerror(errno));
	set_small(fd);
}

/* The last one in the process may not leave before the peer has all. */
static void finish(void)
{
	int tries = 0;

	page->side[plan.role].ended = 1;
	if (!strcmp(plan.end, "leave")) {
		page->side[plan.role].done = 1;
		exit(0);	/* the kernel closes */
	}
	if (close(fd))
		wrong("close: %s", strerror(errno));
	page->side[plan.role].done = 1;
	if (!strcmp(plan.end, "exit"))
		exit(0);
	while (!page->side[!plan.role].done && tries++ < DONE_TRIES)
		nap_ms(5);
	if (tries >= DONE_TRIES)
		wrong("the peer does not come to its end");
}

static void take_plan(int count, char **words)
{
	size_t i, n = sizeof(names) / sizeof(names[0]);
	char *value;

	for (; count > 0; count--, words++) {
		value = strchr(*words, '=');
		if (!value)
			wrong("no value: %s", *words);
		*value++ = 0;
		for (i = 0; i < n && strcmp(names[i].name, *words) != 0; i++)
			;
		if (i == n)
			wrong("no such word: %s", *words);
		if (names[i].text)
			*names[i].text = value;
		else
			*names[i].number = atol(value);
	}
}

int main(int argc, char **argv)
{
	pthread_t thread;

	take_plan(argc - 1, argv + 1);
	dice = (uint64_t)plan.seed;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED,
		    (int)plan.page, 0);
	if (page == MAP_FAILED)
		wrong("mmap: %s", strerror(errno));
	make_connection();
	if (*plan.rules)
		pthread_create(&thread, NULL, breaker, NULL);
	if (plan.leave)
		pthread_create(&thread, NULL, leaver, NULL);
	edge = !strcmp(plan.style, "edge");
	if (!strcmp(plan.style, "block")) {
		in_threads();
	} else if (!strcmp(plan.style, "poll")) {
		in_loop(wait_poll);
	} else {
		epoll_fd = epoll_create1(0);
		in_loop(wait_epoll);
	}
	finish();
	return 0;
}
