/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May this process use an RDMA device, and pin the memory of a lane? For the
 * files of rdma/ alone; the runtime is loaded when these are called.
 */
#ifndef RDMA_DEVICE_H
#define RDMA_DEVICE_H

#include "rdma/rdma.h"

/* REASON_none, or why the runtime can open no device. Milliseconds. */
enum reason device_look(void);

/* REASON_none if sysfs shows one, else no_device or rdma_netns. */
enum reason device_in_kernel(void);

/*
 * May the nodes be opened? REASON_none, no_node, no_permission (their mode) or
 * device_cgroup. Opens none of them. Tens of microseconds.
 */
enum reason device_nodes(void);

/*
 * Would one more lane exceed RLIMIT_MEMLOCK? REASON_none, memlock or ipc_lock.
 * Reads /proc: tens of microseconds.
 */
enum reason device_memlock(void);

/* The limit is finite: ENOMEM from the runtime means it. */
bool device_memlock_limited(void);

/* Lanes of this process have these sizes from now on. */
void device_note_sizes(const struct rdma_sizes *sizes);

#endif
