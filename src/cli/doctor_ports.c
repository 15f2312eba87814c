// SPDX-License-Identifier: BSD-2-Clause
/* A probe of the ports of RDMA devices. */
#include <string.h>

#include "cli/doctor.h"

#define DEVICES "/sys/class/infiniband"

void port_text(const struct target *target, const struct rdma_device *device,
	       unsigned port, const char *file, char text[TARGET_TEXT_MAX])
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%.63s/ports/%u/%.64s",
		 device->name, port, file);
	if (target_text(target, path, text))
		*text = '\0';
}

/* "4: ACTIVE" -> "ACTIVE" */
static const char *after_colon(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && colon[1] ? colon + 2 : text;
}

static bool add_port(const struct target *target,
		     const struct rdma_device *device, unsigned port,
		     char list[FOUND_MAX])
{
	char state[TARGET_TEXT_MAX], layer[TARGET_TEXT_MAX];
	char rate[TARGET_TEXT_MAX];

	port_text(target, device, port, "state", state);
	port_text(target, device, port, "link_layer", layer);
	port_text(target, device, port, "rate", rate);
	list_add(list, "%s/%u %s %s %s", device->name, port,
		 after_colon(state), layer, rate);
	return strstr(state, "ACTIVE") != NULL;
}

static void found_no_port(const struct target *target,
			  struct probe_result *result,
			  const struct rdma_device *device, const char *list)
{
	char text[TARGET_TEXT_MAX];

	found(result, PROBE_FAIL, "no port is active: %s", list);
	port_text(target, device, 1, "link_layer", text);
	if (!strcmp(text, "InfiniBand")) {
		remedy(result,
		       "look at the cable, and start a subnet manager (opensm) if the state is INIT");
		return;
	}
	port_text(target, device, 1, "gid_attrs/ndevs/0", text);
	remedy(result, "ip link set %s up, and look at its cable and switch",
	       *text ? text : "INTERFACE");
}

void probe_device_ports(const struct target *target,
			struct probe_result *result)
{
	struct rdma_device devices[DEVICES_MOST];
	int i, count = devices_read(target, devices);
	char list[FOUND_MAX] = "";
	bool active = false;
	unsigned port;

	if (found_no_device(target, result))
		return;
	for (i = 0; i < count; i++) {
		for (port = 1; port <= devices[i].ports; port++)
			active |= add_port(target, &devices[i], port, list);
	}
	if (active)
		found(result, PROBE_OK, "%s", list);
	else
		found_no_port(target, result, &devices[0], list);
}
