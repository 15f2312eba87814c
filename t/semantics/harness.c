/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The harness: starts one near end and one peer per case, watches over them,
 * and says how they ended.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sem.h"

#define CONTROL_FD 200	/* out of the way of the lowest free number */
#define TEXT(number) #number
#define MS(number) TEXT(number) "ms"
#define HASTY MS(SEM_HASTY_MS)

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
	sem_control = CONTROL_FD;
	sem_moves = c->flags & SEM_MOVES;
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

static void start(const char *role, const struct sem_case *c, int fd)
{
	const char *plain = getenv("SHUNT_T_PLAIN_SIDE");
	bool near = !strcmp(role, "near");
	const char *side = near == sem_is_client ? "client" : "server";

	if (plain && !strcmp(plain, side))
		unsetenv("LD_PRELOAD");
	if (c->flags & SEM_HASTY)
		setenv("SHUNT_HANDSHAKE_TIMEOUT", HASTY, 1);
	if (fd >= 0 && dup2(fd, CONTROL_FD) < 0)
		_exit(SEM_BROKEN);
	execl("/proc/self/exe", "sem", "--role", role,
	      sem_family == AF_INET6 ? "-6" : "-4",
	      "--side", sem_is_client ? "client" : "server",
	      "--model", sem_is_procs ? "procs" : "threads", c->name, NULL);
	_exit(SEM_BROKEN);
}

static pid_t launch(const char *role, const struct sem_case *c, int fd,
		    const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid == 0) {
		sigprocmask(SIG_SETMASK, mask, NULL);
		start(role, c, fd);
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

/* Any child of ours, also one whose parents have ended: 0 when there is none. */
static pid_t any_child(void)
{
	FILE *file = fopen("/proc/thread-self/children", "re");
	char text[12] = "";

	if (!file)
		return 0;
	if (fscanf(file, "%11s", text) != 1)
		*text = '\0';
	fclose(file);
	return (pid_t)atoi(text);
}

/*
 * What the case has started and not waited for comes to us. It holds our
 * standard output: who reads that would wait for it.
 */
static bool none_left(long end)
{
	bool good = true;
	pid_t pid;

	while ((pid = any_child()) > 0)
		good &= good_end("child of a child", pid, end);
	return good;
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
		peer = launch("peer", c, ends[1], &before);
		close(ends[1]);
	}
	near = launch("near", c, ends[0], &before);
	if (ends[0] >= 0)
		close(ends[0]);
	good = good_end("near end", near, end);
	if (peer > 0)
		good &= good_end("peer", peer, now_ms() + 5000);
	good &= none_left(now_ms() + 5000);
	sigprocmask(SIG_SETMASK, &before, NULL);
	fflush(stdout);
	return good;
}

struct wanted { bool v4, v6, client, server; };

static bool run_wanted(const struct sem_case *c, const struct wanted *w)
{
	bool good = true;

	if (((c->flags & SEM_PROCS) && !sem_is_procs) ||
	    ((c->flags & SEM_NO_TSAN) && UNDER_TSAN))
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
		printf("%s\t%s%s%s\t%s\n", c->name,
		       c->flags & (SEM_LANE | SEM_MOVES) ? "lane" : "-",
		       c->flags & SEM_PROCS ? ",procs" : "",
		       c->flags & SEM_ONCE ? ",once" : "", c->help);
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
		return SEM_BROKEN;
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
	prctl(PR_SET_CHILD_SUBREAPER, 1);
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
