// SPDX-License-Identifier: BSD-2-Clause
/*
 * Limits of the process that are lowered, or reached: a connection goes on with
 * what it has, and asks for no more than the kernel's would.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

static int set_files(rlim_t files)
{
	struct rlimit limit;

	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = files;
	return setrlimit(RLIMIT_NOFILE, &limit);
}

/* From now on the kernel gives `left` new numbers. */
static void leave_files(int left)
{
	int i, fds[8];

	while (MUST(dup(0)) < 100)
		;		/* a limit that a process may well have */
	for (i = 0; i <= left; i++)
		fds[i] = (int)MUST(dup(0));
	MUST(set_files((rlim_t)fds[left]));
	for (i = 0; i <= left; i++)
		MUST(close(fds[i]));
}

/* What blocks and what polls, both ways. */
static void talk(struct pair *p)
{
	peer_later(p, 50, PEER_SEND, 100, 0);
	SHOW(recv(p->fd, buf, 100, MSG_PEEK));
	say("%s", pair_check(p, buf, recv(p->fd, buf, 100, MSG_WAITALL)));
	peer_end();
	peer_later(p, 50, PEER_SEND, 100, 0);
	show_poll(p->fd, POLLIN, 5000);
	say("%s", pair_check(p, buf, recv(p->fd, buf, 100, MSG_WAITALL)));
	peer_end();
	pair_talk(p);
}

static void end(struct pair *p)
{
	peer_shutdown(p, SHUT_WR);
	SHOW(recv(p->fd, buf, 100, 0));
	SHOW(close(p->fd));
	p->fd = -1;
}

static void no_files(struct pair *p)
{
	SHOW(set_files(0));
	peer_send(p, 100);
	SHOW(recv(p->fd, buf, 100, MSG_PEEK | MSG_WAITALL));
	pair_receive(p, 100);
	pair_talk(p);
	end(p);
}

static void no_files_prlimit(struct pair *p)
{
	struct rlimit limit;

	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max = 1;
	SHOW(prlimit(getpid(), RLIMIT_NOFILE, &limit, NULL));
	pair_talk(p);
	SHOW(prlimit(0, RLIMIT_NOFILE, NULL, &limit));
	end(p);
}

/* What programs call that are built for large files. */
static void no_files_64(struct pair *p)
{
	struct rlimit64 limit;

	MUST(getrlimit64(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 1;
	SHOW(setrlimit64(RLIMIT_NOFILE, &limit));
	pair_talk(p);
	limit.rlim_cur = 0;
	SHOW(prlimit64(0, RLIMIT_NOFILE, &limit, NULL));
	pair_talk(p);
}

static void no_files_syscall(struct pair *p)
{
	struct rlimit limit;

	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 0;
	SHOW(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL));
	pair_talk(p);
	end(p);
}

/* Neither greeted nor touched. */
static void no_files_fresh(struct pair *p)
{
	fresh_open(p, 0, 50);
	pair_send(p, 300);
	SHOW(set_files(0));
	if (sem_is_client)
		fresh_accepted();
	SHOW(peer_receive(p, 300));
	pair_talk(p);
}

static void *talk_there(void *arg)
{
	talk(arg);
	return NULL;
}

/* Also by a thread that has never waited before. */
static void reached(struct pair *p)
{
	pthread_t thread;

	leave_files(1);
	SHOW_FD(dup(0));
	SHOW(dup(0));
	MUST(-pthread_create(&thread, NULL, talk_there, p));
	pthread_join(thread, NULL);
	talk(p);
	end(p);
}

static void reached_epoll(struct pair *p)
{
	struct epoll_event event = { .events = EPOLLIN };
	int set = (int)MUST(epoll_create1(0));

	leave_files(0);
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, p->fd, &event));
	peer_later(p, 50, PEER_SEND, 100, 0);
	SHOW(epoll_wait(set, &event, 1, 5000));
	peer_end();
	pair_receive(p, 100);
	SHOW(epoll_wait(set, &event, 1, 0));
	talk(p);
	SHOW(epoll_ctl(set, EPOLL_CTL_DEL, p->fd, NULL));
}

/* accept() gives the last number that there is. */
static void last_accept(struct pair *p)
{
	int port, l = sem_listen(4, &port);
	struct pair c = { .fd = sem_socket() }, s = { 0 };

	SHOW(fresh_to(c.fd, port));
	pair_send(&c, 100);
	leave_files(1);
	s.fd = SHOW_FD(accept(l, NULL, NULL));
	pair_receive(&s, 100);
	both_say(&s, &c, 1000);
	SHOW(close(s.fd));
	SHOW(recv(c.fd, buf, 1, 0));
	(void)p;
}

#define TINY ((256 + 16) << 10)	/* a stack of 16 KiB; TLS of the suite is more */

static void *all_of_it(void *arg)
{
	struct pair *p = arg;
	struct both b;

	talk(p);
	both_open(&b);
	both_say(&b.client, &b.server, 3000);
	both_say(&b.server, &b.client, 3000);
	both_close(&b);
	end(p);
	return NULL;
}

static void tiny_stack(struct pair *p)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	MUST(-pthread_attr_setstacksize(&attr, TINY));
	MUST(-pthread_create(&thread, &attr, all_of_it, p));
	pthread_join(thread, NULL);
}

/* No memory beyond what there is, and a little. */
static void address_space(struct pair *p)
{
	struct rlimit limit;

	MUST(getrlimit(RLIMIT_AS, &limit));
	limit.rlim_cur = 1 << 20;
	SHOW(setrlimit(RLIMIT_AS, &limit));
	talk(p);
	end(p);
}

const struct sem_case sem_cases[] = {
	{ "no_files", LANE | SEM_NO_TSAN, no_files,
	  "RLIMIT_NOFILE 0 on a connection" },
	{ "no_files_prlimit", LANE, no_files_prlimit, "by prlimit(2)" },
	{ "no_files_64", LANE | SEM_NO_TSAN, no_files_64,
	  "by the calls for large files" },
	{ "no_files_syscall", LANE, no_files_syscall, "by syscall(2)" },
	{ "no_files_fresh", 0, no_files_fresh, "before it has said anything" },
	{ "reached", LANE, reached, "no new fd: blocking calls, poll()" },
	{ "reached_epoll", LANE, reached_epoll, "no new fd: epoll" },
	{ "last_accept", SEM_ONCE, last_accept, "accept() with the last fd" },
	{ "tiny_stack", LANE | SEM_NO_TSAN, tiny_stack, "a thread with a small stack" },
	{ "address_space", LANE | SEM_NO_TSAN, address_space, "RLIMIT_AS" },
	{ NULL, 0, NULL, NULL }
};
