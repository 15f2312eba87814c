// SPDX-License-Identifier: BSD-2-Clause
#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "diag/channel.h"

#define PATH_SIZE 64
#define LINE_SIZE 4096	/* longer ones are cut */
#define LIBRARY "libshunt.so"

/* One round of questions. */
struct round {
	pid_t pid;		/* 0: all */
	const char *request;
	unsigned wait_s;	/* 0: for ever */
	void (*hear)(const struct line *line, void *arg);
	void *arg;
	unsigned answers, problems;
	bool heard;		/* anything of an answer */
};

static FILE *open_proc(pid_t pid, const char *file)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return fopen(path, "re");
}

static void read_name(pid_t pid, char name[PATH_SIZE])
{
	FILE *file = open_proc(pid, "comm");

	strcpy(name, "?");
	if (file && fgets(name, PATH_SIZE, file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* Has the process the library? 1, 0, or -1: it cannot be seen. */
static int has_library(pid_t pid)
{
	FILE *maps = open_proc(pid, "maps");
	char line[8192];
	int found = 0;

	if (!maps)
		return -1;
	while (!found && fgets(line, sizeof(line), maps))
		found = strstr(line, "/" LIBRARY) != NULL;
	if (ferror(maps))
		found = -1;
	fclose(maps);
	return found;
}

/* A container's network namespace is its own: go there. */
static void enter_network(pid_t pid)
{
	struct stat theirs, ours;
	char path[PATH_SIZE];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &theirs) || stat("/proc/self/ns/net", &ours) ||
	    (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		cli_fail(STATUS_PROBLEM, "process %d is in another network "
			 "namespace (%m): ask there, or as root", (int)pid);
	close(fd);
}

/* Connected to one of that name, or -1. *owner: who listens, 0: not seen. */
static int reach(const struct sockaddr_un *name, socklen_t length,
		 unsigned wait_s, pid_t *owner)
{
	struct timeval patience = { .tv_sec = wait_s };
	struct ucred who;
	socklen_t size = sizeof(who);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		cli_fail(STATUS_OWN_FAILURE, "%m");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)name, length) &&
	    !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size)) {
		*owner = who.pid;
		return fd;
	}
	close(fd);
	return -1;
}

/* The words may be a stranger's: no control characters but the tabs. */
static void cut(struct line *line, char *text)
{
	static char nothing[] = "";
	char *field;
	int i;

	text[strcspn(text, "\n")] = '\0';
	for (field = text; *field; field++)
		if (((unsigned char)*field < ' ' && *field != '\t') ||
		    *field == 0x7f)
			*field = '?';
	line->count = 0;
	while (line->count < FIELDS_MOST && (field = strsep(&text, "\t")))
		line->fields[line->count++] = field;
	for (i = line->count; i < FIELDS_MOST; i++)
		line->fields[i] = nothing;
}

static const char ended[] = "it has ended";

/* Take the answer to its end. NULL, or what is wrong with it. */
static const char *take_answer(struct round *round, struct line *line,
			       FILE *file)
{
	const char *wrong = NULL;
	char text[LINE_SIZE];

	while (fgets(text, sizeof(text), file)) {
		cut(line, text);
		if (!strcmp(line->fields[0], "end"))
			return wrong;
		if (!strcmp(line->fields[0], "error"))
			wrong = strdup(line->fields[1]);
		else if (!wrong)
			round->hear(line, round->arg);
		round->heard = true;
	}
	return round->heard && !round->wait_s ? ended : "it does not answer";
}

static void converse(struct round *round, pid_t pid, int fd)
{
	char name[PATH_SIZE];
	struct line line = { .pid = pid, .name = name };
	const char *wrong = "it does not answer";
	FILE *file = fdopen(fd, "r");

	if (!file)
		cli_fail(STATUS_OWN_FAILURE, "%m");
	read_name(pid, name);
	round->answers++;
	/* who may not ask is answered and hung up on before */
	if (dprintf(fd, "%s\n", round->request) > 0 || errno == EPIPE)
		wrong = take_answer(round, &line, file);
	if (wrong) {
		cli_warn("process %d (%s): %s", (int)pid, name, wrong);
		round->problems += wrong != ended;
	}
	fclose(file);
}

/* Every control socket of this network namespace. */
static void ask_all(struct round *round)
{
	FILE *list = fopen("/proc/self/net/unix", "re");
	struct sockaddr_un name;
	unsigned inside;
	socklen_t length;
	char line[512];
	pid_t owner;
	int fd;

	if (!list)
		cli_fail(STATUS_OWN_FAILURE, "/proc/self/net/unix: %m");
	while (fgets(line, sizeof(line), list)) {
		if (!channel_in_line(line, &name, &length, &inside))
			continue;
		fd = reach(&name, length, round->wait_s, &owner);
		if (fd < 0)
			continue;
		if (owner && (!round->pid || round->pid == owner))
			converse(round, owner, fd);
		else
			close(fd);
	}
	fclose(list);
}

/* Nobody has answered for that process: why? */
static int tell_silence(pid_t pid)
{
	switch (has_library(pid)) {
	case 0:
		cli_warn("process %d: " LIBRARY " is not loaded in it",
			 (int)pid);
		return STATUS_PROBLEM;
	case 1:
		cli_warn("process %d: no connection has had a lane",
			 (int)pid);
		return STATUS_FINE;
	default:
		cli_warn("process %d: it has no control socket; whether "
			 LIBRARY " is loaded in it may not be seen", (int)pid);
		return STATUS_PROBLEM;
	}
}

static pid_t parse_pid(const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || pid <= 0 || pid > INT32_MAX)
		cli_fail(STATUS_USAGE, "%s: not a process id, nor all", text);
	if (kill((pid_t)pid, 0) && errno == ESRCH)
		cli_fail(STATUS_PROBLEM, "process %ld: there is none", pid);
	return (pid_t)pid;
}

int process_ask(const char *text, const char *request, unsigned wait_s,
		void (*hear)(const struct line *line, void *arg), void *arg)
{
	struct round round = {
		.request = request, .wait_s = wait_s, .hear = hear, .arg = arg,
	};

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(text, "all")) {
		round.pid = parse_pid(text);
		enter_network(round.pid);
	}
	ask_all(&round);
	if (!round.answers && round.pid)
		return tell_silence(round.pid);
	if (!round.answers)
		cli_warn("no process here has had a lane");
	return round.problems ? STATUS_PROBLEM : STATUS_FINE;
}

void process_print_conn(const struct line *line)
{
	char *const *f = line->fields;

	printf("  %s %s %s: %s lane=%s reason=%s rule=%s tcp_sent=%s "
	       "tcp_received=%s rdma_sent=%s rdma_received=%s id=%s tx=%s "
	       "rx=%s%s%s\n",
	       f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10],
	       f[11], f[13], f[14], f[15], *f[12] ? ": " : "", f[12]);
}

void process_print_line(const struct line *line)
{
	int i;

	printf("%d", (int)line->pid);
	for (i = 0; i < line->count; i++)
		printf("\t%s", line->fields[i]);
	putchar('\n');
}
