/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libc's makers of files, directories and queues: a connection's number that
 * was closed behind the library's back comes back as one of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sem.h"

/* close(2) that no library sees. */
static void close_unseen(int fd)
{
#ifdef __x86_64__
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"((long)SYS_close),
			 "D"((long)fd) : "rcx", "r11", "memory");
#else
	syscall(SYS_close, fd);
#endif
}

static char path[32];

static char *fresh_path(const char *tail)
{
	sprintf(path, "/tmp/semXXXXXX%s", tail);
	return path;
}

static int kept(int fd)
{
	unlink(path);
	return fd;
}

static int number(FILE *f) { return f ? fileno(f) : -1; }
static int m_mkstemp(void) { return kept(mkstemp(fresh_path(""))); }
static int m_mkstemp64(void) { return kept(mkstemp64(fresh_path(""))); }
static int m_mkostemp(void) { return kept(mkostemp(fresh_path(""), 0)); }
static int m_mkostemp64(void) { return kept(mkostemp64(fresh_path(""), 0)); }
static int m_mkstemps(void) { return kept(mkstemps(fresh_path(".c"), 2)); }
static int m_mkstemps64(void) { return kept(mkstemps64(fresh_path(".c"), 2)); }
static int m_mkostemps(void) { return kept(mkostemps(fresh_path(".c"), 2, 0)); }
static int m_mkostemps64(void) { return kept(mkostemps64(fresh_path(".c"), 2, 0)); }
static int m_fopen(void) { return number(fopen("/dev/null", "r")); }
static int m_fopen64(void) { return number(fopen64("/dev/null", "r")); }
static int m_tmpfile(void) { return number(tmpfile()); }
static int m_tmpfile64(void) { return number(tmpfile64()); }

static int m_opendir(void)
{
	DIR *directory = opendir("/");

	return directory ? dirfd(directory) : -1;
}

static int m_shm(void)
{
	char name[32];
	int fd;

	sprintf(name, "/sem%d", getpid());
	fd = shm_open(name, O_CREAT | O_RDWR, 0600);
	shm_unlink(name);
	return fd;
}

static int m_mq(void)
{
	char name[32];
	int fd;

	sprintf(name, "/sem%d", getpid());
	fd = mq_open(name, O_CREAT | O_RDWR, 0600, NULL);
	mq_unlink(name);
	return fd;
}

static const struct {
	const char *name;
	int (*make)(void);
} makers[] = {
	{ "mkstemp", m_mkstemp }, { "mkstemp64", m_mkstemp64 },
	{ "mkostemp", m_mkostemp }, { "mkostemp64", m_mkostemp64 },
	{ "mkstemps", m_mkstemps }, { "mkstemps64", m_mkstemps64 },
	{ "mkostemps", m_mkostemps }, { "mkostemps64", m_mkostemps64 },
	{ "fopen", m_fopen }, { "fopen64", m_fopen64 },
	{ "tmpfile", m_tmpfile }, { "tmpfile64", m_tmpfile64 },
	{ "opendir", m_opendir }, { "shm_open", m_shm }, { "mq_open", m_mq },
};

static void reused(struct pair *p)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int fd = p->fd, spare, made;

	spare = MUST(fcntl(fd, F_DUPFD, 50));
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		while ((made = MUST(dup(spare))) < fd)
			;
		if (made != fd)
			close(made);
		MUST(dup2(spare, fd));
		close_unseen(fd);
		made = makers[i].make();
		if (made < 0) {
			say("%s: %s", makers[i].name, errno_name(errno));
			MUST(dup2(spare, fd));
			continue;
		}
		say("%s: same number %d", makers[i].name, made == fd);
		SHOW(getpeername(made, (struct sockaddr *)&addr, &len));
		SHOW(recv(made, &len, 1, MSG_DONTWAIT));
		MUST(dup2(spare, fd));
	}
	pair_send(p, 5);
	SHOW(peer_receive(p, 5));
}

static void again(struct pair *p)
{
	FILE *f = fopen("/dev/null", "r");

	say("%d", f != NULL);
	f = freopen("/dev/zero", "r", f);
	say("%d", f && getc(f) == 0);
	f = freopen64("/dev/null", "r", f);
	say("%d", f && getc(f) == EOF);
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "reused", LANE, reused, "a stale number becomes something else" },
	{ "again", SEM_ONCE, again, "freopen" },
	{ 0 }
};
