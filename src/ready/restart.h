/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupted sleeps: restart as SA_RESTART says, or fail. ready/ only. */
#ifndef READY_RESTART_H
#define READY_RESTART_H

#include <stdbool.h>

/*
 * A handler has interrupted ppoll(2), which never restarts. Would recv(2)
 * have been restarted (signal(7))? Yes if every handler that is installed has
 * SA_RESTART. With mixed handlers it is not known whose signal it was, and
 * the answer is no: EINTR is what a caller without SA_RESTART must expect.
 */
bool restart_wanted(void);

#endif
