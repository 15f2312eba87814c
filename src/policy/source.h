/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy file as text, with its @include lines replaced by the files they
 * name, and the way back from a line of that text to a file and line.
 *
 * libconfig gets this text and never opens a file itself: its scanner exits
 * the process when a read fails, and it says nothing of which files it read.
 * For the same reason the text is looked over here for what libconfig takes
 * silently wrong (numbers that do not fit) or deeply (nesting).
 */
#ifndef POLICY_SOURCE_H
#define POLICY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "policy/problem.h"

/* A file as stat(2) showed it; `error` when it could not be looked at. */
struct stamp {
	int error;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified, changed;
};

/* A file that the policy was read from, or would have been. */
struct source_file {
	char *path;
	struct stamp stamp;
	bool of_keys;		/* a rule's auth names it */
};

struct source_line {
	uint32_t file;
	uint32_t number;	/* from 1 */
};

struct source {
	char *text;		/* NUL-terminated */
	size_t length, room;
	struct source_line *lines;
	size_t line_count;
	struct source_file *files;
	size_t file_count;
	size_t bytes;		/* read so far, of all files */
	bool closed;		/* @include is refused */
};

/*
 * Read a file. False after problems were added. Either way source->files
 * tells which files were looked at; end with source_free().
 */
bool source_read(struct source *source, const char *path,
		 struct problems *problems);

/* The same from memory; `name` stands for the path. */
bool source_take(struct source *source, const char *name, const char *text,
		 size_t length, struct problems *problems);

void source_free(struct source *source);

/* Where a line of source->text (from 1) came from. */
const char *source_where(const struct source *source, unsigned line,
			 unsigned *number);

/* The line itself, without leading blanks and comments, cut to fit. */
char *source_quote(const struct source *source, unsigned line,
		   char quoted[QUOTE_MAX]);

/* stat() of a path. Preserves errno. */
struct stamp stamp_take(const char *path);
struct stamp stamp_from(const struct stat *status);
bool stamp_same(const struct stamp *a, const struct stamp *b);

/* Was the file there, and not read for a cause that may pass by itself? */
bool stamp_may_pass(const struct stamp *stamp);

#endif
