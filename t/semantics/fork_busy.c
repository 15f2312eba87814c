// SPDX-License-Identifier: BSD-2-Clause
/*
 * fork while another thread is in a call, while a client's greeting is on its
 * way, and where there is no fd to share anything by.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate.h"
#include "sem.h"

static char buf[16384];

static void *reads(void *arg)
{
	return (void *)recv(*(int *)arg, buf, 10, MSG_WAITALL);
}

/* The child's: it is there until its parent ends it. */
static void stay(struct gate *gate)
{
	close_gate(gate);
	alarm(10);
	for (;;)
		pause();
}

/* The thread has its bytes; the peer is at the end, which the child is not. */
static void ends_before(struct pair *p, pthread_t thread, pid_t child)
{
	void *got;

	SHOW(peer_send(p, 10));
	pthread_join(thread, &got);
	say("the thread has %ld", (long)got);
	if (p->fd >= 0)
		SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_drain(p));
	say("the child lives: %d", waitpid(child, NULL, WNOHANG) == 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* What the child closes, and the parent then, is at its end for the peer. */
static void closes_beside(struct pair *p)
{
	struct gate gate = open_gate();
	pthread_t thread;
	pid_t pid;

	pthread_create(&thread, NULL, reads, &p->fd);
	nap(100);
	pid = fork_child();
	if (pid == 0) {
		close(p->fd);
		stay(&gate);
	}
	await_gate(&gate);
	ends_before(p, thread, pid);
}

/* The number is closed while the thread is in its call. */
static void closed_beside(struct pair *p)
{
	struct gate gate = open_gate();
	int fd = p->fd;
	pthread_t thread;
	pid_t pid;

	pthread_create(&thread, NULL, reads, &fd);
	nap(100);
	SHOW(close(p->fd));
	p->fd = -1;
	pid = fork_child();
	if (pid == 0)
		stay(&gate);
	await_gate(&gate);
	ends_before(p, thread, pid);
}

/* A child that cannot be told anything does no harm by its close(). */
static void shares_nothing(struct pair *p)
{
	struct rlimit own, none;
	pid_t pid;

	SHOW(peer_send(p, 10000));
	MUST(getrlimit(RLIMIT_NOFILE, &own));
	none = own;
	none.rlim_cur = 0;
	MUST(setrlimit(RLIMIT_NOFILE, &none));
	pid = fork_child();
	MUST(setrlimit(RLIMIT_NOFILE, &own));
	if (pid == 0) {
		SHOW(close(p->fd));
		nap(300);
		end_child();
	}
	join_child(pid);
	pair_receive(p, 10000);
	pair_talk(p);
}

/* A helper that the server starts knows nothing of its connections. */
static void runs_helpers(struct pair *p)
{
	struct epoll_event event = { .events = EPOLLIN };
	int port, l = sem_listen(16, &port), set = epoll_create1(0), good = 0;

	for (int i = 0; i < 10; i++) {
		pid_t pid;
		int fd;

		peer_begin(PEER_CONNECT, i, 0, port, 0);
		fd = (int)MUST(accept(l, NULL, NULL));
		MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
		pid = fork_child();
		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		MUST(peer_end());
		MUST(peer_do(PEER_SEND, i, 10, 0));
		good += waitpid(pid, NULL, 0) == pid;
		good += epoll_wait(set, &event, 1, 5000) == 1;
		good += recv(fd, buf, 10, MSG_WAITALL) == 10;
		close(fd);
		peer_do(PEER_CLOSE, i, 0, 0);
	}
	say("%d of 30", good);
	close(set);
	close(l);
	(void)p;
}

const struct sem_case sem_cases[] = {
	{ "closes_beside", LANE | SEM_PROCS, closes_beside,
	  "a thread of the parent's reads while the child is made" },
	{ "closed_beside", LANE | SEM_PROCS | SEM_NO_TSAN, closed_beside,
	  "and its number is closed already" },
	{ "shares_nothing", LANE | SEM_PROCS, shares_nothing,
	  "no fd is left when the child is made" },
	{ "runs_helpers", SEM_PROCS, runs_helpers,
	  "fork and exec of a program beside new connections" },
	{ 0 }
};
