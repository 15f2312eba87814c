/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What we say on the TCP leg behind our boundary.
 */
#ifndef CONN_OUTBOX_H
#define CONN_OUTBOX_H

#include "conn/parts.h"

/* What we say on the TCP leg behind our boundary */
/* Queue a record and try to send it. Takes `lock`. */
void outbox_say(struct conn *conn, uint8_t type, uint32_t flags,
		uint64_t offset);
/*
 * Say RETURN with a part of these bytes: its size, or 0 as long as something
 * waits to go out. Takes `lock`.
 */
size_t outbox_return(struct conn *conn, uint64_t offset, const uint8_t *bytes,
		     size_t size);
/* Has everything queued been taken by the kernel? */
bool outbox_flushed(struct conn *conn);

#endif
