/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May this process use an RDMA device, and pin the memory of a lane? For the
 * files of rdma/ alone; the runtime is loaded when these are called.
 */
#ifndef RDMA_DEVICE_H
#define RDMA_DEVICE_H

#include "rdma/rdma.h"

/* REASON_none, REASON_no_device or REASON_no_permission. Milliseconds. */
enum reason device_look(void);

/* Does sysfs have a device at all? */
bool device_in_kernel(void);

/* Would one more lane exceed RLIMIT_MEMLOCK? Reads /proc: tens of us. */
bool device_memlock_short(void);

/* The limit is finite: ENOMEM from the runtime means it. */
bool device_memlock_limited(void);

/* Lanes of this process have these sizes from now on. */
void device_note_sizes(const struct rdma_sizes *sizes);

#endif
