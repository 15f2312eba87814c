/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `shunt trace` and `shunt report` ask what has become of connections
 * (diag/channel.h). Each who asks has a thread of their own for as long as
 * they listen, a few at a time: one that stops reading stops that thread
 * alone, and is told later how much it has missed.
 */
#ifndef CONN_TRACE_TELL_H
#define CONN_TRACE_TELL_H

#include <stdbool.h>

#define TRACE_TELLERS 4

/* Is this line of a request one of theirs: "steps" or "trace ..."? */
bool trace_is_request(const char *request);

/*
 * Answer it on fd, which is taken over, without waiting for that. NULL, or why
 * not, and fd is the caller's still.
 */
const char *trace_tell(int fd, const char *request);

/* A forked child's: its parent's conversations are not its own. */
void trace_tell_after_fork(void);

#endif
