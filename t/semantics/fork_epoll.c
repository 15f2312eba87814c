// SPDX-License-Identifier: BSD-2-Clause
/*
 * fork with a connection in an epoll set: the kernel has one set for both
 * processes, and the connection may change its lane under it.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sem.h"

static void waits(struct pair *p)
{
	struct epoll_event event = { .events = EPOLLIN };
	pid_t pid;
	int set;

	peer_later(p, 50, PEER_SEND, 100, 0);
	pid = fork_child();
	if (pid == 0) {
		set = epoll_create1(0);
		SHOW(epoll_ctl(set, EPOLL_CTL_ADD, p->fd, &event));
		SHOW(epoll_wait(set, &event, 1, 5000));
		pair_receive(p, 100);
		SHOW(epoll_wait(set, &event, 1, 0));
		end_child();
	}
	join_child(pid);
	p->rx += 100;
	SHOW(peer_end());
	pair_talk(p);
}

/* The child's use changes where it is, while the parent changes its events. */
static void churns(struct pair *p)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = p->fd };
	int set = epoll_create1(EPOLL_CLOEXEC), failed = 0, status;
	pid_t pid;

	SHOW(peer_send(p, 100));
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, p->fd, &event));
	pid = fork_child();
	if (pid == 0) {
		close(set);
		pair_receive(p, 100);
		end_child();
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		failed += epoll_ctl(set, EPOLL_CTL_MOD, p->fd, &event) != 0;
		failed += epoll_ctl(set, EPOLL_CTL_DEL, p->fd, NULL) != 0;
		failed += epoll_ctl(set, EPOLL_CTL_ADD, p->fd, &event) != 0;
	}
	printf("the child ended with %d; %d changes failed\n", status, failed);
	p->rx += 100;
	SHOW(peer_send(p, 1000));
	SHOW(epoll_wait(set, &event, 1, 3000));
	pair_receive(p, 1000);
	SHOW(epoll_wait(set, &event, 1, 0));
}

/* How many events came in time. */
static void *sleep_in(void *set)
{
	struct epoll_event event;
	long begin = now_ms(), got;

	got = epoll_wait(*(int *)set, &event, 1, 5000);
	return (void *)(now_ms() - begin < 4000 ? got : 0);
}

/* What the child closes is the parent's as ever, and wakes it (epoll(7)). */
static void closes_set(struct pair *p)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = p->fd };
	int set = epoll_create1(EPOLL_CLOEXEC);
	pthread_t thread;
	void *woken;
	pid_t pid;

	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, p->fd, &event));
	SHOW(epoll_wait(set, &event, 1, 0));
	pid = fork_child();
	if (pid == 0) {
		SHOW(close(set));
		end_child();
	}
	join_child(pid);
	pthread_create(&thread, NULL, sleep_in, &set);
	nap(100);
	event.events = EPOLLIN | EPOLLOUT;
	SHOW(epoll_ctl(set, EPOLL_CTL_MOD, p->fd, &event));
	pthread_join(thread, &woken);
	printf("woken with %ld\n", (long)woken);
	event.events = EPOLLIN;
	SHOW(epoll_ctl(set, EPOLL_CTL_MOD, p->fd, &event));
	SHOW(peer_send(p, 3000));
	SHOW(epoll_wait(set, &event, 1, 3000));
	pair_receive(p, 3000);
}

const struct sem_case sem_cases[] = {
	{ "waits", LANE | SEM_PROCS, waits, "epoll in the child" },
	{ "churns", LANE | SEM_PROCS, churns,
	  "the parent changes a set while the child's use moves it" },
	{ "closes_set", LANE | SEM_PROCS, closes_set,
	  "the child closes the set" },
	{ "closes_new_set", SEM_PAIR | SEM_PROCS, closes_set,
	  "the same, of a connection that was just made" },
	{ 0 }
};
