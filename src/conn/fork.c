// SPDX-License-Identifier: BSD-2-Clause
/*
 * fork(2): the child touches nothing that it inherited of librdmacm, and has
 * none of the threads. What becomes of the connections is family.c.
 */
#include "conn/carrier.h"
#include "conn/crowd.h"
#include "conn/family.h"
#include "conn/linger.h"
#include "conn/listener.h"
#include "conn/service.h"
#include "conn/tally.h"
#include "conn/trace.h"
#include "conn/trace_tell.h"
#include "conn/unaware.h"
#include "conn/work.h"
#include "policy/keys.h"

void conn_before_fork(void)
{
	family_before_fork();
}

void conn_forked_unseen(void)
{
	family_forked_unseen();
}

void conn_after_fork_parent(void)
{
	family_after_fork_parent();
}

void conn_after_fork_child(bool in_call)
{
	carrier->after_fork();
	trace_after_fork();
	trace_tell_after_fork();
	credentials_after_fork();
	work_after_fork();
	listener_after_fork();
	keys_after_fork();
	service_after_fork();
	linger_after_fork();
	unaware_after_fork();
	tally_after_fork();
	crowd_after_fork();
	family_after_fork_child(in_call);
}
