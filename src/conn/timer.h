/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the service thread looks at a connection. Any thread, no locks.
 */
#ifndef CONN_TIMER_H
#define CONN_TIMER_H

#include "conn/parts.h"

#define TIME_AT_ONCE 0	/* as soon as those that are due already */

/*
 * The service thread is to look at it by then; if it is not watched,
 * and its greeting is not over, it is from then on. Any thread, no locks.
 */
void timer_by(struct conn *conn, uint64_t due_ms);
void timer_forget(struct conn *conn);
/* loop_hooks.begin: 0 or -errno. */
int timer_begin(void);
void timer_after_fork(void);
#define STALL_LOOK_MS 500	/* between looks at what is outstanding */

#endif
