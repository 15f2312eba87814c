// SPDX-License-Identifier: BSD-2-Clause
/*
 * stdio on a connection. libc's FILEs read and write without asking us, so
 * fdopen() on a connection makes one that does: a fopencookie(3) FILE over
 * our own calls, with the fd in it for fileno(3). It does so whatever lane
 * the connection is on, for it may enter or leave one later.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/libc.h"
#include "preload/shim.h"
#include "preload/stdio.h"

/* Where musl's FILE has its fd: fifteen words from the start (stdio_impl.h). */
#define MUSL_FILE_FD 15

struct stream {
	int fd;
	FILE *file;
	struct stream *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stream *streams;	/* with lock */

static ssize_t read_stream(void *cookie, char *buf, size_t n)
{
	return read(((struct stream *)cookie)->fd, buf, n);
}

/* 0 of n, not -1, is how fopencookie(3) wants to hear of an error. */
static ssize_t write_all(int fd, const char *buf, size_t n)
{
	size_t done = 0;
	ssize_t put;

	while (done < n) {
		put = write(fd, buf + done, n - done);
		if (put < 0)
			break;
		done += (size_t)put;
	}
	return (ssize_t)done;
}

/* musl wants to hear -1 of it. */
static ssize_t write_stream(void *cookie, const char *buf, size_t n)
{
	ssize_t put = write_all(((struct stream *)cookie)->fd, buf, n);

	return (size_t)put < n && libc_is_musl() ? -1 : put;
}

static int seek_stream(void *cookie, off64_t *offset, int whence)
{
	(void)cookie, (void)offset, (void)whence;
	errno = ESPIPE;
	return -1;
}

static int close_stream(void *cookie)
{
	struct stream *stream = cookie, **link;
	int fd = stream->fd;

	pthread_mutex_lock(&lock);
	for (link = &streams; *link; link = &(*link)->next)
		if (*link == stream) {
			*link = stream->next;
			break;
		}
	pthread_mutex_unlock(&lock);
	free(stream);
	return close(fd);
}

/* For fileno(3). musl's word is -1 in a fopencookie(3) FILE. */
static void give_number(FILE *file, int fd)
{
	int *number = &file->_fileno;

	if (libc_is_musl()) {
		number = (int *)((void **)file + MUSL_FILE_FD);
		if (*number != -1)
			return;
	}
	*number = fd;
}

static FILE *open_stream(int fd, const char *mode)
{
	static const cookie_io_functions_t calls = {
		.read = read_stream, .write = write_stream,
		.seek = seek_stream, .close = close_stream,
	};
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->fd = fd;
	stream->file = fopencookie(stream, mode, calls);
	if (!stream->file) {
		free(stream);
		return NULL;
	}
	give_number(stream->file, fd);
	pthread_mutex_lock(&lock);
	stream->next = streams;
	streams = stream;
	pthread_mutex_unlock(&lock);
	return stream->file;
}

static bool is_conn(int fd)
{
	struct conn *conn = shim_conn(fd);

	if (conn)
		shim_done(conn);
	return conn != NULL;
}

SHIM FILE *fdopen(int fd, const char *mode)
{
	if (!is_conn(fd))
		return real.fdopen(fd, mode);
	return open_stream(fd, mode);
}

void stdio_after_fork(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	lock = fresh;	/* the list is whole at any moment */
}

static struct stream *take_stream(void)
{
	struct stream *stream;

	pthread_mutex_lock(&lock);
	stream = streams;
	if (stream)
		streams = stream->next;
	pthread_mutex_unlock(&lock);
	return stream;
}

void stdio_exit(void)
{
	struct stream *stream;

	while ((stream = take_stream()))
		if (ftrylockfile(stream->file) == 0) {
			fflush(stream->file);
			funlockfile(stream->file);
		}
}

int __vdprintf_chk(int fd, int flag, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
int __dprintf_chk(int fd, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int __vasprintf_chk(char **text, int flag, const char *format, va_list args)
	__attribute__((format(printf, 3, 0), weak));

/* What vasprintf() has made goes out whole, as dprintf() does it. */
static int put_text(int fd, char *text, int size)
{
	ssize_t put;

	if (size < 0)
		return -1;
	put = write_all(fd, text, (size_t)size);
	free(text);
	return put == size ? size : -1;
}

SHIM int vdprintf(int fd, const char *format, va_list args)
{
	char *text;
	int size;

	if (!is_conn(fd))
		return real.vdprintf(fd, format, args);
	size = vasprintf(&text, format, args);
	return put_text(fd, text, size);
}

SHIM int __vdprintf_chk(int fd, int flag, const char *format, va_list args)
{
	char *text;
	int size;

	if (!is_conn(fd))
		return real.__vdprintf_chk(fd, flag, format, args);
	size = __vasprintf_chk
		       ? __vasprintf_chk(&text, flag, format, args)
		       : vasprintf(&text, format, args);
	return put_text(fd, text, size);
}

SHIM int dprintf(int fd, const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = vdprintf(fd, format, args);
	va_end(args);
	return ret;
}

SHIM int __dprintf_chk(int fd, int flag, const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = __vdprintf_chk(fd, flag, format, args);
	va_end(args);
	return ret;
}

FILE *_IO_fdopen(int fd, const char *mode)
	__attribute__((alias("fdopen"), copy(fdopen),
		       visibility("default")));
