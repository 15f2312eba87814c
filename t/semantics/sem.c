/* SPDX-License-Identifier: BSD-2-Clause */
/* The near end: transcript, pair, requests to the peer. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sem.h"

int sem_family = AF_INET;
bool sem_is_client = true;
bool sem_is_procs = true;
bool sem_moves;

int sem_control = -1;

/* -- transcript ------------------------------------------------------------- */

const char *errno_name(int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : "?";
}

void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

static long show(const char *text, long value, const char *success)
{
	int err = errno;

	if (value < 0)
		say("%s = %ld %s", text, value, errno_name(err));
	else if (success)
		say("%s = %s", text, success);
	else
		say("%s = %ld", text, value);
	if (value >= 0 && err && !UNDER_TSAN)	/* its reports change errno */
		say("  but errno became %s", errno_name(err));
	errno = err;
	return value;
}

long sem_show(const char *text, long value)
{
	return show(text, value, NULL);
}

int sem_show_fd(const char *text, long value)
{
	return (int)show(text, value, "fd");
}

void broken(const char *format, ...)
{
	va_list ap;

	printf("BROKEN: ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	_exit(SEM_BROKEN);
}

long sem_must(const char *text, long value)
{
	if (value < 0)
		broken("%s = %ld %s", text, value, errno_name(errno));
	return value;
}

const char *events_name(short events, char *buf, size_t size)
{
	static const struct { short bit; const char *name; } names[] = {
		{ POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" },
		{ POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" },
		{ 0x2000 /* POLLRDHUP */, "RDHUP" },
		{ 0x40 /* POLLRDNORM */, "RDNORM" },
		{ 0x100 /* POLLWRNORM */, "WRNORM" },
	};
	size_t used = 0;

	snprintf(buf, size, "0");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (events & names[i].bit)
			used += snprintf(buf + used, size - used, "%s%s",
					 used ? "|" : "", names[i].name);
	return buf;
}

int show_poll(int fd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	char asked[80], got[80];
	int r = poll(&pfd, 1, timeout_ms);

	if (r < 0)
		say("poll(%s) = -1 %s", events_name(events, asked, 80),
		    errno_name(errno));
	else
		say("poll(%s) = %d %s", events_name(events, asked, 80), r,
		    events_name(pfd.revents, got, 80));
	return pfd.revents;
}

/* -- our end ------------------------------------------------------------------ */

void pair_next(const struct pair *p, void *buf, size_t n)
{
	data_fill(buf, n, p->tx);
}

const char *pair_check(struct pair *p, const void *buf, long n)
{
	bool good = n <= 0 || data_good(buf, n, p->rx);

	if (n > 0)
		p->rx += n;
	return good ? "good" : "BAD";
}

void pair_send(struct pair *p, size_t n)
{
	static __thread char buf[65536];

	while (n > 0) {
		size_t chunk = n < sizeof(buf) ? n : sizeof(buf);
		ssize_t r;

		pair_next(p, buf, chunk);
		r = send(p->fd, buf, chunk, MSG_NOSIGNAL);
		if (r <= 0)
			broken("send in set-up: %s", errno_name(errno));
		p->tx += r;
		n -= r;
	}
}

void pair_receive(struct pair *p, size_t n)
{
	static __thread char buf[65536];

	while (n > 0) {
		size_t chunk = n < sizeof(buf) ? n : sizeof(buf);
		ssize_t r = recv(p->fd, buf, chunk, 0);

		if (r < 0)
			broken("recv in set-up: %s", errno_name(errno));
		if (r == 0)
			broken("recv in set-up: EOF, %zu bytes missing", n);
		if (strcmp(pair_check(p, buf, r), "good") != 0)
			broken("recv in set-up: wrong data");
		n -= r;
	}
}

void await_bytes(int fd, size_t n)
{
	static char buf[65536];
	long end = now_ms() + 5000;
	ssize_t r = 0;

	while (now_ms() < end) {
		r = recv(fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
		if (r >= (ssize_t)n)
			return;
		nap(1);
	}
	broken("await_bytes: %zd of %zu there", r, n);
}

bool await_events(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	long end = now_ms() + 5000;

	while (now_ms() < end) {
		poll(&pfd, 1, 100);
		if ((pfd.revents & events) == events)
			return true;
		nap(1);
	}
	return false;
}

void await_end(int fd)
{
	if (!await_events(fd, 0x2000 /* POLLRDHUP */))
		broken("await_end: no end of the stream");
}

static bool is_asleep(int tid)
{
	char path[64], text[256] = "";
	const char *after;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return true;		/* it has ended */
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	after = strrchr(text, ')');
	return after && !strncmp(after, ") S", 3);
}

/* For a while, because a lock on the way to the call is not the call. */
void await_asleep(atomic_int *tid)
{
	int asleep = 0;

	for (int i = 0; i < 1000 && asleep < 8; i++) {
		nap(5);
		asleep = *tid && is_asleep(*tid) ? asleep + 1 : 0;
	}
}

/* -- the peer ------------------------------------------------------------------ */

void peer_begin(enum peer_op op, int slot, int nap_ms, long a, long b)
{
	struct peer_request q = { op, slot, nap_ms, 0, a, b };

	if (write(sem_control, &q, sizeof(q)) != sizeof(q))
		broken("the peer is gone");
}

long peer_end(void)
{
	struct peer_answer a;

	if (read(sem_control, &a, sizeof(a)) != sizeof(a)) {
		errno = ECHILD;
		return -1;
	}
	errno = a.err;
	return a.value;
}

long peer_do(enum peer_op op, int slot, long a, long b)
{
	peer_begin(op, slot, 0, a, b);
	return peer_end();
}

long peer_send(struct pair *p, size_t n)
{
	return peer_do(PEER_SEND, p->slot, n, 0);
}

long peer_receive(struct pair *p, size_t n)
{
	return peer_do(PEER_RECEIVE, p->slot, n, 0);
}

long peer_drain(struct pair *p)
{
	return peer_do(PEER_DRAIN, p->slot, 0, 0);
}

long peer_shutdown(struct pair *p, int how)
{
	return peer_do(PEER_SHUTDOWN, p->slot, how, 0);
}

long peer_close(struct pair *p)
{
	return peer_do(PEER_CLOSE, p->slot, 0, 0);
}

long peer_reset(struct pair *p)
{
	return peer_do(PEER_RESET, p->slot, 0, 0);
}

long peer_poll(struct pair *p, short events, int timeout_ms)
{
	return peer_do(PEER_POLL, p->slot, events, timeout_ms);
}

void peer_later(struct pair *p, int nap_ms, enum peer_op op, long a, long b)
{
	peer_begin(op, p->slot, nap_ms, a, b);
}

/* -- the pair ------------------------------------------------------------------- */

static void open_as_client(struct pair *p)
{
	struct sockaddr_storage addr;
	long port = peer_do(PEER_LISTEN, p->slot, 64, 0);
	socklen_t len = sem_addr(&addr, (int)port);

	MUST(port);
	peer_begin(PEER_ACCEPT, p->slot, 0, OPEN_PING, 0);
	p->fd = sem_socket();
	MUST(connect(p->fd, (struct sockaddr *)&addr, len));
	MUST(send(p->fd, "!", 1, MSG_NOSIGNAL));
	MUST(peer_end());
	MUST(peer_do(PEER_UNLISTEN, p->slot, 0, 0));
}

static void open_as_server(struct pair *p)
{
	int port, listener = sem_listen(64, &port);
	char byte;

	peer_begin(PEER_CONNECT, p->slot, 0, port, OPEN_PING);
	p->fd = (int)MUST(accept(listener, NULL, NULL));
	MUST(recv(p->fd, &byte, 1, 0));
	MUST(peer_end());
	MUST(close(listener));
}

void pair_open(struct pair *p, int slot)
{
	*p = (struct pair){ .fd = -1, .slot = slot };
	if (sem_is_client)
		open_as_client(p);
	else
		open_as_server(p);
}

static void ping_pong(struct pair *p, size_t n)
{
	peer_begin(PEER_ECHO, p->slot, 0, n, 0);
	pair_send(p, n);
	pair_receive(p, n);
	MUST(peer_end());
}

/* How many ends of this case the library's log has seen moving to a lane. */
static int lanes_made(int log)
{
	static char text[4096];
	static size_t used;
	static off_t at;
	static int made;
	char *line = text, *end;
	ssize_t got;

	while ((got = pread(log, text + used, sizeof(text) - 1 - used, at)) >
	       0) {
		at += got;
		used += got;
		text[used] = 0;
		for (line = text; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			if (!strncmp(line, "== ", 3))
				made = 0;
			made += strstr(line, "moves to rdma") != NULL;
		}
		used -= line - text;
		memmove(text, line, used);
		if (used == sizeof(text) - 1)
			used = 0;
	}
	return made;
}

/* Both ends log to one file: when they have moved, the lane is there. */
static void warm(void (*talk)(struct pair *, struct pair *, size_t),
		 struct pair *a, struct pair *b)
{
	const char *text = getenv("SHUNT_T_WARM_MS");
	const char *log = getenv("SHUNT_LOG_FD");
	int most = text ? atoi(text) : 0;
	long end = now_ms() + most;
	static int warmed;
	bool made;

	for (int i = 0; i < 64; i++)
		talk(a, b, 1024);
	warmed += 2;
	do {
		made = log && lanes_made(atoi(log)) >= warmed;
		if (!made && most) {
			nap(2);
			talk(a, b, 64);
		}
	} while (!made && now_ms() < end);
	if (!made && most && sem_moves)
		say("no lane came in %d ms", most);
	talk(a, b, 1024);
}

static void talk_to_peer(struct pair *p, struct pair *none, size_t n)
{
	(void)none;
	ping_pong(p, n);
}

void pair_warm(struct pair *p)
{
	warm(talk_to_peer, p, NULL);
}

static void talk_to_self(struct pair *a, struct pair *b, size_t n)
{
	pair_send(a, n);
	pair_receive(b, n);
	pair_send(b, n);
	pair_receive(a, n);
}

void both_warm(struct pair *a, struct pair *b)
{
	warm(talk_to_self, a, b);
}

void pair_close(struct pair *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

void pair_talk(struct pair *p)
{
	pair_send(p, 1000);
	SHOW(peer_receive(p, 1000));
	SHOW(peer_send(p, 2000));
	pair_receive(p, 2000);
}

int fork_child(void)
{
	int pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		broken("fork: %s", errno_name(errno));
	return pid;
}

void end_child(void)
{
	fflush(stdout);
	_exit(0);
}

void join_child(int pid)
{
	int status = -1;

	MUST(waitpid(pid, &status, 0) == pid);
	say("the child ended with %d", status);
}
