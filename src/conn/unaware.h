/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Destinations that did not answer a greeting a short while ago, where the rule
 * says greeting = "probe". Lock: unaware. Any thread.
 */
#ifndef CONN_UNAWARE_H
#define CONN_UNAWARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

void unaware_remember(const struct sockaddr_storage *remote, uint32_t for_ms);

/* In a forked child: another thread may have had the lock. */
void unaware_after_fork(void);

bool unaware_known(const struct sockaddr_storage *remote);

#endif
