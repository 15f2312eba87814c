/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What else the service thread does (audit.c, service.c), and credentials.c.
 */
#ifndef CONN_SERVICE_H
#define CONN_SERVICE_H

#include "conn/parts.h"

void credentials_after_fork(void);
/* audit.c: service thread: checks the fd table now and then, if built to */
void audit_table(void);
void service_after_fork(void);

#endif
