// SPDX-License-Identifier: BSD-2-Clause
/*
 * A signal handler jumps out of a blocked call (siglongjmp(3)), the classic way
 * to give up on one: the connection goes on, and ends when it is closed.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];
static __thread sigjmp_buf out;
static struct pair *inside;	/* what the handler uses itself */

static void jump(int signal)
{
	(void)signal;
	siglongjmp(out, 1);
}

static void handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	MUST(sigaction(signal, &action, NULL));
}

/* A signal for this thread when it sleeps, from another thread. */
struct call { int signal; pid_t tid; pthread_t thread, caller; };

static void *signal_it(void *arg)
{
	struct call *call = arg;
	atomic_int tid = call->tid;

	await_asleep(&tid);
	pthread_kill(call->thread, call->signal);
	return NULL;
}

static void signal_later(struct call *call, int signal)
{
	call->signal = signal;
	call->tid = (pid_t)syscall(SYS_gettid);
	call->thread = pthread_self();
	MUST(-pthread_create(&call->caller, NULL, signal_it, call));
}

/* Each blocked in `what`, and jumped out of. */
#define JUMPED(what) \
	do { \
		struct call call_; \
		signal_later(&call_, SIGUSR1); \
		if (!sigsetjmp(out, 1)) \
			SHOW(what); \
		else \
			say("%s: jumped", #what); \
		pthread_join(call_.caller, NULL); \
	} while (0)

static void show_state(void)
{
	int state = -1;
	sigset_t mask;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	say("cancellation %s, USR1 %s, TERM %s",
	    state == PTHREAD_CANCEL_ENABLE ? "on" : "off",
	    sigismember(&mask, SIGUSR1) ? "blocked" : "open",
	    sigismember(&mask, SIGTERM) ? "blocked" : "open");
}

/* The peer sees the end when our only number is closed. */
static void ends(struct pair *p)
{
	pair_talk(p);
	SHOW(close(p->fd));
	p->fd = -1;
	SHOW(peer_do(PEER_DRAIN, p->slot, 0, 0));
}

static void receives(struct pair *p)
{
	handle(SIGUSR1, jump, 0);
	for (int i = 0; i < 3; i++)
		JUMPED(recv(p->fd, buf, 8, 0));
	show_state();
	pair_talk(p);
	JUMPED(recv(p->fd, buf, 8, MSG_WAITALL));
	JUMPED(read(p->fd, buf, 8));
	ends(p);
}

static void sends(struct pair *p)
{
	static char many[64 << 20];	/* more than anybody keeps */
	long got;

	handle(SIGUSR1, jump, 0);
	JUMPED(send(p->fd, many, sizeof(many), 0));
	show_state();
	SHOW(close(p->fd));
	p->fd = -1;
	got = peer_do(PEER_SKIP, p->slot, sizeof(many), 0);
	say("%s", got > 0 && got < (long)sizeof(many) ? "a part" : "BAD");
}

static void polls(struct pair *p)
{
	struct pollfd many[40];
	fd_set set;

	handle(SIGUSR1, jump, SA_RESTART);
	for (int i = 0; i < 40; i++)
		many[i] = (struct pollfd){ .fd = p->fd, .events = POLLIN };
	JUMPED(poll(many, 1, -1));
	JUMPED(poll(many, 40, -1));
	FD_ZERO(&set);
	FD_SET(p->fd, &set);
	JUMPED(select(p->fd + 1, &set, NULL, NULL, NULL));
	show_state();
	peer_send(p, 10);
	show_poll(p->fd, POLLIN, 5000);
	pair_receive(p, 10);
	ends(p);
}

static void sets(struct pair *p)
{
	struct epoll_event event = { .events = EPOLLIN };
	int set = (int)MUST(epoll_create1(0));

	handle(SIGUSR1, jump, 0);
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, p->fd, &event));
	JUMPED(epoll_wait(set, &event, 1, -1));
	JUMPED(epoll_wait(set, &event, 1, -1));
	show_state();
	peer_send(p, 10);
	SHOW(epoll_wait(set, &event, 1, 5000));
	pair_receive(p, 10);
	SHOW(epoll_wait(set, &event, 1, 0));
	ends(p);
}

/* The frames that were left are written over by deeper ones. */
__attribute__((noinline)) static int deeper(int depth, struct pair *p)
{
	volatile char frame[3000];

	memset((char *)frame, depth, sizeof(frame));
	if (depth > 0)
		return deeper(depth - 1, p) + frame[depth];
	JUMPED(recv(p->fd, buf, 8, 0));
	return frame[0];
}

static void depths(struct pair *p)
{
	handle(SIGUSR1, jump, 0);
	for (int i = 0; i < 6; i++)
		deeper(i % 2 ? 1 : 8 - i, p);
	show_state();
	ends(p);
}

static void use_inside(int signal)
{
	(void)signal;
	pair_talk(inside);
	peer_later(inside, 50, PEER_SEND, 10, 0);
	pair_receive(inside, 10);
	peer_end();
}

static void jump_inside(int signal)
{
	sigjmp_buf before;

	(void)signal;
	memcpy(before, out, sizeof(before));
	handle(SIGUSR1, jump, 0);
	JUMPED(recv(inside->fd, buf, 8, 0));
	memcpy(out, before, sizeof(before));
	pair_talk(inside);
}

/* A handler's own sleep is not taken for one that was left, nor its call's. */
static void nested(struct pair *p, void (*handler)(int), int flags)
{
	struct pair other = { .fd = -1 };
	struct call call;

	pair_open(&other, 1);
	pair_warm(&other);
	inside = &other;
	handle(SIGUSR2, handler, flags);
	handle(SIGUSR1, jump, 0);
	signal_later(&call, SIGUSR2);
	SHOW(recv(p->fd, buf, 8, 0));
	pthread_join(call.caller, NULL);
	show_state();
	JUMPED(recv(p->fd, buf, 8, 0));
	pair_talk(&other);
	pair_close(&other);
	ends(p);
}

static void handler_sleeps(struct pair *p)
{
	nested(p, use_inside, 0);
}

static void handler_jumps(struct pair *p)
{
	nested(p, jump_inside, 0);
}

static void handler_elsewhere(struct pair *p)
{
	static char stack[1 << 17];
	stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };

	MUST(sigaltstack(&other, NULL));
	nested(p, use_inside, SA_ONSTACK);
}

static void *leaves(void *arg)
{
	struct pair *p = arg;

	JUMPED(recv(p->fd, buf, 8, 0));
	return NULL;
}

/* The thread that jumped ends, or has nothing more to do with it. */
static void thread_is_over(struct pair *p)
{
	pthread_t thread;

	handle(SIGUSR1, jump, 0);
	MUST(-pthread_create(&thread, NULL, leaves, p));
	pthread_join(thread, NULL);
	ends(p);
}

#define JUMPS (LANE | SEM_NO_TSAN)

const struct sem_case sem_cases[] = {
	{ "receives", JUMPS, receives, "out of recv(), read()" },
	{ "sends", JUMPS, sends, "out of send()" },
	{ "polls", JUMPS, polls, "out of poll(), select()" },
	{ "sets", JUMPS, sets, "out of epoll_wait()" },
	{ "depths", JUMPS, depths, "at several depths of the stack" },
	{ "handler_sleeps", JUMPS, handler_sleeps,
	  "a handler blocks on another connection" },
	{ "handler_jumps", JUMPS, handler_jumps,
	  "and jumps out of that" },
	{ "handler_elsewhere", JUMPS, handler_elsewhere,
	  "a handler on a stack of its own" },
	{ "thread_is_over", JUMPS, thread_is_over, "in a thread that ends" },
	{ NULL, 0, NULL, NULL }
};
