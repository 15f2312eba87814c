// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two ends of TCP connections, or of native rsockets, in the same loops.
 *
 *	talk [-n LIBRARY] [-e] [-s] serve ADDRESS PORT
 *	talk [-n LIBRARY] [-e] [-s] ping ADDRESS PORT SIZE COUNT
 *	talk [-n LIBRARY] [-e] [-s] stream ADDRESS PORT COUNT
 *	talk [-n LIBRARY] wake ADDRESS PORT CONNECTIONS COUNT [SIZE [PAUSE]]
 *	talk [-n LIBRARY] connect ADDRESS PORT COUNT
 *
 * -n: rsockets of that librdmacm. -e: non-blocking, waiting in an epoll set
 * (of rsockets: repoll). -s: SMC (IPPROTO_SMC). A client sets up what it
 * measures and says "up"; then
 * each line that it reads is answered with the figures of one batch:
 *
 *	ping, wake	microseconds of a round trip; PAUSE of them before each
 *	stream		MB/s of COUNT blocks of 64 KiB
 *	connect		microseconds of connect(), and with the first answer
 *
 * or, if the line is "memory", with its resident and pinned KiB.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256		/* Linux 6.11 */
#endif
#define BLOCK 65536		/* most bytes of one call */
#define REST_US 100
#define WARM 16		/* exchanges before it counts; some make a lane worth it */
#define EVENTS 64
#define CONNECTIONS_MOST 16384
#define FDS_MOST 65536

/* rsockets have the same names behind an r. */
#define CALLS \
	CALL(int, socket, (int, int, int)) \
	CALL(int, bind, (int, const struct sockaddr *, socklen_t)) \
	CALL(int, listen, (int, int)) \
	CALL(int, accept, (int, struct sockaddr *, socklen_t *)) \
	CALL(int, connect, (int, const struct sockaddr *, socklen_t)) \
	CALL(int, setsockopt, (int, int, int, const void *, socklen_t)) \
	CALL(int, fcntl, (int, int, ...)) \
	CALL(ssize_t, send, (int, const void *, size_t, int)) \
	CALL(ssize_t, recv, (int, void *, size_t, int)) \
	CALL(int, close, (int)) \
	CALL(int, epoll_create, (int)) \
	CALL(int, epoll_ctl, (int, int, int, struct epoll_event *)) \
	CALL(int, epoll_wait, (int, struct epoll_event *, int, int))

static int protocol;

static struct {
#define CALL(type, name, params) type (*name) params;
	CALLS
#undef CALL
} net = {
#define CALL(type, name, params) .name = name,
	CALLS
#undef CALL
};

/* What a client says first: the server reads `in`, writes `out`, again. */
struct task {
	uint64_t in, out;
};

struct connection {
	struct task task;
	size_t told;		/* bytes of the task that are in */
	uint64_t left;		/* of this turn's `in` */
};

static int events = -1;		/* the epoll set; -1: calls block */
static unsigned pause_us;	/* before each exchange that is measured */
static char block[BLOCK];
static struct sockaddr_in address;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void use_rsockets(const char *library)
{
	void *handle = dlopen(library, RTLD_NOW);

	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
#define CALL(type, name, params) \
	*(void **)&net.name = dlsym(handle, "r" #name); \
	if (!net.name) \
		die("r" #name);
	CALLS
#undef CALL
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void control(int op, int fd, uint32_t wanted)
{
	struct epoll_event event = { .events = wanted, .data.fd = fd };

	if (net.epoll_ctl(events, op, fd, &event) != 0)
		die("epoll_ctl");
}

static void wait_one(void)
{
	struct epoll_event event;

	while (net.epoll_wait(events, &event, 1, -1) < 1)
		if (errno != EINTR)
			die("epoll_wait");
}

/* A new socket, no delay, in the set if there is one. */
static void enrol(int fd)
{
	int yes = 1;

	if (net.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)))
		die("TCP_NODELAY");
	if (events < 0)
		return;
	if (net.fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("O_NONBLOCK");
	control(EPOLL_CTL_ADD, fd, EPOLLIN);
}

/* What is sent does not matter, but for what the caller put in the block. */
static void send_all(int fd, uint64_t size)
{
	while (size > 0) {
		ssize_t put = net.send(fd, block, size < BLOCK ? size : BLOCK, 0);

		if (put > 0) {
			size -= (uint64_t)put;
		} else if (events >= 0 && errno == EAGAIN) {
			control(EPOLL_CTL_MOD, fd, EPOLLOUT);
			wait_one();
			control(EPOLL_CTL_MOD, fd, EPOLLIN);
		} else {
			die("send");
		}
	}
}

/* A client's: nothing else is in its set that could be ready. */
static void receive_all(int fd, uint64_t size)
{
	while (size > 0) {
		ssize_t got;

		if (events >= 0)
			wait_one();
		got = net.recv(fd, block, size < BLOCK ? size : BLOCK, 0);
		if (got > 0)
			size -= (uint64_t)got;
		else if (got == 0 || errno != EAGAIN)
			die("recv");
	}
}

/* The server. */

/* One recv(); false: the connection is over. */
static bool serve_once(int fd, struct connection *c)
{
	size_t want = c->left < BLOCK ? c->left : BLOCK;
	ssize_t got;

	if (c->told < sizeof(c->task))
		got = net.recv(fd, (char *)&c->task + c->told,
			       sizeof(c->task) - c->told, 0);
	else
		got = net.recv(fd, block, want, 0);
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	if (c->told < sizeof(c->task)) {
		c->told += (size_t)got;
		if (c->told == sizeof(c->task))
			c->left = c->task.in;
		return true;
	}
	c->left -= (uint64_t)got;
	if (c->left == 0) {
		send_all(fd, c->task.out);
		c->left = c->task.in;
	}
	return true;
}

static int listen_there(void)
{
	int yes = 1, fd = net.socket(AF_INET, SOCK_STREAM, protocol);

	net.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd < 0 || net.bind(fd, (struct sockaddr *)&address,
			       sizeof(address)) != 0 ||
	    net.listen(fd, 1024) != 0)
		die("listen");
	return fd;
}

static void serve_blocking(int listener)
{
	for (;;) {
		struct connection c = { .told = 0 };
		int fd = net.accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		enrol(fd);
		while (serve_once(fd, &c))
			;
		net.close(fd);
	}
}

static void serve_events(int listener)
{
	static struct connection connections[FDS_MOST];
	struct epoll_event ready[EVENTS];
	int i, count, fd;

	net.fcntl(listener, F_SETFL, O_NONBLOCK);
	control(EPOLL_CTL_ADD, listener, EPOLLIN);
	for (;;) {
		count = net.epoll_wait(events, ready, EVENTS, -1);
		for (i = 0; i < count; i++) {
			fd = ready[i].data.fd;
			if (fd == listener) {
				fd = net.accept(listener, NULL, NULL);
				if (fd < 0)
					continue;
				connections[fd] = (struct connection){ 0 };
				enrol(fd);
			} else if (!serve_once(fd, &connections[fd])) {
				net.epoll_ctl(events, EPOLL_CTL_DEL, fd, NULL);
				net.close(fd);
			}
		}
	}
}

static void serve(void)
{
	int listener = listen_there();

	printf("up\n");
	fflush(stdout);
	if (events < 0)
		serve_blocking(listener);
	else
		serve_events(listener);
}

/* The client. */

static int dial(void)
{
	int fd = net.socket(AF_INET, SOCK_STREAM, protocol);

	if (fd < 0 || net.connect(fd, (struct sockaddr *)&address,
				  sizeof(address)) != 0)
		die("connect");
	return fd;
}

static int open_task(const struct task *task)
{
	int fd = dial();

	enrol(fd);
	memcpy(block, task, sizeof(*task));
	send_all(fd, sizeof(*task));
	return fd;
}

static void exchange(int fd, const struct task *task)
{
	send_all(fd, task->in);
	receive_all(fd, task->out);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, long count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

/*
 * Until the server sleeps again: whether connect() has to wake it, which is a
 * larger part of its time than ours is, shall not depend on how long it takes
 * to close the last connection.
 */
static void rest(void)
{
	double until = now_us() + REST_US;

	while (now_us() < until)
		;
}

static void batch_connects(long count)
{
	double *made = calloc((size_t)count, sizeof(*made));
	double *answered = calloc((size_t)count, sizeof(*answered));
	struct task task = { 1, 1 };
	long i;

	for (i = 0; made && answered && i < count; i++) {
		double begun = now_us();
		int fd = dial();

		made[i] = now_us() - begun;
		memcpy(block, &task, sizeof(task));
		send_all(fd, sizeof(task) + task.in);
		receive_all(fd, task.out);
		answered[i] = now_us() - begun;
		net.close(fd);
		rest();
	}
	printf("%.2f %.2f\n", median(made, count), median(answered, count));
	free(made);
	free(answered);
}

static long status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long value = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = atol(line + strlen(name) + 1);
	if (file)
		fclose(file);
	return value;
}

static void batch(const char *test, int fd, const struct task *task, long count)
{
	bool stream = strcmp(test, "stream") == 0;
	double begun, time = 0;
	long i;

	for (i = stream ? count - 1 : 0; i < count; i++) {
		if (pause_us)
			usleep(pause_us);
		begun = now_us();
		exchange(fd, task);
		time += now_us() - begun;
	}
	printf("%.3f\n", stream ? (double)task->in / time
				: time / (double)count);
}

/* Tell the figures of one batch for each line that comes. */
static void obey(const char *test, int fd, const struct task *task, long count)
{
	char line[64];

	printf("up\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "memory\n") == 0)
			printf("%ld %ld\n", status_kib("VmRSS"),
			       status_kib("VmPin"));
		else if (strcmp(test, "connect") == 0)
			batch_connects(count);
		else
			batch(test, fd, task, count);
		fflush(stdout);
	}
}

/* All but the first rest after a few bytes each. */
static void call(const char *test, uint64_t size, long connections, long count)
{
	static int fds[CONNECTIONS_MOST];
	bool stream = strcmp(test, "stream") == 0;
	struct task rest = { 1, 1 }, task = { size, size };
	long i, turn;

	if (stream)
		task = (struct task){ size * (uint64_t)count, 1 };
	for (i = 0; i < connections && i < CONNECTIONS_MOST; i++)
		fds[i] = open_task(i ? &rest : &task);
	for (turn = stream ? WARM - 1 : 0; turn < WARM; turn++)
		for (i = 0; i < connections && i < CONNECTIONS_MOST; i++)
			exchange(fds[i], i ? &rest : &task);
	obey(test, fds[0], &task, count);
}

static long argument(char **argv, int i)
{
	long value = argv[i] ? atol(argv[i]) : 0;

	if (value < 1)
		exit(2);
	return value;
}

static void wake(char **argv, int argc)
{
	uint64_t size = argc > 5 ? (uint64_t)argument(argv, 5) : 1;

	if (argc > 6)
		pause_us = (unsigned)argument(argv, 6);
	call("wake", size, argument(argv, 3), argument(argv, 4));
}

int main(int argc, char **argv)
{
	const char *test;
	int opt;

	while ((opt = getopt(argc, argv, "n:es")) >= 0) {
		if (opt == 'n')
			use_rsockets(optarg);
		else if (opt == 'e')
			events = 0;
		else if (opt == 's')
			protocol = IPPROTO_SMC;
		else
			return 2;
	}
	argv += optind;
	if (argc - optind < 3)
		return 2;
	if (events == 0 && (events = net.epoll_create(1)) < 0)
		die("epoll_create");
	test = argv[0];
	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t)argument(argv, 2));
	if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
		return 2;
	if (strcmp(test, "serve") == 0)
		serve();
	else if (strcmp(test, "ping") == 0)
		call(test, (uint64_t)argument(argv, 3), 1, argument(argv, 4));
	else if (strcmp(test, "stream") == 0)
		call(test, BLOCK, 1, argument(argv, 3));
	else if (strcmp(test, "wake") == 0)
		wake(argv, argc - optind);
	else if (strcmp(test, "connect") == 0)
		obey(test, -1, NULL, argument(argv, 3));
	return 0;
}
