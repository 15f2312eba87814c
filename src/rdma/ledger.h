/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --enable-debug: what each lane was given and has given back, as the CRC-32C
 * of each 4 KiB of its stream with the offset, in $SHUNT_T_LEDGER.PID, a line
 *	FROM TO sent|received OFFSET BYTES CRC
 * each (the last one of a direction is shorter). Written by both ends, and
 * compared by t/guest/ledger.py: where the ends differ, the device or librdmacm
 * changed bytes on their way; wrong bytes where they agree are our own. Nothing
 * is put into the stream, so that what is carried stays what it was.
 *
 * ledger_begin() before the first rsocket is made, by one thread at a time;
 * ledger_sent() with the lock of sending, ledger_received() with that of
 * receiving, after n bytes were moved (not: peeked at); ledger_end() before
 * rclose(3), when nobody moves any. Without that variable, or in other builds,
 * they do nothing.
 */
#ifndef RDMA_LEDGER_H
#define RDMA_LEDGER_H

#include <sys/types.h>

#ifdef SHUNT_DEBUG
void ledger_begin(void);
void ledger_sent(int rs, const void *bytes, ssize_t n);
void ledger_received(int rs, const void *bytes, ssize_t n);
void ledger_end(int rs);
void ledger_after_fork(void);
#else
static inline void ledger_begin(void)
{
}

static inline void ledger_sent(int rs, const void *bytes, ssize_t n)
{
	(void)rs;
	(void)bytes;
	(void)n;
}

static inline void ledger_received(int rs, const void *bytes, ssize_t n)
{
	ledger_sent(rs, bytes, n);
}

static inline void ledger_end(int rs)
{
	(void)rs;
}

static inline void ledger_after_fork(void)
{
}
#endif

#endif
