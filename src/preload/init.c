// SPDX-License-Identifier: BSD-2-Clause
/*
 * The library's beginning and end in somebody else's process. The constructor
 * finds libc's functions, the log's file and what listens: the policy is read
 * on the first verdict, the RDMA runtime loaded on the first that wants it.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/cancel.h"
#include "base/critical.h"
#include "base/real.h"
#include "base/root.h"
#include "conn/conn.h"
#include "diag/log.h"
#include "fdtab/fdtab.h"
#include "preload/listen.h"
#include "preload/shim.h"
#include "preload/stdio.h"
#include "ready/asleep.h"
#include "ready/bell.h"
#include "ready/ready.h"

static __thread unsigned depth;	/* critical, of the thread that forks */

void shim_before_fork(void)
{
	depth = critical_depth;
	critical_enter();
	conn_before_fork();
	fdtab_before_fork();
	listen_before_fork();
}

void shim_in_parent(void)
{
	listen_after_fork();
	fdtab_after_fork();
	conn_after_fork_parent();
	critical_leave();
}

void shim_in_child(void)
{
	bool in_call = cancel_depth() > 0 || critical_in_handler();

	shim_own_process();
	shim_signals_after_fork();
	listen_inherited();
	listen_after_fork();
	if (!in_call)
		fdtab_recount();
	fdtab_after_fork();
	ready_after_fork();
	stdio_after_fork();
	conn_after_fork_child(in_call);
	critical_after_fork(depth);
}

void shim_in_strange_child(void)
{
	depth = critical_depth;
	critical_enter();
	conn_forked_unseen();
	fdtab_forked_unseen();
	listen_forked_unseen();
	shim_in_child();
}

/* Nothing will ask for the policy, which would set the level. */
static void say_inert(void)
{
	const char *level = getenv("SHUNT_LOG_LEVEL");

	if (!level || log_parse_level(level) < LOG_INFO)
		return;
	log_set_level(LOG_INFO);
	log_info(
		"inert: this program has not loaded libpthread and libdl, without which the library cannot work before glibc 2.34");
}

__attribute__((constructor)) static void begin(void)
{
	real_init();
	if (real_secure())
		return;		/* not even a look at the environment */
	root_remember();
	log_begin();
	if (!real_ready()) {
		say_inert();
		return;	/* what a fork would call may not be there */
	}
	shim_own_process();
	shim_begin_signals();
	asleep_prepare();
	bell_prepare();
	pthread_atfork(shim_before_fork, shim_in_parent, shim_in_child);
	listen_begin();
}

__attribute__((destructor)) static void end(void)
{
	stdio_exit();
	shim_end_process();
}
