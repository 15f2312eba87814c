/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The near end: transcript, pair, requests to the peer, and the harness that
 * starts one near end and one peer per case and watches over them.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sem.h"

#define CONTROL_FD 200	/* out of the way of the lowest free number */
#define EXIT_BROKEN 3

int sem_family = AF_INET;
bool sem_is_client = true;
bool sem_is_procs = true;

static int control = -1;

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
	if (value >= 0 && err)
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
	_exit(EXIT_BROKEN);
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

/* -- the peer ------------------------------------------------------------------ */

void peer_begin(enum peer_op op, int slot, int nap_ms, long a, long b)
{
	struct peer_request q = { op, slot, nap_ms, 0, a, b };

	if (write(control, &q, sizeof(q)) != sizeof(q))
		broken("the peer is gone");
}

long peer_end(void)
{
	struct peer_answer a;

	if (read(control, &a, sizeof(a)) != sizeof(a)) {
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
	p->fd = (int)MUST(sem_accept(listener));
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

void pair_warm(struct pair *p)
{
	const char *text = getenv("SHUNT_T_WARM_MS");
	long end = now_ms() + (text ? atoi(text) : 0);

	for (int i = 0; i < 64; i++)
		ping_pong(p, 1024);
	while (now_ms() < end) {
		nap(2);
		ping_pong(p, 64);
	}
}

void pair_close(struct pair *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* -- one case --------------------------------------------------------------------- */

static const struct sem_case *find_case(const char *name)
{
	for (const struct sem_case *c = sem_cases; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static void *peer_thread(void *arg)
{
	peer_serve((int)(intptr_t)arg);
	return NULL;
}

static int run_near(const struct sem_case *c)
{
	struct pair p = { .fd = -1 };
	pthread_t thread;
	int ends[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	control = CONTROL_FD;
	if (!sem_is_procs) {
		MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
		MUST(dup2(ends[0], CONTROL_FD));
		MUST(dup2(ends[1], CONTROL_FD + 1));
		close(ends[0]);
		close(ends[1]);
		pthread_create(&thread, NULL, peer_thread,
			       (void *)(intptr_t)(CONTROL_FD + 1));
	}
	if (c->flags & SEM_PAIR)
		pair_open(&p, 0);
	if (c->flags & SEM_LANE)
		pair_warm(&p);
	c->run(&p);
	pair_close(&p);
	fflush(stdout);
	if (!sem_is_procs) {
		peer_begin(PEER_QUIT, 0, 0, 0, 0);
		pthread_join(thread, NULL);
	}
	return 0;
}

/* -- the harness ------------------------------------------------------------------- */

static void start(const char *role, const char *name, int fd)
{
	const char *plain = getenv("SHUNT_T_PLAIN_SIDE");
	bool near = !strcmp(role, "near");
	const char *side = near == sem_is_client ? "client" : "server";

	if (plain && !strcmp(plain, side))
		unsetenv("LD_PRELOAD");
	if (fd >= 0 && dup2(fd, CONTROL_FD) < 0)
		_exit(EXIT_BROKEN);
	execl("/proc/self/exe", "sem", "--role", role,
	      sem_family == AF_INET6 ? "-6" : "-4",
	      "--side", sem_is_client ? "client" : "server",
	      "--model", sem_is_procs ? "procs" : "threads", name, NULL);
	_exit(EXIT_BROKEN);
}

static pid_t launch(const char *role, const char *name, int fd,
		    const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid == 0) {
		sigprocmask(SIG_SETMASK, mask, NULL);
		start(role, name, fd);
	}
	return pid;
}

/* Wait for the child until the time limit; kill it then. False = killed. */
static bool finish(pid_t pid, long end, int *status)
{
	sigset_t child;
	bool killed = false;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (waitpid(pid, status, WNOHANG) == 0) {
		struct timespec slice = { 0, 100000000 };

		if (now_ms() > end && !killed) {
			kill(pid, SIGKILL);
			killed = true;
		}
		sigtimedwait(&child, NULL, &slice);
	}
	return !killed;
}

static bool good_end(const char *who, pid_t pid, long end)
{
	int status = 0;

	if (!finish(pid, end, &status))
		say("HANG: the %s was killed after the time limit", who);
	else if (WIFSIGNALED(status))
		say("DIED: the %s by SIG%s", who,
		    sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		say("ENDED: the %s with status %d", who, WEXITSTATUS(status));
	else
		return true;
	return false;
}

/* The same line into the transcript and, for the runner, into the log. */
static void mark(const struct sem_case *c)
{
	const char *text = getenv("SHUNT_T_MARK_FD");
	char line[200];
	int n = snprintf(line, sizeof(line), "== %s %s %s\n", c->name,
			 sem_family == AF_INET6 ? "v6" : "v4",
			 c->flags & SEM_ONCE ? "alone" :
			 sem_is_client ? "client" : "server");

	fputs(line, stdout);
	fflush(stdout);
	if (text && write(atoi(text), line, n) != n)
		say("cannot write to SHUNT_T_MARK_FD");
}

static bool run_case(const struct sem_case *c)
{
	const char *text = getenv("SHUNT_T_TIMEOUT");
	long end = now_ms() + 1000L * (text ? atoi(text) : 20);
	int ends[2] = { -1, -1 };
	sigset_t child, before;
	pid_t near, peer = -1;
	bool good;

	mark(c);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	if (sem_is_procs) {
		MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
		peer = launch("peer", c->name, ends[1], &before);
		close(ends[1]);
	}
	near = launch("near", c->name, ends[0], &before);
	if (ends[0] >= 0)
		close(ends[0]);
	good = good_end("near end", near, end);
	if (peer > 0)
		good &= good_end("peer", peer, now_ms() + 5000);
	sigprocmask(SIG_SETMASK, &before, NULL);
	fflush(stdout);
	return good;
}

struct wanted { bool v4, v6, client, server; };

static bool run_wanted(const struct sem_case *c, const struct wanted *w)
{
	bool good = true;

	if ((c->flags & SEM_PROCS) && !sem_is_procs)
		return true;
	for (int six = 0; six <= 1; six++) {
		if (!(six ? w->v6 : w->v4))
			continue;
		sem_family = six ? AF_INET6 : AF_INET;
		for (int server = 0; server <= 1; server++) {
			if (!(server ? w->server : w->client))
				continue;
			if (server && (c->flags & SEM_ONCE) && w->client)
				continue;
			sem_is_client = !server;
			good &= run_case(c);
		}
	}
	return good;
}

static int list_cases(void)
{
	for (const struct sem_case *c = sem_cases; c->name; c++)
		printf("%s\t%s%s%s%s\t%s\n", c->name,
		       c->flags & SEM_LANE ? "lane" : "-",
		       c->flags & SEM_PROCS ? ",procs" : "",
		       c->flags & SEM_ONCE ? ",once" : "",
		       c->flags & SEM_SERVES ? ",serves" : "", c->help);
	return 0;
}

static int usage(void)
{
	fputs("usage: PROG [--list] [-4|-6] [--side client|server]\n"
	      "            [--model procs|threads] [CASE]...\n", stderr);
	return 2;
}

static int run_role(const char *role, const char *name)
{
	const struct sem_case *c = find_case(name);

	if (!c)
		return EXIT_BROKEN;
	if (!strcmp(role, "near"))
		return run_near(c);
	peer_serve(CONTROL_FD);
	return 0;
}

/* Options before the first case name; returns its index, or -1. */
static int parse(int argc, char **argv, struct wanted *w, const char **role)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		const char *a = argv[i], *b = argv[i + 1];

		if (!strcmp(a, "-4"))
			w->v6 = false;
		else if (!strcmp(a, "-6"))
			w->v4 = false;
		else if (!strcmp(a, "--side") && b)
			++i, w->client = strcmp(b, "server"),
			w->server = strcmp(b, "client");
		else if (!strcmp(a, "--model") && b)
			++i, sem_is_procs = strcmp(b, "threads");
		else if (!strcmp(a, "--role") && b)
			++i, *role = b;
		else
			return -1;
	}
	sem_family = w->v4 ? AF_INET : AF_INET6;
	sem_is_client = w->client;
	return i;
}

int main(int argc, char **argv)
{
	struct wanted w = { true, true, true, true };
	const char *role = NULL;
	bool good = true;
	int i;

	if (argc > 1 && !strcmp(argv[1], "--list"))
		return list_cases();
	i = parse(argc, argv, &w, &role);
	if (i < 0)
		return usage();
	if (role)
		return i < argc ? run_role(role, argv[i]) : usage();
	for (int n = i; n < argc; n++)
		if (!find_case(argv[n]))
			return fprintf(stderr, "no case %s\n", argv[n]), 2;
	for (const struct sem_case *c = sem_cases; c->name; c++) {
		bool asked = i == argc;

		for (int n = i; n < argc; n++)
			asked |= !strcmp(argv[n], c->name);
		if (asked)
			good &= run_wanted(c, &w);
	}
	return good ? 0 : 1;
}
