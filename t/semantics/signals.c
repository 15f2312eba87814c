// SPDX-License-Identifier: BSD-2-Clause
/*
 * Handlers that do what signal-safety(7) allows, in a storm of signals: on the
 * connection that their own thread is in a call on, while it is in malloc(3) or
 * dlopen(3), to the end of the process. And what sigaction(2) says of them.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sem.h"

void (*bsd_signal(int number, void (*handler)(int)))(int);
#ifndef __GLIBC__
void (*__sysv_signal(int number, void (*handler)(int)))(int);
#endif

#define TOTAL (4 << 20)
#define PART 512
#define ENOUGH 200	/* handlers in a case */

static struct pair *own;
static char buf[PART];
static pthread_t target, thrower;
static atomic_bool over;
static atomic_long left, runs, wrong, sum;

static void handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	MUST(sigaction(signal, &action, NULL));
}

static void *throw(void *arg)
{
	const struct timespec gap = { 0, 50000 };

	do {	/* once at least, however busy the machine is */
		pthread_kill(target, *(int *)arg);
		nanosleep(&gap, NULL);
	} while (!over);
	return NULL;
}

/* SIGUSR1 for this thread, again and again, until calm(). */
static void storm(struct pair *p, void (*handler)(int), int flags)
{
	static int signal = SIGUSR1;
	sigset_t set, old;

	own = p;
	over = false;
	target = pthread_self();
	handle(signal, handler, flags);
	sigfillset(&set);
	MUST(-pthread_sigmask(SIG_SETMASK, &set, &old));
	MUST(-pthread_create(&thrower, NULL, throw, &signal));
	MUST(-pthread_sigmask(SIG_SETMASK, &old, NULL));
}

static void calm(void)
{
	over = true;
	pthread_join(thrower, NULL);
	signal(SIGUSR1, SIG_IGN);
	say("handlers ran: %s, wrong: %ld", runs > 0 ? "yes" : "no", wrong);
}

/* So many of what is left are the caller's. */
static bool take(long n)
{
	if (atomic_fetch_sub(&left, n) >= n)
		return true;
	atomic_fetch_add(&left, n);
	return false;
}

static void one_more(int signal)
{
	int saved = errno;

	(void)signal;
	if (take(1) && write(own->fd, "h", 1) != 1)
		wrong++;
	runs++;
	errno = saved;
}

/* The handler's bytes are sent between the thread's own, and none is lost. */
static void writes(struct pair *p)
{
	long size, put;

	left = TOTAL;
	peer_begin(PEER_SKIP, p->slot, 0, TOTAL, 0);
	storm(p, one_more, SA_RESTART);
	while (left > 0) {
		size = take(PART) ? PART : take(1);
		for (; size > 0; size -= put) {
			put = write(p->fd, buf, (size_t)size);
			MUST(put);
		}
	}
	calm();
	say("%s", peer_end() == TOTAL ? "all" : "BAD");
}

static long add(const char *bytes, long n)
{
	for (long i = 0; i < n; i++)
		sum += (unsigned char)bytes[i];
	return n;
}

static void takes_one(int signal)
{
	struct pollfd fd = { own->fd, POLLIN, 0 };
	int saved = errno;
	char byte;

	(void)signal;
	runs++;
	if (poll(&fd, 1, 0) == 1 &&
	    recv(own->fd, &byte, 1, MSG_DONTWAIT) == 1)
		left -= add(&byte, 1);
	errno = saved;
}

/* Handler and thread poll and receive: each byte comes to one of them. */
static void reads(struct pair *p)
{
	static char all[TOTAL];
	struct pollfd fd = { p->fd, POLLIN, 0 };
	long got, sent = 0;

	data_fill(all, TOTAL, p->rx);
	for (long i = 0; i < TOTAL; i++)
		sent += (unsigned char)all[i];
	left = TOTAL;
	storm(p, takes_one, SA_RESTART);
	peer_begin(PEER_SEND, p->slot, 0, TOTAL, 0);
	while (left > 0) {
		if (poll(&fd, 1, 10) < 0 && errno != EINTR)
			wrong++;
		got = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (got > 0)
			left -= add(buf, got);
		else if (got == 0 || errno != EAGAIN)
			break;
	}
	calm();
	say("%s, left %ld, %s", peer_end() == TOTAL ? "sent" : "BAD", left,
	    sum == sent ? "good" : "BAD");
}

static int port;
static int listener;

/* Both ends of one connection, made, used and closed in the handler. */
static void makes(int signal)
{
	struct sockaddr_storage to;
	socklen_t size = sem_addr(&to, port);
	int client, server = -1, saved = errno;
	char bytes[4] = "";

	(void)signal;
	runs++;
	client = socket(sem_family, SOCK_STREAM, 0);
	if (connect(client, (struct sockaddr *)&to, size) == 0)
		server = accept(listener, NULL, NULL);
	if (server < 0 || write(client, "hand", 4) != 4 ||
	    recv(server, bytes, 4, MSG_WAITALL) != 4 ||
	    memcmp(bytes, "hand", 4) != 0 || close(dup(server)) != 0)
		wrong++;
	close(client);
	if (server >= 0 && (read(server, bytes, 4) != 0 || close(server) != 0))
		wrong++;
	errno = saved;
}

/* Asks the peer for its echo, blocking. */
static void asks(int signal)
{
	char there[64], back[64];
	int saved = errno;

	(void)signal;
	pair_next(own, there, sizeof(there));
	runs++;
	if (write(own->fd, there, sizeof(there)) != sizeof(there) ||
	    recv(own->fd, back, sizeof(back), MSG_WAITALL) != sizeof(back) ||
	    !data_good(back, sizeof(back), own->rx))
		wrong++;
	own->tx += sizeof(there);
	own->rx += sizeof(back);
	errno = saved;
}

static void allocate(void)
{
	static void *pieces[64];
	static unsigned at;
	unsigned slot;

	while (runs < ENOUGH) {
		at = at * 1103515245 + 12345;
		slot = at >> 16 & 63;
		free(pieces[slot]);
		pieces[slot] = malloc(1500 + (at >> 8 & 0xffff));
	}
}

static void load(void)
{
	static const char *const names[] = {
		"libresolv.so.2", "libutil.so.1", "libanl.so.1",
	};
	void *handle;

	for (int i = 0; runs < ENOUGH; i++) {
		handle = dlopen(names[i % 3], RTLD_NOW);
		if (handle)
			dlclose(handle);
	}
}

static void open_listener(void)
{
	listener = sem_listen(64, &port);
}

static void allocates_makes(struct pair *p)
{
	open_listener();
	storm(p, makes, SA_RESTART);
	allocate();
	calm();
	pair_talk(p);
}

static void loads_makes(struct pair *p)
{
	open_listener();
	storm(p, makes, SA_RESTART);
	load();
	calm();
	pair_talk(p);
}

static void allocates_asks(struct pair *p)
{
	peer_begin(PEER_ECHO, p->slot, 0, 0, 0);
	storm(p, asks, SA_RESTART);
	allocate();
	calm();
	SHOW(shutdown(p->fd, SHUT_WR));
	say("echoed: %s", peer_end() > 0 ? "all" : "BAD");
}

static void loads_asks(struct pair *p)
{
	peer_begin(PEER_ECHO, p->slot, 0, 0, 0);
	storm(p, asks, SA_RESTART);
	load();
	calm();
	SHOW(shutdown(p->fd, SHUT_WR));
	say("echoed: %s", peer_end() > 0 ? "all" : "BAD");
}

/* What is put off loses neither its value nor its sender. */
static void value_came(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (signal != SIGRTMIN || info->si_code != SI_QUEUE ||
	    info->si_pid != getpid())
		wrong++;
	sum += info->si_value.sival_int;
	runs++;
}

#define VALUES 2000

static void *queue_values(void *arg)
{
	const struct timespec gap = { 0, 20000 };
	sigset_t all;

	(void)arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (int i = 1; i <= VALUES; i++) {
		union sigval value = { .sival_int = i };

		while (sigqueue(getpid(), SIGRTMIN, value) != 0)
			nanosleep(&gap, NULL);
		nanosleep(&gap, NULL);
	}
	over = true;
	return NULL;
}

static void values(struct pair *p)
{
	struct sigaction action = { .sa_sigaction = value_came,
				    .sa_flags = SA_SIGINFO | SA_RESTART };

	MUST(sigaction(SIGRTMIN, &action, NULL));
	peer_begin(PEER_DRAIN, p->slot, 0, 0, 0);
	MUST(-pthread_create(&thrower, NULL, queue_values, NULL));
	while (!over || runs < VALUES)
		pair_send(p, PART);
	pthread_join(thrower, NULL);
	say("%ld of %d, sum %ld, wrong %ld", runs, VALUES, sum, wrong);
	SHOW(shutdown(p->fd, SHUT_WR));
	say("%s", peer_end() > 0 ? "drained" : "BAD");
}

/* A handler for one signal runs once, and is gone then. */
static void only_once(int signal)
{
	(void)signal;
	runs++;
}

static void *throw_one(void *arg)
{
	(void)arg;
	nap(1);
	pthread_kill(target, SIGUSR2);
	return NULL;
}

static void once(struct pair *p)
{
	struct sigaction now;

	target = pthread_self();
	peer_begin(PEER_DRAIN, p->slot, 0, 0, 0);
	for (long i = 0; i < ENOUGH; i++) {
		handle(SIGUSR2, only_once, (int)SA_RESETHAND | SA_RESTART);
		MUST(-pthread_create(&thrower, NULL, throw_one, NULL));
		while (runs == i)
			pair_send(p, PART);
		pthread_join(thrower, NULL);
		MUST(sigaction(SIGUSR2, NULL, &now));
		wrong += now.sa_handler != SIG_DFL || runs != i + 1;
	}
	say("%ld, wrong %ld", runs, wrong);
	SHOW(shutdown(p->fd, SHUT_WR));
	say("%s", peer_end() > 0 ? "drained" : "BAD");
}

static void ends(int signal)
{
	(void)signal;
	if (++runs > 20)
		_exit(7);
}

/* The process ends in a handler, while its thread sends. */
static void exits(struct pair *p)
{
	static struct both b;
	int child = fork_child();

	if (child == 0) {
		both_open(&b);
		both_warm(&b.client, &b.server);
		storm(p, ends, SA_RESTART);
		for (;;)
			if (send(b.client.fd, buf, PART, MSG_DONTWAIT) < 0)
				recv(b.server.fd, buf, PART, MSG_DONTWAIT);
	}
	join_child(child);
	pair_talk(p);
}

/* A child that is made in a handler, and does nothing. */
static void forks_there(int signal)
{
	int status, saved = errno;
	pid_t pid;

	(void)signal;
	if (runs++ < 10) {
		pid = _Fork();
		if (pid == 0)
			_exit(3);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		wrong += status != 3 << 8;
	}
	errno = saved;
}

static void forks(struct pair *p)
{
	storm(p, forks_there, SA_RESTART);
	while (runs < 20) {
		pair_send(p, 100);
		wrong += peer_receive(p, 100) != 100;
	}
	calm();
	pair_talk(p);
}

/* -- what sigaction() says ------------------------------------------------- */

static void with_info(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info, (void)context;
}

static const char *name_of(const struct sigaction *action)
{
	if (action->sa_handler == SIG_DFL)
		return "default";
	if (action->sa_handler == SIG_IGN)
		return "ignored";
	if (action->sa_sigaction == with_info)
		return "with_info";
	return action->sa_handler == only_once ? "only_once" : "another";
}

static void tell(int number)
{
	struct sigaction now;

	MUST(sigaction(number, NULL, &now));
	say("%s%s%s%s%s%s%s", name_of(&now),
	    now.sa_flags & SA_SIGINFO ? " SIGINFO" : "",
	    now.sa_flags & SA_RESTART ? " RESTART" : "",
	    now.sa_flags & SA_NODEFER ? " NODEFER" : "",
	    now.sa_flags & SA_ONSTACK ? " ONSTACK" : "",
	    now.sa_flags & (int)SA_RESETHAND ? " RESETHAND" : "",
	    sigismember(&now.sa_mask, SIGTERM) ? " TERM" : "");
}

/* Ways to set it that say nothing of flags. */
static void others(void)
{
	static void (*(*const calls[])(int, void (*)(int)))(int) = {
		bsd_signal, __sysv_signal,
#ifdef __GLIBC__
		sysv_signal, ssignal,
#endif
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		say("%d", calls[i](SIGHUP, only_once) == SIG_DFL);
		tell(SIGHUP);
		say("%d", calls[i](SIGHUP, SIG_DFL) == only_once);
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	say("%d", sigset(SIGHUP, only_once) == SIG_DFL);
	tell(SIGHUP);
	say("%d", sigset(SIGHUP, SIG_DFL) == only_once);
#pragma GCC diagnostic pop
}

static void told(struct pair *p)
{
	struct sigaction action = { .sa_sigaction = with_info, .sa_flags =
		SA_SIGINFO | SA_NODEFER | SA_ONSTACK }, old;

	(void)p;
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGTERM);
	tell(SIGHUP);
	SHOW(sigaction(SIGHUP, &action, &old));
	say("before: %s", name_of(&old));
	tell(SIGHUP);
	say("%d", (uintptr_t)signal(SIGHUP, only_once) ==
			  (uintptr_t)with_info);
	tell(SIGHUP);
	say("%d", signal(SIGHUP, SIG_IGN) == only_once);
	tell(SIGHUP);
	say("%d", signal(SIGHUP, SIG_DFL) == SIG_IGN);
	others();
	handle(SIGHUP, only_once, (int)SA_RESETHAND);
	tell(SIGHUP);
	raise(SIGHUP);
	tell(SIGHUP);
	SHOW(sigaction(SIGKILL, &action, NULL));
	SHOW(sigaction(0, &action, NULL));
	SHOW(sigaction(opaque(1000), &action, NULL));
	say("%d", signal(SIGKILL, only_once) == SIG_ERR);
}

#define STORM (LANE | SEM_NO_TSAN)

const struct sem_case sem_cases[] = {
	{ "writes", STORM, writes, "a handler writes between write()s" },
	{ "reads", STORM, reads, "a handler polls and reads between reads" },
	{ "allocates_makes", STORM, allocates_makes,
	  "a handler makes a connection while its thread is in malloc()" },
	{ "loads_makes", STORM, loads_makes, "or in dlopen()" },
	{ "allocates_asks", STORM, allocates_asks,
	  "a handler uses a connection while its thread is in malloc()" },
	{ "loads_asks", STORM, loads_asks, "or in dlopen()" },
	{ "values", STORM, values, "values of queued signals" },
	{ "once", STORM, once, "SA_RESETHAND" },
	{ "exits", STORM | SEM_PROCS, exits, "a handler ends the process" },
	{ "forks", STORM | SEM_PROCS, forks, "a handler calls _Fork()" },
	{ "told", SEM_ONCE, told, "what sigaction() and signal() say" },
	{ NULL, 0, NULL, NULL }
};
