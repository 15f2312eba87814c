/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bits now, work later. What runs under a lock, or below those who know what
 * follows, marks it (due.def); who called it from above all does it when no
 * lock is held: each function that another folder calls, each job and each look
 * of the service thread ends with conduct(). No file that conduct.c calls may
 * call it (t/lint/circle).
 */
#ifndef CONN_CONDUCT_H
#define CONN_CONDUCT_H

#include "conn/due.h"
#include "conn/parts.h"

/* Do what is due. No locks; the caller holds the connection. Keeps errno. */
void conduct_due(struct conn *conn);

static inline void conduct(struct conn *conn)
{
	if (__builtin_expect(atomic_load(&conn->due) != 0, 0))
		conduct_due(conn);
	due_done();
}

#endif
