/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dial.c and redial.c have in common: the active side's greeting, and
 * taking it back.
 */
#ifndef CONN_REDIAL_H
#define CONN_REDIAL_H

#include "conn/parts.h"

#define REQUIRED_ERROR (-ENETUNREACH)	/* require, and no lane */

/* Undo the kernel's connection on the same socket. */
void dial_dissolve(struct conn *conn);
/* With lock: what came is no REPLY, or nothing came in time. */
void redial_take_back(struct conn *conn);
/* With lock: is the second connection there? */
void redial_look(struct conn *conn);

#endif
