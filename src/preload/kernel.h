/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program asks of the kernel's TCP that no lane can do: the rows of
 * options.def. A connection goes back to TCP before such an option is set, and
 * stays; a socket that has one already never gets a lane. preload/ only.
 */
#ifndef PRELOAD_KERNEL_H
#define PRELOAD_KERNEL_H

#include <stdbool.h>
#include <sys/socket.h>

#include "diag/reason.h"

/* Would setsockopt(2) with these be such an option? REASON_none: no. */
enum reason kernel_option(int level, int name, const void *value,
			  socklen_t len);

/*
 * It is about to be set on the fd: its connection is on TCP afterwards. 0, or
 * -EOPNOTSUPP, logged. And: it was set.
 */
int kernel_option_comes(int fd, enum reason reason);
void kernel_option_came(int fd, enum reason reason);

/*
 * What another program or library of the process may have set is asked of the
 * kernel, and noted. A few system calls.
 */
void kernel_look(int fd);

/*
 * Why a connection of this socket, or accepted on it, has to be on TCP, by
 * what is noted; REASON_none: it need not. `any_path`: its rule's.
 */
enum reason kernel_wants(int fd, bool any_path);

#endif
