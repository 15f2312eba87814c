// SPDX-License-Identifier: BSD-2-Clause
/* Probes of RDMA devices as the kernel shows them, and of who sees them. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"

#define DEVICES "/sys/class/infiniband"
#define VERBS "/sys/class/infiniband_verbs"
#define CORE "/sys/module/ib_core"
#define FIRST_PIDS "pid:[4026531836]"
#define NETNS_MODE CORE "/parameters/netns_mode"

#define NO_DRIVER \
	"load the adapter's driver on the host (mlx5_ib, irdma, bnxt_re ...); to try without an adapter: modprobe rdma_rxe; rdma link add rxe0 type rxe netdev INTERFACE"

/* How many entries of the folder have this at the beginning of their names. */
static unsigned count_entries(const struct target *target, const char *path,
			      const char *begin)
{
	DIR *folder = target_folder(target, path);
	struct dirent *entry;
	unsigned count = 0;

	if (!folder)
		return 0;
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.' &&
			 !strncmp(entry->d_name, begin, strlen(begin));
	closedir(folder);
	return count;
}

/* The names of all devices with a node, those of other namespaces too. */
static void list_all(const struct target *target, char list[FOUND_MAX])
{
	DIR *folder = target_folder(target, VERBS);
	char path[PATH_MAX], text[TARGET_TEXT_MAX];
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		snprintf(path, sizeof(path), VERBS "/%s/ibdev",
			 entry->d_name);
		if (entry->d_name[0] != '.' &&
		    !target_text(target, path, text))
			list_add(list, "%s", text);
	}
	if (folder)
		closedir(folder);
}

/* Which uverbsN is the device's; "" when the kernel has none. */
static void find_node(const struct target *target, struct rdma_device *device)
{
	DIR *folder = target_folder(target, VERBS);
	char path[PATH_MAX], text[TARGET_TEXT_MAX];
	struct dirent *entry;

	device->node[0] = '\0';
	while (folder && (entry = readdir(folder))) {
		snprintf(path, sizeof(path), VERBS "/%s/ibdev",
			 entry->d_name);
		if (entry->d_name[0] != '.' &&
		    !target_text(target, path, text) &&
		    !strcmp(text, device->name))
			snprintf(device->node, sizeof(device->node), "%.63s",
				 entry->d_name);
	}
	if (folder)
		closedir(folder);
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct rdma_device *)a)->name,
			  ((const struct rdma_device *)b)->name);
}

int devices_read(const struct target *target,
		 struct rdma_device devices[DEVICES_MOST])
{
	DIR *folder = target_folder(target, DEVICES);
	char path[PATH_MAX];
	struct dirent *entry;
	int i, count = 0;

	if (!folder)
		return 0;
	while (count < DEVICES_MOST && (entry = readdir(folder))) {
		if (entry->d_name[0] != '.')
			snprintf(devices[count++].name, DEVICE_NAME_MAX,
				 "%.63s", entry->d_name);
	}
	closedir(folder);
	qsort(devices, (size_t)count, sizeof(*devices), by_name);
	for (i = 0; i < count; i++) {
		find_node(target, &devices[i]);
		snprintf(path, sizeof(path), DEVICES "/%s/ports",
			 devices[i].name);
		devices[i].ports = count_entries(target, path, "");
	}
	return count;
}

bool found_no_device(const struct target *target, struct probe_result *result)
{
	struct rdma_device devices[DEVICES_MOST];

	if (devices_read(target, devices))
		return false;
	found(result, PROBE_FAIL, "there is no device");
	remedy(result, "see device.present");
	return true;
}

/* 'Y': shared, 'N': exclusive, 0: the kernel does not say. */
static char netns_mode(const struct target *target)
{
	char text[TARGET_TEXT_MAX];

	return target_text(target, NETNS_MODE, text) ? 0 : *text;
}

/* The kernel has devices, and shows none of them here. */
static bool others_have_them(const struct target *target)
{
	return netns_mode(target) == 'N' &&
	       count_entries(target, VERBS, "uverbs");
}

static void found_absent(const struct target *target,
			 struct probe_result *result)
{
	if (!target_has(target, "/sys/class")) {
		found(result, PROBE_FAIL, "nothing is mounted on /sys");
		remedy(result, "mount sysfs there; read-only is enough");
	} else if (others_have_them(target)) {
		found(result, PROBE_FAIL,
		      "the kernel's devices belong to other network namespaces");
		remedy(result, "see device.netns");
	} else if (!target_has(target, CORE)) {
		found(result, PROBE_FAIL,
		      "none: the kernel has no RDMA (no " CORE ")");
		remedy(result, NO_DRIVER);
	} else {
		found(result, PROBE_FAIL,
		      "none: the kernel has RDMA, and no device for it");
		remedy(result, NO_DRIVER);
	}
}

void probe_device_present(const struct target *target,
			  struct probe_result *result)
{
	struct rdma_device devices[DEVICES_MOST];
	int i, count = devices_read(target, devices);
	char list[FOUND_MAX] = "";

	for (i = 0; i < count; i++)
		list_add(list, "%s", devices[i].name);
	if (count)
		found(result, PROBE_OK, "%s", list);
	else
		found_absent(target, result);
}

/* The name of a namespace, as /proc links to it: "net:[4026531833]"; or "". */
static void read_namespace(const char *folder, const char *file, char name[64])
{
	char path[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "%s%s", folder, file);
	length = readlink(path, name, 63);
	name[length > 0 ? length : 0] = '\0';
}

/*
 * Is its network namespace the host's, process 1's? 1, 0, -1: not to be seen;
 * and in a pid namespace of its own (proc_ns.h has the first one's number)
 * process 1 is somebody else.
 */
static int in_first_netns(const struct target *target)
{
	char theirs[64], first[64], pids[64];

	read_namespace(target->proc, "/ns/net", theirs);
	read_namespace(target->host, "/proc/1/ns/net", first);
	read_namespace(target->host, "/proc/self/ns/pid", pids);
	if (!*theirs || !*first || strcmp(pids, FIRST_PIDS) != 0)
		return -1;
	return !strcmp(theirs, first);
}

static const char *netns_words(const struct target *target)
{
	switch (in_first_netns(target)) {
	case 0:
		return "; it has one of its own";
	case 1:
		return "; it is in the host's";
	default:
		return "";
	}
}

void probe_device_netns(const struct target *target,
			struct probe_result *result)
{
	struct rdma_device devices[DEVICES_MOST];
	const char *words = netns_words(target);
	char all[FOUND_MAX] = "";

	switch (netns_mode(target)) {
	case 'Y':
		found(result, PROBE_OK,
		      "shared: each network namespace sees all devices%s",
		      words);
		return;
	case 'N':
		break;
	default:
		found(result, PROBE_OK,
		      "this kernel does not say (it has no RDMA, or no namespaces for it)%s",
		      words);
		return;
	}
	if (devices_read(target, devices)) {
		found(result, PROBE_OK, "exclusive, and %s is in this one",
		      devices[0].name);
		return;
	}
	list_all(target, all);
	found(result, PROBE_FAIL,
	      "exclusive: its network namespace has none of them (%s)%s",
	      all[0] ? all : "not to be seen", words);
	remedy(result,
	       "on the host: rdma dev set %.*s netns NAME (of ip netns), or run it in the host's network",
	       all[0] ? (int)strcspn(all, ",") : 6, all[0] ? all : "DEVICE");
}
