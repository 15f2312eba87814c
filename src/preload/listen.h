/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listening sockets: whether their SYN-ACKs are marked (mark/mark.h), so that
 * clients know that this process is under shunt. A listener is marked when it
 * begins to listen, or is first seen; it is looked at again at accept(), at
 * most once a second, because the policy, the device, or another process that
 * has it too, may have changed what it should be. preload/ only.
 */
#ifndef PRELOAD_LISTEN_H
#define PRELOAD_LISTEN_H

#include <stdbool.h>

#include "base/fd.h"

/* listen(2) was called: whatever the number stood for before is over. */
void listen_made(int fd);

/* A connection was accepted on it. */
void listen_accepted(int fd);

/* This number listens: mark it, or take the mark off, if that is due. */
void listen_look(int fd);

/* The MSS it is marked with; 0: it is not, or is none of ours. */
unsigned listen_mark(int fd);

/*
 * May who connects to it greet? Its mark may have been seen before the policy
 * was another one.
 */
static inline bool listen_is_greeted(int fd)
{
	return fd_has_note(fd, FD_NOTE_GREETED);
}

/* The process begins: what it has inherited may listen. */
void listen_begin(void);

/*
 * Another program is about to have the listeners that are not close-on-exec,
 * in this process (`instead`) or in one beside it. What may know nothing of
 * shunt has no mark. But one that a process accepts on, which goes on beside
 * the new program, is left as it is: that has it by oversight.
 */
void listen_hand_on(bool instead);
/* Another process is about to have this one (SCM_RIGHTS). */
void listen_give(int fd);

/* Around fork(2): the table is not half changed in the child. */
void listen_before_fork(void);
void listen_after_fork(void);
/* In a child before that, if nobody called listen_before_fork(). */
void listen_forked_unseen(void);
/* In a child, after that: what listens is our parent's. */
void listen_inherited(void);

#endif
