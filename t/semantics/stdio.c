/* SPDX-License-Identifier: BSD-2-Clause */
/* fdopen _IO_fdopen, dprintf vdprintf __dprintf_chk on a connected stream. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list args);
FILE *_IO_fdopen(int fd, const char *mode);

static char buf[1 << 18];

static void writes(struct pair *p)
{
	FILE *f = fdopen(p->fd, "w");

	SHOW(f != NULL);
	SHOW(fileno(f) == p->fd);
	pair_next(p, buf, 200000);
	SHOW(fwrite(buf, 1, 10, f));
	SHOW(fflush(f));
	p->tx += 10;
	SHOW(peer_receive(p, 10));
	pair_next(p, buf, 200000);
	peer_begin(PEER_RECEIVE, p->slot, 0, 200000, 0);
	SHOW(fwrite(buf, 1, 200000, f));
	SHOW(fflush(f));
	p->tx += 200000;
	SHOW(peer_end());
	pair_next(p, buf, 100);
	SHOW(setvbuf(f, NULL, _IONBF, 0));
	SHOW(putc((unsigned char)buf[0], f) == (unsigned char)buf[0]);
	p->tx += 1;
	SHOW(peer_receive(p, 1));
	pair_next(p, buf, 100);
	SHOW(setvbuf(f, NULL, _IOFBF, 4096));
	SHOW(fwrite(buf, 1, 100, f));
	p->tx += 100;
	SHOW(fclose(f));
	SHOW(peer_drain(p));
	SHOW(write(p->fd, buf, 1));
	p->fd = -1;
}

static void reads(struct pair *p)
{
	FILE *f = fdopen(p->fd, "r");

	peer_send(p, 1000);
	SHOW(fread(buf, 1, 100, f));
	say("%s", pair_check(p, buf, 100));
	SHOW(fread(buf, 1, 900, f));
	say("%s", pair_check(p, buf, 900));
	peer_send(p, 10);
	peer_shutdown(p, SHUT_WR);
	SHOW(fread(buf, 1, 900, f));
	say("%s", pair_check(p, buf, 10));
	SHOW(feof(f) != 0);
	SHOW(ferror(f) != 0);
	SHOW(fseek(f, 10, SEEK_SET));
	SHOW(ftell(f));
	SHOW(fclose(f));
	p->fd = -1;
}

/* As Python's makefile() in C: one FILE each way, on two numbers. */
static void both_ways(struct pair *p)
{
	FILE *in = fdopen(p->fd, "r"), *out = fdopen(dup(p->fd), "w");

	pair_next(p, buf, 100);
	fwrite(buf, 1, 100, out);
	SHOW(fflush(out));
	p->tx += 100;
	SHOW(peer_receive(p, 100));
	peer_send(p, 100);
	SHOW(fread(buf, 1, 100, in));
	say("%s", pair_check(p, buf, 100));
	SHOW(fclose(in));
	pair_next(p, buf, 100);
	fwrite(buf, 1, 100, out);
	p->tx += 100;
	SHOW(fclose(out));
	SHOW(peer_drain(p));
	p->fd = -1;
}

static int on_va(int fd, const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = vdprintf(fd, format, args);
	va_end(args);
	return ret;
}

static int on_va_chk(int fd, const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = __vdprintf_chk(fd, 1, format, args);
	va_end(args);
	return ret;
}

static bool is_text(const char *bytes, size_t size)
{
	return !memchr(bytes, '\0', size) && !memchr(bytes, '%', size);
}

static void prints(struct pair *p)
{
	while (pair_next(p, buf, 100), !is_text(buf, 5)) {
		write(p->fd, buf, 1);	/* the next piece, then */
		p->tx += 1;
		peer_receive(p, 1);
	}
	SHOW(dprintf(p->fd, "%c%c", buf[0], buf[1]));
	SHOW(on_va(p->fd, "%c", buf[2]));
	SHOW(__dprintf_chk(p->fd, 1, "%c", buf[3]));
	SHOW(on_va_chk(p->fd, "%.0d%c", 0, buf[4]));
	p->tx += 5;
	SHOW(peer_receive(p, 5));
	SHOW(dprintf(-1, "x"));
}

static void modes(struct pair *p)
{
	FILE *f;

	SHOW(fdopen(p->fd, "x") == NULL ? -1 : 0);
	SHOW(fdopen(-1, "r") == NULL ? -1 : 0);
	f = _IO_fdopen(p->fd, "r+");
	SHOW(f != NULL);
	SHOW(fileno(f) == p->fd);
	SHOW(fclose(f));
	p->fd = -1;
}

static volatile int pipes;

static void on_pipe(int signal)
{
	(void)signal;
	pipes++;
}

static void fails(struct pair *p)
{
	FILE *f = fdopen(p->fd, "w");

	signal(SIGPIPE, on_pipe);
	SHOW(shutdown(p->fd, SHUT_WR));
	SHOW(fwrite(buf, 1, 10, f));
	SHOW(fflush(f));
	SHOW(ferror(f) != 0);
	say("SIGPIPE %d", pipes > 0);
	SHOW(dprintf(p->fd, "abc"));
}

/* libc has FILEs of its own on the numbers that a dup makes; say() has one. */
static void standard_by(struct pair *p, int (*put)(int fd, int to))
{
	int in = dup(STDIN_FILENO), out = dup(STDOUT_FILENO);
	int made, flushed, back;

	fflush(stdout);
	made = put(p->fd, STDOUT_FILENO);
	pair_next(p, buf, 100);
	fwrite(buf, 1, 100, stdout);
	flushed = fflush(stdout);
	p->tx += 100;
	back = dup2(out, STDOUT_FILENO);
	say("made %d, flushed %d, back %d", made, flushed, back);
	SHOW(peer_receive(p, 100));
	SHOW(put(p->fd, STDIN_FILENO));
	peer_send(p, 100);
	SHOW(fread(buf, 1, 100, stdin));
	say("%s", pair_check(p, buf, 100));
	SHOW(dup2(in, STDIN_FILENO));
	close(in);
	close(out);
	pair_talk(p);
}

static int put_dup(int fd, int to)
{
	close(to);
	return dup(fd);
}

static int put_fcntl(int fd, int to)
{
	close(to);
	return fcntl(fd, F_DUPFD, to);
}

static void standard(struct pair *p)
{
	standard_by(p, dup2);
}

static void standard_dup(struct pair *p)
{
	standard_by(p, put_dup);
}

static void standard_fcntl(struct pair *p)
{
	standard_by(p, put_fcntl);
}

const struct sem_case sem_cases[] = {
	{ "standard", LANE, standard, "dup2 onto 0 and 1, and libc's FILEs there" },
	{ "standard_dup", LANE, standard_dup, "by close and dup" },
	{ "standard_fcntl", LANE, standard_fcntl, "by close and F_DUPFD" },
	{ "writes", LANE, writes, "buffered, unbuffered, at fclose" },
	{ "reads", LANE, reads, "to the end" },
	{ "both_ways", LANE, both_ways, "a FILE for each direction" },
	{ "prints", LANE, prints, "dprintf and its like" },
	{ "modes", LANE, modes, "r+, and what is none" },
	{ "fails", LANE, fails, "EPIPE" },
	{ 0 }
};
