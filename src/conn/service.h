/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONN_SERVICE_H
#define CONN_SERVICE_H

#include <stdbool.h>

/*
 * The service thread ends for a while, when it has come to the end of its
 * round; what is to be done waits. One caller at a time, who resumes, and not
 * the thread itself.
 */
bool service_runs(void);
void service_pause(void);
void service_resume(void);

#endif
