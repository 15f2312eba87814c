/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking the policy where a connection begins. preload/ only. */
#ifndef PRELOAD_VERDICT_H
#define PRELOAD_VERDICT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "diag/log.h"
#include "policy/policy.h"

/* May any connection of this role leave TCP? One cheap look. */
bool verdict_possible(enum policy_role role);

/*
 * Does the policy want this connect() on RDMA? Fills *remote (normalized) and
 * *decision if so. A `tcp` verdict is counted and forgotten.
 */
bool verdict_connect(const struct sockaddr *addr, socklen_t len,
		     struct sockaddr_storage *remote,
		     struct policy_decision *decision);

/*
 * The same for the socket `fd` accepted from `listener`; enters it into the fd
 * table. False: its client has taken it back, or the listener's options let it
 * have no lane and its rule demands one; it is closed.
 */
bool verdict_accepted(int listener, int fd, const struct sockaddr *peer,
		      socklen_t len);

/*
 * From now on no connection of this process leaves TCP, for this reason,
 * unless its rule says `require`; and those that wait for a lane do not get
 * one. Logged once, at this level.
 */
void verdict_forbid(enum reason reason, enum log_level level);

/* accept(2)'s address result, cut to the caller's room as the kernel does. */
void verdict_copy_name(struct sockaddr *to, socklen_t *len, socklen_t room,
		       const struct sockaddr *from, socklen_t size);

#endif
