/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that gets a new number: closed behind the library's back, a
 * connection's number comes back as something else, and must be that.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sem.h"

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);
int pidfd_open(pid_t pid, unsigned flags);
int pidfd_getfd(int pidfd, int fd, unsigned flags);

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

static char file[] = "/tmp/semXXXXXX";

static int two(int ret, const int fds[2])
{
	if (ret < 0)
		return ret;
	close(fds[1]);
	return fds[0];
}

static int by_pipe(void) { int f[2]; return two(pipe(f), f); }
static int by_pipe2(void) { int f[2]; return two(pipe2(f, O_CLOEXEC), f); }
static int by_eventfd(void) { return eventfd(0, 0); }
static int by_open(void) { return open("/dev/null", O_RDWR); }
static int by_open64(void) { return open64("/dev/null", O_RDWR); }
static int by_open_2(void) { return __open_2("/dev/null", O_RDWR); }
static int by_open64_2(void) { return __open64_2("/dev/null", O_RDWR); }
static int by_creat(void) { return creat(file, 0600); }
static int by_creat64(void) { return creat64(file, 0600); }
static int by_memfd(void) { return memfd_create("sem", 0); }
static int by_inotify(void) { return inotify_init(); }
static int by_inotify1(void) { return inotify_init1(IN_CLOEXEC); }
static int by_pidfd(void) { return pidfd_open(getpid(), 0); }
static int by_pt(void) { return posix_openpt(O_RDWR | O_NOCTTY); }

static int by_socketpair(void)
{
	int f[2];

	return two(socketpair(AF_UNIX, SOCK_STREAM, 0, f), f);
}

static int by_openat(void)
{
	return openat(AT_FDCWD, "/dev/null", O_RDWR);
}

static int by_openat64(void)
{
	return openat64(AT_FDCWD, "/dev/null", O_RDWR);
}

static int by_openat_2(void)
{
	return __openat_2(AT_FDCWD, "/dev/null", O_RDWR);
}

static int by_openat64_2(void)
{
	return __openat64_2(AT_FDCWD, "/dev/null", O_RDWR);
}

static int by_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	return signalfd(-1, &set, 0);
}

static int by_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}

static const struct {
	const char *name;
	int (*make)(void);
} makers[] = {
	{ "open", by_open }, { "open64", by_open64 },
	{ "openat", by_openat }, { "openat64", by_openat64 },
	{ "__open_2", by_open_2 }, { "__open64_2", by_open64_2 },
	{ "__openat_2", by_openat_2 }, { "__openat64_2", by_openat64_2 },
	{ "creat", by_creat }, { "creat64", by_creat64 },
	{ "pipe", by_pipe }, { "pipe2", by_pipe2 },
	{ "socketpair", by_socketpair }, { "eventfd", by_eventfd },
	{ "signalfd", by_signalfd }, { "timerfd_create", by_timerfd },
	{ "memfd_create", by_memfd }, { "inotify_init", by_inotify },
	{ "inotify_init1", by_inotify1 }, { "pidfd_open", by_pidfd },
	{ "posix_openpt", by_pt },
};

#define MAKERS (sizeof(makers) / sizeof(makers[0]))

/* The number is what was made last, not the connection: SO_TYPE, names. */
static void check(const char *name, int fd, int made)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char text[8];

	say("%s: same number %d", name, made == fd);
	if (!strcmp(name, "socketpair"))
		return;
	SHOW(getpeername(made, (struct sockaddr *)&addr, &len));
	SHOW(recv(made, text, sizeof(text), MSG_DONTWAIT));
	close(made);
}

static void reused(struct pair *p)
{
	int fd = p->fd, spare, made;

	mkstemp(file);
	spare = MUST(fcntl(fd, F_DUPFD, 50));
	for (size_t i = 0; i < MAKERS; i++) {
		while ((made = MUST(dup(spare))) < fd)
			;
		close_unseen(fd);
		if (made != fd)
			close(made);
		MUST(dup2(spare, fd));
		close_unseen(fd);
		made = makers[i].make();
		if (made < 0)
			say("%s: %s", makers[i].name, errno_name(errno));
		else
			check(makers[i].name, fd, made);
		MUST(dup2(spare, fd));
	}
	unlink(file);
	pair_send(p, 5);
	SHOW(peer_receive(p, 5));
}

/* An fd that comes by SCM_RIGHTS has a new number too. */
static void by_rights(struct pair *p)
{
	int ends[2], null = open("/dev/null", O_RDWR), got = -1;
	char room[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &null, sizeof(int));
	SHOW(sendmsg(ends[0], &m, 0));
	close_unseen(p->fd);
	SHOW(recvmsg(ends[1], &m, 0));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	say("same number %d", got == p->fd);
	SHOW(recv(got, &byte, 1, MSG_DONTWAIT));
}

static void privileged(struct pair *p)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY), self, copy;

	say("%d", fd >= 0 || errno == EPERM || errno == ENOSYS);
	self = pidfd_open(getpid(), 0);
	copy = pidfd_getfd(self, 1, 0);
	say("%d", copy >= 0 || errno == EPERM || errno == ENOSYS);
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "reused", LANE, reused, "a stale number becomes something else" },
	{ "by_rights", LANE, by_rights, "the same, received" },
	{ "privileged", SEM_ONCE, privileged, "what may be forbidden" },
	{ 0 }
};
