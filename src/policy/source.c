// SPDX-License-Identifier: BSD-2-Clause
#include "policy/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/real.h"
#include "policy/grow.h"
#include "policy/scan.h"

#define ERROR_MAX 128
#define BYTES_MAX (16 << 20)	/* of all files together */
#define FILES_MAX 256
#define DEPTH_MAX 10		/* of @include, as libconfig has it */

static bool expand(struct source *source, uint32_t file, char *text,
		   unsigned depth, struct problems *problems);

struct stamp stamp_from(const struct stat *status)
{
	return (struct stamp){
		.dev = status->st_dev,
		.ino = status->st_ino,
		.size = status->st_size,
		.modified = status->st_mtim,
		.changed = status->st_ctim,	/* chmod, for one */
	};
}

struct stamp stamp_take(const char *path)
{
	struct stamp stamp;
	struct stat status;
	int saved = errno;

	if (stat(path, &status))
		stamp = (struct stamp){ .error = errno };
	else
		stamp = stamp_from(&status);
	errno = saved;
	return stamp;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool stamp_same(const struct stamp *a, const struct stamp *b)
{
	return a->error == b->error && a->dev == b->dev && a->ino == b->ino &&
	       a->size == b->size && same_time(&a->modified, &b->modified) &&
	       same_time(&a->changed, &b->changed);
}

bool stamp_may_pass(const struct stamp *stamp)
{
	switch (stamp->error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EIO:
		return true;
	default:
		return false;
	}
}

/* All of an open file -> malloced text; -errno. */
static int slurp(int fd, size_t size, char **text)
{
	size_t have = 0;
	ssize_t got;
	char *buffer;

	buffer = malloc(size + 1);
	if (!buffer)
		return -ENOMEM;
	while (have < size) {
		got = real.read(fd, buffer + have, size - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(buffer);
			return -errno;
		}
		if (got == 0)
			break;
		have += (size_t)got;
	}
	buffer[have] = '\0';
	*text = buffer;
	return strlen(buffer) == have ? 0 : -EILSEQ;
}

static int read_open(int fd, struct source *source, struct stamp *stamp,
		     char **text)
{
	struct stat status;

	if (fstat(fd, &status))
		return -errno;
	*stamp = stamp_from(&status);
	if (!S_ISREG(status.st_mode))
		return -ENOTSUP;
	if ((size_t)status.st_size > BYTES_MAX - source->bytes)
		return -EFBIG;
	source->bytes += (size_t)status.st_size;
	return slurp(fd, (size_t)status.st_size, text);
}

static int read_path(struct source *source, struct source_file *file,
		     char **text)
{
	int fd, error;

	/* O_NONBLOCK: a FIFO must not hold the application up */
	fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		error = -errno;
		file->stamp = stamp_take(file->path);
	} else {
		error = read_open(fd, source, &file->stamp, text);
		real.close(fd);
	}
	/* a cause that may pass must make the file look changed next time */
	if (stamp_may_pass(&(struct stamp){ .error = -error }))
		file->stamp.error = -error;
	return error;
}

static const char *read_error(int error, char text[ERROR_MAX])
{
	switch (error) {
	case -ENOTSUP:
		return "not a regular file";
	case -EFBIG:
		return "the policy is larger than 16MiB";
	case -EILSEQ:
		return "the file holds a NUL byte";
	default:
		return strerror_r(-error, text, ERROR_MAX);
	}
}

/* Takes ownership of `path`. The file's number, or -1: no memory. */
static long add_file(struct source *source, char *path)
{
	struct source_file file = { .path = path };

	if (path && append(&source->files, &source->file_count, &file))
		return (long)source->file_count - 1;
	free(path);
	return -1;
}

/* Where an @include stands; NULL for the policy file itself. */
struct place {
	const char *path;
	uint32_t number;
};

static void problem_read(const char *path, const struct place *from, int error,
			 struct problems *problems)
{
	char why[ERROR_MAX];

	if (from)
		problem_add(problems,
			    "%s:%u: @include: \"%s\": cannot be read: %s",
			    from->path, from->number, path,
			    read_error(error, why));
	else
		problem_add(problems, "%s: cannot be read: %s", path,
			    read_error(error, why));
}

/* Read file number `file` and expand it. */
static bool read_file(struct source *source, long file,
		      const struct place *from, unsigned depth,
		      struct problems *problems)
{
	char *text = NULL;
	int error;
	bool fine;

	if (file < 0) {
		problem_no_memory(problems);
		return false;
	}
	error = read_path(source, &source->files[file], &text);
	if (error) {
		problem_read(source->files[file].path, from, error, problems);
		free(text);
		return false;
	}
	fine = expand(source, (uint32_t)file, text, depth, problems);
	free(text);
	return fine;
}

/* Room for `more` bytes at the end of the text, which is never NULL then. */
static bool make_room(struct source *source, size_t more)
{
	size_t room = source->room ? source->room : 4096;
	char *text;

	while (room - source->length < more)
		room *= 2;
	if (room == source->room)
		return true;
	text = realloc(source->text, room);
	if (!text)
		return false;
	text[source->length] = '\0';
	source->text = text;
	source->room = room;
	return true;
}

/* Append a line (without its newline) to the text. */
static bool put_line(struct source *source, uint32_t file, uint32_t number,
		     const char *line)
{
	struct source_line from = { .file = file, .number = number };
	size_t length = strlen(line);

	if (!make_room(source, length + 2))
		return false;
	memcpy(source->text + source->length, line, length);
	source->length += length;
	source->text[source->length++] = '\n';
	source->text[source->length] = '\0';
	return append(&source->lines, &source->line_count, &from);
}

/* The path an @include names: relative to the file that includes it. */
static char *include_path(const char *includer, const char *name)
{
	const char *slash = strrchr(includer, '/');
	char *path;

	if (name[0] == '/' || !slash)
		return strdup(name);
	if (asprintf(&path, "%.*s/%s", (int)(slash - includer), includer,
		     name) < 0)
		return NULL;
	return path;
}

static const char *include_refused(const struct source *source, unsigned depth)
{
	if (source->closed)
		return "@include is not allowed here";
	if (depth >= DEPTH_MAX)
		return "@include is nested too deeply";
	if (source->file_count >= FILES_MAX)
		return "too many files are included";
	return NULL;
}

static bool include(struct source *source, const struct place *from,
		    const char *name, unsigned depth, struct problems *problems)
{
	const char *refused = include_refused(source, depth);
	char quoted[QUOTE_MAX];

	if (refused) {
		problem_add(problems, "%s:%u: @include: %s: %s", from->path,
			    from->number, problem_quote(name, quoted), refused);
		return false;
	}
	return read_file(source,
			 add_file(source, include_path(from->path, name)),
			 from, depth + 1, problems);
}

/* One line of a file: an @include, or text for libconfig. */
static bool expand_line(struct source *source, struct scan *scan,
			uint32_t file, uint32_t number, char *line,
			unsigned depth, struct problems *problems)
{
	struct place from = { source->files[file].path, number };
	const char *wrong, *at = line, *name = NULL;
	char quoted[QUOTE_MAX];

	wrong = scan_line(scan, line, &name, &at);
	if (wrong) {
		problem_add(problems, "%s:%u: %s: %s", from.path, number,
			    problem_quote(at, quoted), wrong);
		return false;
	}
	if (name)
		return include(source, &from, name, depth, problems);
	if (put_line(source, file, number, line))
		return true;
	problem_no_memory(problems);
	return false;
}

static bool expand(struct source *source, uint32_t file, char *text,
		   unsigned depth, struct problems *problems)
{
	struct scan scan = { .depth = 0 };
	uint32_t number = 0;
	bool fine = true;
	char *line;

	while ((line = strsep(&text, "\n")) && (text || *line))
		fine &= expand_line(source, &scan, file, ++number, line, depth,
				    problems);
	if (scan.in_comment) {
		problem_add(problems, "%s:%u: a comment is not closed",
			    source->files[file].path, number);
		fine = false;
	}
	return fine;
}

bool source_read(struct source *source, const char *path,
		 struct problems *problems)
{
	if (!make_room(source, 1)) {
		problem_no_memory(problems);
		return false;
	}
	return read_file(source, add_file(source, strdup(path)), NULL, 0,
			 problems);
}

bool source_take(struct source *source, const char *name, const char *text,
		 size_t length, struct problems *problems)
{
	char *copy;
	long file;
	bool fine;

	file = add_file(source, strdup(name));
	copy = strndup(text, length);
	if (file < 0 || !copy || !make_room(source, 1)) {
		problem_no_memory(problems);
		free(copy);
		return false;
	}
	source->bytes = length;
	fine = strlen(copy) == length;
	if (!fine)
		problem_read(name, NULL, -EILSEQ, problems);
	else
		fine = expand(source, (uint32_t)file, copy, 0, problems);
	free(copy);
	return fine;
}

void source_free(struct source *source)
{
	for (size_t i = 0; i < source->file_count; i++)
		free(source->files[i].path);
	free(source->files);
	free(source->lines);
	free(source->text);
	*source = (struct source){ 0 };
}

const char *source_where(const struct source *source, unsigned line,
			 unsigned *number)
{
	const struct source_line *from;

	*number = 0;
	if (!source->line_count)
		return source->file_count ? source->files[0].path : "";
	if (line < 1)
		line = 1;
	if (line > source->line_count)
		line = (unsigned)source->line_count;
	from = &source->lines[line - 1];
	*number = from->number;
	return source->files[from->file].path;
}

char *source_quote(const struct source *source, unsigned line,
		   char quoted[QUOTE_MAX])
{
	const char *at = source->text;
	char copy[QUOTE_MAX];
	size_t length;

	for (; at && *at && line > 1; line--) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		at = "";
	at += strspn(at, " \t");
	length = strcspn(at, "\n");
	while (length && (at[length - 1] == ' ' || at[length - 1] == '\t'))
		length--;
	if (length >= sizeof(copy))
		length = sizeof(copy) - 1;
	memcpy(copy, at, length);
	copy[length] = '\0';
	return problem_quote(copy, quoted);
}
