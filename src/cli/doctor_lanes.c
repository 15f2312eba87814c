// SPDX-License-Identifier: BSD-2-Clause
/*
 * Probes of what comes of it all: the devices that the runtime opens, and the
 * addresses that lanes can have.
 */
#include <string.h>

#include "cli/addresses.h"
#include "cli/doctor.h"

static bool fails(const struct target *target,
		  void (*look)(const struct target *, struct probe_result *))
{
	struct probe_result result = { .status = PROBE_OK };

	look(target, &result);
	return result.status == PROBE_FAIL;
}

/* The probe that has the cause for which the runtime has no device. */
static const char *where_to_look(const struct target *target,
				 enum reason reason)
{
	if (reason == REASON_no_rdma_core || reason == REASON_runtime_broken)
		return "runtime.file";
	if (reason == REASON_rdma_core_too_old)
		return "runtime.version";
	if (fails(target, probe_device_present))
		return "device.present";
	if (fails(target, probe_device_access))
		return "device.access";
	if (fails(target, probe_limits_cgroup_rdma))
		return "limits.cgroup_rdma";
	return fails(target, probe_device_gids) ? "device.gids" : NULL;
}

/* What rdma_bind_addr(3) says, which the library will ask as well. */
static void ask_runtime(const struct target *target,
			struct probe_result *result)
{
	struct sockaddr_storage addresses[16];
	char list[FOUND_MAX] = "", text[ADDR_TEXT_MAX];
	enum reason reason = rdma_open();
	const char *cause;
	int i, count;

	count = rdma_addresses(addresses, 16);
	for (i = 0; i < count; i++)
		list_add(list, "%s", address_text(&addresses[i], text));
	if (count) {
		found(result, PROBE_OK, "%s", list);
		return;
	}
	found(result, PROBE_FAIL,
	      "the runtime finds a device behind no address of this host");
	cause = where_to_look(target, reason);
	if (cause)
		remedy(result, "see %s", cause);
	else
		remedy(result, "see device.providers");
}

void probe_device_addresses(const struct target *target,
			    struct probe_result *result)
{
	struct probe_result unused = { .status = PROBE_OK };
	char list[FOUND_MAX] = "";

	if (target->live) {
		ask_runtime(target, result);
	} else if (found_no_device(target, result)) {
		return;
	} else if (!doctor_served(target, &unused, list) && list[0]) {
		found(result, PROBE_OK, "%s, by their GIDs", list);
	} else {
		found(result, PROBE_FAIL, "none has a GID");
		remedy(result, "see device.gids");
	}
}

/* -- providers ------------------------------------------------------------ */

static bool is_opened(const char *name, char names[][RDMA_NAME_MAX], int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (!strcmp(names[i], name))
			return true;
	}
	return false;
}

static void hold_against(const struct target *target,
			 struct probe_result *result,
			 char names[][RDMA_NAME_MAX], int count)
{
	struct rdma_device devices[DEVICES_MOST];
	int i, device_count = devices_read(target, devices);
	char closed[FOUND_MAX] = "", opened[FOUND_MAX] = "";
	const char *cause;

	for (i = 0; i < count; i++)
		list_add(opened, "%s", names[i]);
	for (i = 0; i < device_count; i++) {
		if (!is_opened(devices[i].name, names, count))
			list_add(closed, "%s", devices[i].name);
	}
	if (!closed[0]) {
		found(result, PROBE_OK, "%s", opened);
		return;
	}
	found(result, count ? PROBE_WARN : PROBE_FAIL,
	      "the runtime does not open %s%s%s", closed,
	      count ? "; it does " : "", opened);
	cause = where_to_look(target, rdma_open());
	if (cause && strcmp(cause, "device.gids") != 0)
		remedy(result, "see %s", cause);
	else
		remedy(result,
		       "the runtime has no provider for it: build contrib/rdma-core with that one, or install ibverbs-providers for librdmacm.so.1");
}

void probe_device_providers(const struct target *target,
			    struct probe_result *result)
{
	char names[DEVICES_MOST][RDMA_NAME_MAX];
	int count;

	if (target->live) {
		rdma_open();
		count = rdma_device_names(names, DEVICES_MOST);
		if (count || !found_no_device(target, result))
			hold_against(target, result, names, count);
		return;
	}
	if (found_no_device(target, result))
		return;
	doctor_providers(target, result);
}
