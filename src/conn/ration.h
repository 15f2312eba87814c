/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The early bytes of all connections together, and of each address. With
 * receive, or nobody else has the connection.
 */
#ifndef CONN_RATION_H
#define CONN_RATION_H

#include <stdbool.h>

#include "conn/parts.h"

/* At least so many are counted as the connection's; false: too many are. */
bool ration_take(struct conn *conn, size_t size);
/* None are kept any more. Any number of times. */
void ration_give(struct conn *conn);
void ration_after_fork(void);

#endif
