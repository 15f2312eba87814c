/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bits now: what runs under a lock, or below those who know what follows, says
 * what is left to do (due.def), and conduct.h does it later.
 */
#ifndef CONN_DUE_H
#define CONN_DUE_H

struct conn;

enum due {
#define DUE(name, function) DUE_##name,
#include "conn/due.def"
	DUES
};

/* With any lock or none. Whoever was called first by another folder, the loop
 * or a job has to conduct(). */
void due(struct conn *conn, enum due what);

#ifdef SHUNT_DEBUG
/* This thread has nothing left to do, as conduct() knows. */
void due_done(void);
/* Abort if it has: the end of a call, of a job, of a look. */
void due_check(void);
#else
static inline void due_done(void) {}
static inline void due_check(void) {}
#endif

#endif
