// SPDX-License-Identifier: BSD-2-Clause
#include "diag/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/real.h"

#define LINE_MAX_BYTES 1024	/* the newline is one of them */

static const char *const names[] = {
	[LOG_OFF] = "off",
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

#define LEVELS ((int)(sizeof(names) / sizeof(names[0])))

static atomic_int threshold = LOG_WARN;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&threshold, level, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
	return level != LOG_OFF &&
	       (int)level <= atomic_load_explicit(&threshold,
						  memory_order_relaxed);
}

int log_parse_level(const char *text)
{
	int i;

	for (i = 0; i < LEVELS; i++)
		if (!strcmp(text, names[i]))
			return i;
	return -EINVAL;
}

/* The number in SHUNT_LOG_FD, or standard error. */
static int parse_fd(void)
{
	const char *text = getenv("SHUNT_LOG_FD");
	char *end;
	long fd;

	if (!text || *text < '0' || *text > '9')
		return STDERR_FILENO;
	fd = strtol(text, &end, 10);
	return *end || fd > 0x7fffffff ? STDERR_FILENO : (int)fd;
}

/* What the log goes to; the number is written last. */
static atomic_int log_fd = -1;
static atomic_ullong log_device, log_inode;

/* inetd(8) makes the client's connection a program's standard error. */
static bool is_protocol(int fd, const struct stat *file)
{
	int domain = AF_UNIX;
	socklen_t length = sizeof(domain);

	if (fd != STDERR_FILENO || !S_ISSOCK(file->st_mode))
		return false;
	return real.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) ||
	       domain != AF_UNIX;
}

void log_begin(void)
{
	int fd = parse_fd(), saved = errno;
	struct stat file;

	if (fstat(fd, &file) == 0 && !is_protocol(fd, &file)) {
		atomic_store(&log_device, file.st_dev);
		atomic_store(&log_inode, file.st_ino);
	}
	atomic_store(&log_fd, fd);
	errno = saved;
}

/*
 * The number, or -1: another file has it now, or there never was one, or the
 * file may not grow (RLIMIT_FSIZE), and who writes to it dies of SIGXFSZ.
 */
static int same_fd(void)
{
	struct stat file;
	int fd;

	if (atomic_load(&log_fd) < 0)
		log_begin();
	fd = atomic_load(&log_fd);
	if (fstat(fd, &file) != 0 || file.st_ino == 0 ||
	    file.st_dev != atomic_load(&log_device) ||
	    file.st_ino != atomic_load(&log_inode) ||
	    (S_ISREG(file.st_mode) &&
	     !fd_may_hold(file.st_size + LINE_MAX_BYTES)))
		return -1;
	return fd;
}

/* A log line is one line, whatever a file name or a rule has in it. */
static void plain(char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}

__attribute__((format(printf, 3, 0)))
static size_t format_line(char line[LINE_MAX_BYTES], enum log_level level,
			  const char *format, va_list args)
{
	const size_t most = LINE_MAX_BYTES - 1;
	size_t size;
	int n;

	size = (size_t)snprintf(line, most, "shunt[%d]: %s: ", (int)getpid(),
				names[level]);
	n = vsnprintf(line + size, most - size + 1, format, args);
	if (n < 0)
		n = 0;
	if ((size_t)n > most - size)
		n = (int)(most - size);
	plain(line + size, (size_t)n);
	size += (size_t)n;
	line[size++] = '\n';
	return size;
}

/*
 * Warnings and errors come at a rate that no peer can drive up. Each moves a
 * time on by its part of a second; that time is never ahead of the clock, nor
 * behind it by more than those at once. Informational lines were asked for.
 */
static bool may_say(enum log_level level)
{
	static atomic_ullong paid_ms;
	const unsigned long long each = 1000 / BOUND_warnings_a_second;
	unsigned long long now = clock_ms(), paid, next;

	if (level > LOG_WARN)
		return true;
	paid = atomic_load(&paid_ms);
	do {
		next = paid + each;
		if (next + BOUND_warnings_at_once * each < now)
			next = now - BOUND_warnings_at_once * each;
		if (next > now)
			return false;
	} while (!atomic_compare_exchange_weak(&paid_ms, &paid, next));
	return true;
}

static atomic_uint left_out;

/*
 * A pipe that nobody empties is no reason to stop, nor is a full disk. Under a
 * RLIMIT_NOFILE of 0 poll(2) takes no file, and the line is written untried.
 */
static bool write_line(const char *line, size_t size)
{
	struct pollfd file = { .fd = same_fd(), .events = POLLOUT };
	int ready;

	if (file.fd < 0)
		return true;
	ready = real.poll(&file, 1, 0);
	return (ready < 0 || (ready == 1 && (file.revents & POLLOUT))) &&
	       real.write(file.fd, line, size) >= 0;
}

__attribute__((format(printf, 2, 3)))
static bool say(enum log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	size_t size;

	va_start(args, format);
	size = format_line(line, level, format, args);
	va_end(args);
	return write_line(line, size);
}

static void say_what_is_missing(void)
{
	unsigned missing = atomic_exchange(&left_out, 0);

	if (missing && !say(LOG_WARN, "%u lines were left out here", missing))
		atomic_fetch_add(&left_out, missing);
}

void log_put(enum log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	int saved = errno;
	va_list args;
	size_t size;

	if (!log_wants(level) || (int)level >= LEVELS)
		return;
	if (!may_say(level)) {
		atomic_fetch_add(&left_out, 1);
		return;
	}
	if (level <= LOG_WARN)
		say_what_is_missing();
	va_start(args, format);
	size = format_line(line, level, format, args);
	va_end(args);
	if (!write_line(line, size))
		atomic_fetch_add(&left_out, 1);
	errno = saved;
}
