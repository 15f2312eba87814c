// SPDX-License-Identifier: BSD-2-Clause
#include "rdma/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/real.h"
#include "base/userns.h"
#include "rdma/runtime.h"

#define SYSFS "/sys/class/infiniband"
#define DEVICES "/dev/infiniband"
#define CAP_IPC_LOCK_BIT 14

/* Queues, doorbells and the ends of pages, besides the buffers. */
#define LANE_EXTRA (32 * 1024)
#define LANE_DEFAULT (2 * 128 * 1024)

static _Atomic uint64_t lane_bytes = LANE_DEFAULT + LANE_EXTRA;

uint64_t rdma_lane_bytes(const struct rdma_sizes *sizes)
{
	return (uint64_t)sizes->send_buffer + sizes->receive_buffer +
	       LANE_EXTRA;
}

void device_note_sizes(const struct rdma_sizes *sizes)
{
	atomic_store_explicit(&lane_bytes, rdma_lane_bytes(sizes),
			      memory_order_relaxed);
}

bool device_in_kernel(void)
{
	DIR *directory = opendir(SYSFS);
	struct dirent *entry;
	bool found = false;

	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)))
		found = entry->d_name[0] != '.';
	closedir(directory);
	return found;
}

/* Can the connection manager's device be opened? */
static bool opens_channel(void)
{
	struct rdma_event_channel *channel;
	int saved = inside_enter();

	channel = runtime.rdma_create_event_channel();
	if (channel)
		runtime.rdma_destroy_event_channel(channel);
	inside_leave(0, saved);
	return channel;
}

/* How many devices the runtime could open. */
static int count_devices(void)
{
	struct ibv_context **list;
	int count = 0, saved = inside_enter();

	list = runtime.rdma_get_devices(&count);
	if (list)
		runtime.rdma_free_devices(list);
	inside_leave(0, saved);
	return list ? count : 0;
}

int rdma_device_names(char names[][RDMA_NAME_MAX], int max)
{
	struct ibv_context **list = NULL;
	int saved, i = 0, count = 0;

	if (!socket_begin())
		return 0;
	saved = inside_enter();
	if (runtime_loaded())
		list = runtime.rdma_get_devices(&count);
	for (i = 0; list && i < count && i < max; i++)
		snprintf(names[i], RDMA_NAME_MAX, "%s", list[i]->device->name);
	if (list)
		runtime.rdma_free_devices(list);
	inside_leave(0, saved);
	socket_end();
	return i;
}

/* The runtime knows whether there is one; sysfs knows why there is none. */
enum reason device_look(void)
{
	if (count_devices() > 0)
		return opens_channel() ? REASON_none : REASON_no_permission;
	return device_in_kernel() ? REASON_no_permission : REASON_no_device;
}

/* Read /proc/self/status; the text, cut if need be. */
static void read_status(char *text, size_t size)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd >= 0) {
		got = real.read(fd, text, size - 1);
		real.close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
}

static uint64_t status_value(const char *text, const char *key, int base)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, base) : 0;
}

bool device_memlock_limited(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
	       limit.rlim_cur != RLIM_INFINITY;
}

uint64_t rdma_memlock_left(void)
{
	int saved = errno;
	struct rlimit limit;
	char status[4096];
	uint64_t pinned;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	read_status(status, sizeof(status));
	errno = saved;
	/* Drivers pin by capable(): what a namespace of ours gives is none. */
	if (status_value(status, "\nCapEff:", 16) >> CAP_IPC_LOCK_BIT & 1 &&
	    userns_is_first())
		return UINT64_MAX;
	pinned = status_value(status, "\nVmPin:", 10) * 1024;
	return pinned < limit.rlim_cur ? limit.rlim_cur - pinned : 0;
}

bool device_memlock_short(void)
{
	return rdma_memlock_left() <
	       atomic_load_explicit(&lane_bytes, memory_order_relaxed);
}
