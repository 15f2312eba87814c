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
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/real.h"
#include "base/userns.h"
#include "rdma/runtime.h"

#define SYSFS "/sys/class/infiniband"
#define VERBS "/sys/class/infiniband_verbs"
#define NODES "/dev/infiniband/"
#define MANAGER NODES "rdma_cm"
#define UVERBS "uverbs"
#define NODE_MAX 64
#define CAP_IPC_LOCK_BIT 14
#define CAP_SYS_ADMIN_BIT 21
#define STATUS_MAX 4096

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

/* Has the folder an entry whose name begins so, but for "." and ".."? */
static bool has_entry(const char *path, const char *begin)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool found = false;

	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)))
		found = entry->d_name[0] != '.' &&
			!strncmp(entry->d_name, begin, strlen(begin));
	closedir(directory);
	return found;
}

/*
 * The kernel shows a device to the network namespaces that may use it, and its
 * uverbsN to all.
 */
enum reason device_in_kernel(void)
{
	if (has_entry(SYSFS, ""))
		return REASON_none;
	return has_entry(VERBS, UVERBS) ? REASON_rdma_netns : REASON_no_device;
}

/*
 * May it be opened? access(2) asks the device cgroup as well, which says EPERM.
 * So does a seccomp filter that knows no faccessat2(2), which AT_EACCESS needs;
 * it knows access(2), whose identity is mostly the same.
 */
static enum reason look_at_node(const char *path)
{
	int ret = faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS);
	struct statvfs mount;

	if (ret != 0 && errno == EPERM)
		ret = access(path, R_OK | W_OK);
	if (ret == 0)	/* which does not ask for nodev */
		return statvfs(path, &mount) == 0 && mount.f_flag & ST_NODEV
			       ? REASON_no_permission
			       : REASON_none;
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return REASON_no_node;
	case EPERM:
		return REASON_device_cgroup;
	default:
		return REASON_no_permission;
	}
}

/* One device of those that the kernel has is enough. */
static enum reason look_at_devices(void)
{
	DIR *directory = opendir(VERBS);
	enum reason reason = REASON_no_node, next;
	char path[NODE_MAX];
	struct dirent *entry;

	while (directory && reason != REASON_none &&
	       (entry = readdir(directory))) {
		if (strncmp(entry->d_name, UVERBS, strlen(UVERBS)) ||
		    snprintf(path, NODE_MAX, NODES "%s", entry->d_name) >=
			    NODE_MAX)
			continue;
		next = look_at_node(path);
		reason = next == REASON_no_node ? reason : next;
	}
	if (directory)
		closedir(directory);
	return reason;
}

enum reason device_nodes(void)
{
	enum reason reason = look_at_node(MANAGER);

	return reason == REASON_none ? look_at_devices() : reason;
}

/* Can the connection manager's device be opened? 0, or errno. */
static int open_channel(void)
{
	struct rdma_event_channel *channel;
	int saved = inside_enter(), error;

	errno = 0;
	channel = runtime.rdma_create_event_channel();
	error = channel ? 0 : errno ? errno : ENODEV;
	if (channel)
		runtime.rdma_destroy_event_channel(channel);
	inside_leave(0, saved);
	return error;
}

/*
 * How many devices the runtime could open, and has open from now on: the kernel
 * has made a descriptor for the events of each, which lanes are made with.
 */
static int count_devices(void)
{
	struct ibv_context **list;
	int i, count = 0, saved = inside_enter();

	list = runtime.rdma_get_devices(&count);
	for (i = 0; list && i < count; i++)
		if (list[i]->async_fd >= 0 &&
		    !fd_is(list[i]->async_fd, FD_RUNTIME))
			list[i]->async_fd = fd_lift_runtime(list[i]->async_fd);
	if (list)
		runtime.rdma_free_devices(list);
	inside_leave(0, saved);
	return list ? count : 0;
}

/*
 * What opening the first device says, which rdma_get_devices(3) does not tell:
 * errno, or 0: it can be opened, or no provider knows of any.
 */
static int open_device(void)
{
	struct ibv_context *context = NULL;
	struct ibv_device **list;
	int count = 0, error = 0, saved = inside_enter();

	list = runtime.ibv_get_device_list(&count);
	if (list && count > 0) {
		context = runtime.ibv_open_device(list[0]);
		error = context ? 0 : errno;
	}
	if (context)
		runtime.ibv_close_device(context);
	if (list)
		runtime.ibv_free_device_list(list);
	inside_leave(0, saved);
	return error;
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

/*
 * The runtime knows whether there is one; sysfs and the nodes know why there is
 * none. A node that opens and a device that does not is what a cgroup that has
 * no handle left makes (EAGAIN), or a device without a provider.
 */
enum reason device_look(void)
{
	enum reason reason;
	int error;

	if (count_devices() > 0) {
		error = open_channel();
		if (error == 0)
			return REASON_none;
		reason = look_at_node(MANAGER);
		return error == EACCES || reason == REASON_none
			       ? REASON_no_permission
			       : reason;
	}
	reason = device_in_kernel();
	if (reason == REASON_none)
		reason = device_nodes();
	if (reason != REASON_none)
		return reason;
	return open_device() == EAGAIN ? REASON_rdma_cgroup : REASON_no_device;
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

static bool has_bit(uint64_t set, int bit)
{
	return set >> bit & 1;
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
	char status[STATUS_MAX];
	uint64_t pinned;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	read_status(status, sizeof(status));
	errno = saved;
	/* Drivers pin by capable(): what a namespace of ours gives is none. */
	if (has_bit(status_value(status, "\nCapEff:", 16), CAP_IPC_LOCK_BIT) &&
	    userns_is_first())
		return UINT64_MAX;
	pinned = status_value(status, "\nVmPin:", 10) * 1024;
	return pinned < limit.rlim_cur ? limit.rlim_cur - pinned : 0;
}

/*
 * The bounding set of an ordinary container lacks most capabilities; one that
 * has IPC_LOCK among the few was given it for this.
 */
enum reason rdma_memlock_reason(void)
{
	int saved = errno;
	char status[STATUS_MAX];
	uint64_t bound, held;

	read_status(status, sizeof(status));
	errno = saved;
	bound = status_value(status, "\nCapBnd:", 16);
	held = status_value(status, "\nCapEff:", 16);
	return has_bit(bound, CAP_IPC_LOCK_BIT) &&
			       !has_bit(bound, CAP_SYS_ADMIN_BIT) &&
			       !has_bit(held, CAP_IPC_LOCK_BIT)
		       ? REASON_ipc_lock
		       : REASON_memlock;
}

enum reason device_memlock(void)
{
	if (rdma_memlock_left() >=
	    atomic_load_explicit(&lane_bytes, memory_order_relaxed))
		return REASON_none;
	return rdma_memlock_reason();
}
