/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes with the library, and what they answer on their control sockets
 * (diag/channel.h).
 */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#define FIELDS_MOST 16

/* A line of an answer, cut into fields. */
struct line {
	pid_t pid;	/* whose, as this command sees it */
	const char *name;	/* and its name */
	char *fields[FIELDS_MOST];	/* "" behind the last */
	int count;
};

/*
 * Ask the process whose pid the text is, or with "all" every one of this
 * network namespace that lets itself be asked, and hand on the lines of the
 * answers, without "end" and "error". Problems are told on stderr. `wait_s`:
 * how long an answer may take; 0: for ever, as long as the process runs.
 * Returns a status. Fields have no control characters.
 */
int process_ask(const char *text, const char *request, unsigned wait_s,
		void (*hear)(const struct line *line, void *arg), void *arg);

/* The ones a human reads, of both commands: a connection. */
void process_print_conn(const struct line *line);

/* For --porcelain: the fields as they came, the pid in front. */
void process_print_line(const struct line *line);

#endif
