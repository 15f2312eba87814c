/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread at a time in an rsocket. rsocket.c changes three counts, of bytes
 * free in the send and in the receive buffer and of the send queue's entries,
 * under the lock of a direction here and of the completion queue there. Of two
 * threads, one that sends and one that receives or polls, one's change may be
 * lost (seen: hundreds of bytes in 5 MB each way; t/guest/README.md). Then more
 * counts as free than is, and bytes are overwritten which were not
 * acknowledged: who has to send them again sends others.
 *
 * The runtime of contrib/rdma-core, known by shunt_rkept(), counts right. With
 * any other these two stand around what sends, receives or polls. No call
 * between them blocks, but for an rpoll() whose poll() is not ours (arm.c): a
 * second, and then the lane is not used. The lock ranks below all others. For
 * rdma/ alone.
 */
#ifndef RDMA_TURNS_H
#define RDMA_TURNS_H

/* Wait for the others' turn to end; and end ours. */
void turn_begin(int rs);
void turn_end(int rs);

/* In a forked child, which has none of the other threads. */
void turns_after_fork(void);

#endif
