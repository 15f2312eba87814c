// SPDX-License-Identifier: BSD-2-Clause
#include "cli/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define PATH_SIZE 64
#define LINE_SIZE 4096	/* what is longer is cut into several */
#define LIBRARY "libshunt.so"

/* Has the process the library? 1, 0, or -1: it cannot be seen. */
static int has_library(pid_t pid)
{
	char path[PATH_SIZE], line[8192];
	int found = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		return -1;
	while (!found && fgets(line, sizeof(line), maps))
		found = strstr(line, "/" LIBRARY) != NULL;
	if (ferror(maps))
		found = -1;
	fclose(maps);
	return found;
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

pid_t process_parse(const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || pid <= 0 || pid > INT32_MAX)
		cli_fail(STATUS_USAGE, "%s: not a process id, nor all", text);
	if (kill((pid_t)pid, 0) && errno == ESRCH)
		cli_fail(STATUS_PROBLEM, "process %ld: there is none", pid);
	return (pid_t)pid;
}

static void hand_on(const struct voice *voice,
		    void (*hear)(const struct line *line, void *arg),
		    void *arg)
{
	struct line line = { .voice = voice };
	char *text = voice->text;

	while (ask_line(&line, &text))
		if (strcmp(line.fields[0], "error"))
			hear(&line, arg);
}

int process_tell_problems(const struct voices *voices)
{
	char id[VOICE_ID_MAX];
	int status = STATUS_FINE;
	size_t i;

	for (i = 0; i < voices->count; i++) {
		if (!voices->all[i].wrong)
			continue;
		cli_warn("process %s (%s): %s", voice_id(&voices->all[i], id),
			 voices->all[i].name, voices->all[i].wrong);
		status = STATUS_PROBLEM;
	}
	return status;
}

int process_ask(const char *text, const char *request, unsigned wait_s,
		void (*hear)(const struct line *line, void *arg), void *arg)
{
	struct question question = { .request = request,
				     .wait_ms = wait_s * 1000 };
	struct voices voices;
	int status, error;
	size_t i;

	if (strcmp(text, "all")) {
		question.pid = process_parse(text);
		ask_enter_network(question.pid);
	}
	error = ask(&question, &voices);
	if (error)
		cli_fail(STATUS_OWN_FAILURE, "/proc/self/net/unix: %s",
			 strerror(-error));
	for (i = 0; i < voices.count; i++)
		if (!voices.all[i].wrong)
			hand_on(&voices.all[i], hear, arg);
	status = process_tell_problems(&voices);
	if (!voices.count && question.pid)
		status = tell_silence(question.pid);
	else if (!voices.count)
		cli_warn("no process here has had a lane");
	ask_free(&voices);
	return status;
}

int process_follow(pid_t pid, const char *request,
		   void (*hear)(const struct line *line, void *arg), void *arg)
{
	struct question question = { .request = request, .pid = pid };
	struct voice voice = { .pid = pid };
	struct line line = { .voice = &voice };
	const char *wrong = NULL;
	char text[LINE_SIZE], *at;
	FILE *file;
	int fd;

	ask_enter_network(pid);
	fd = ask_open(&question, &voice);
	if (fd < 0)
		return tell_silence(pid);
	file = fdopen(fd, "r");
	while (file && !wrong && fgets(text, sizeof(text), file)) {
		at = text;
		ask_make_harmless(text, strlen(text));
		if (!ask_line(&line, &at))
			continue;
		if (!strcmp(line.fields[0], "error"))
			wrong = line.fields[1];
		else
			hear(&line, arg);
	}
	cli_warn("process %d (%s): %s", (int)pid, voice.name,
		 wrong ? wrong : "it has ended");
	return wrong ? STATUS_PROBLEM : STATUS_FINE;
}

void process_print_conn(const struct line *line)
{
	char *const *f = line->fields;

	printf("  %s %s %s: %s lane=%s reason=%s rule=%s tcp_sent=%s "
	       "tcp_received=%s rdma_sent=%s rdma_received=%s id=%s tx=%s "
	       "rx=%s%s%s\n",
	       f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10],
	       f[11], f[13], f[21], f[22], *f[12] ? ": " : "", f[12]);
}

void process_print_line(const struct line *line)
{
	int i;

	printf("%d", (int)line->voice->pid);
	for (i = 0; i < line->count; i++)
		printf("\t%s", line->fields[i]);
	putchar('\n');
}
