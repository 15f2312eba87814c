/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes with the library, and what they answer on their control sockets
 * (diag/channel.h).
 */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/ask.h"

/*
 * Ask the process whose pid the text is, or with "all" every one of this
 * network namespace that lets itself be asked, and hand on the lines of the
 * answers, without "end" and "error". Problems are told on stderr. `wait_s`:
 * how long an answer may take. Returns a status.
 */
int process_ask(const char *text, const char *request, unsigned wait_s,
		void (*hear)(const struct line *line, void *arg), void *arg);

/*
 * Ask that process and hand on the lines of its answer as they come, until it
 * ends. Returns a status, having told on stderr what has ended it.
 */
int process_follow(pid_t pid, const char *request,
		   void (*hear)(const struct line *line, void *arg), void *arg);

/* A process's id, of one that there is; else the command ends. */
pid_t process_parse(const char *text);

/* On stderr, a line for each that gave no answer. Returns a status. */
int process_tell_problems(const struct voices *voices);

/* The ones a human reads, of both commands: a connection. */
void process_print_conn(const struct line *line);

/* For --porcelain: the fields as they came, the pid in front. */
void process_print_line(const struct line *line);

#endif
