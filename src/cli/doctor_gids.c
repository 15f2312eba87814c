// SPDX-License-Identifier: BSD-2-Clause
/* A probe of GIDs, and which addresses and interfaces they stand for. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cli/addresses.h"
#include "cli/doctor.h"

#define DEVICES "/sys/class/infiniband"
#define GIDS_MOST 1024

struct gid {
	const struct rdma_device *device;
	unsigned port, index;
	uint8_t bytes[16];
	char type[32], interface[IFNAMSIZ];	/* of RoCE; "" */
};

/* What the GID tables are held against. */
struct network {
	struct local_address addresses[ADDRESSES_MOST];
	struct interface interfaces[INTERFACES_MOST];
	int address_count, interface_count;
};

static bool read_gid(const struct target *target, struct gid *gid)
{
	static const uint8_t nothing[16];
	char file[64], text[TARGET_TEXT_MAX];

	snprintf(file, sizeof(file), "gids/%u", gid->index);
	port_text(target, gid->device, gid->port, file, text);
	if (inet_pton(AF_INET6, text, gid->bytes) != 1 ||
	    !memcmp(gid->bytes, nothing, sizeof(nothing)))
		return false;
	snprintf(file, sizeof(file), "gid_attrs/types/%u", gid->index);
	port_text(target, gid->device, gid->port, file, text);
	snprintf(gid->type, sizeof(gid->type), "%.31s", text);
	snprintf(file, sizeof(file), "gid_attrs/ndevs/%u", gid->index);
	port_text(target, gid->device, gid->port, file, text);
	snprintf(gid->interface, sizeof(gid->interface), "%.15s", text);
	return true;
}

/* The numbers of the table that is there: a folder of files. */
static unsigned gid_count(const struct target *target,
			  const struct rdma_device *device, unsigned port)
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned most = 0;
	DIR *folder;

	snprintf(path, sizeof(path), DEVICES "/%.63s/ports/%u/gids",
		 device->name, port);
	folder = target_folder(target, path);
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) >= 0 &&
		    (unsigned)atoi(entry->d_name) + 1 > most)
			most = (unsigned)atoi(entry->d_name) + 1;
	}
	if (folder)
		closedir(folder);
	return most < GIDS_MOST ? most : GIDS_MOST;
}

/* RoCE: the GID is the address. */
static void gid_address(const struct gid *gid,
			struct sockaddr_storage *address)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memcpy(&in6.sin6_addr, gid->bytes, sizeof(gid->bytes));
	addr_normalize(address, (struct sockaddr *)&in6, sizeof(in6));
}

static bool hardware_bytes(const char *text, uint8_t *bytes, size_t size)
{
	unsigned byte;
	size_t i;

	for (i = 0; i < size; i++, text += 3) {
		if (sscanf(text, "%2x", &byte) != 1)
			return false;
		bytes[i] = (uint8_t)byte;
	}
	return true;
}

/*
 * InfiniBand: the interface of IPoIB has the GID in the last 16 of its 20
 * bytes (RFC 4391, 9.1.1). iWARP: the GID begins with the interface's MAC.
 */
static bool is_hardware(const struct gid *gid,
			const struct interface *interface)
{
	size_t length = strlen(interface->hardware);
	uint8_t bytes[16];

	if (length == 20 * 3 - 1)
		return hardware_bytes(interface->hardware + 4 * 3, bytes, 16) &&
		       !memcmp(bytes, gid->bytes, 16);
	return length == 6 * 3 - 1 && !gid->interface[0] &&
	       hardware_bytes(interface->hardware, bytes, 6) &&
	       !memcmp(bytes, gid->bytes, 6);
}

static bool serves(const struct gid *gid, const struct network *network,
		   const struct local_address *local)
{
	struct sockaddr_storage address;
	int i;

	gid_address(gid, &address);
	if (addr_same_host(&address, &local->address))
		return true;
	for (i = 0; i < network->interface_count; i++) {
		if (!strcmp(network->interfaces[i].name, local->interface) &&
		    is_hardware(gid, &network->interfaces[i]))
			return true;
	}
	return false;
}

/* What is done with each GID that is in use. */
struct gid_visitor {
	void (*visit)(const struct gid *gid, struct gid_visitor *visitor);
	/* of which each uses its own */
	const struct network *network;
	struct probe_result *result;
	char *list;
	char (*names)[IFNAMSIZ];
	int count, most;
};

/* A detail line for the GID; what it serves comes on the list. */
static void look_at_gid(const struct gid *gid, struct gid_visitor *visitor)
{
	const struct network *network = visitor->network;
	char gid_words[ADDR_TEXT_MAX], words[ADDR_TEXT_MAX];
	const struct local_address *local = network->addresses;
	char served[FOUND_MAX] = "";
	int i;

	for (i = 0; i < network->address_count; i++, local++) {
		if (!serves(gid, network, local))
			continue;
		address_text(&local->address, words);
		list_add(served, "%s", words);
		if (!addr_is_link_local(&local->address))
			list_add(visitor->list, "%s (%s/%u, %s)", words,
				 gid->device->name, gid->port,
				 local->interface[0] ? local->interface :
				 gid->interface);
	}
	inet_ntop(AF_INET6, gid->bytes, gid_words, sizeof(gid_words));
	detail(visitor->result, "%s/%u GID %u %s %s %s: %s", gid->device->name,
	       gid->port, gid->index, gid_words, gid->type, gid->interface,
	       served[0] ? served : "no address here");
}

static void visit_port(const struct target *target, struct gid *gid,
		       struct gid_visitor *visitor)
{
	unsigned count = gid_count(target, gid->device, gid->port);

	for (gid->index = 0; gid->index < count; gid->index++) {
		if (read_gid(target, gid))
			visitor->visit(gid, visitor);
	}
}

static void visit_gids(const struct target *target,
		       struct gid_visitor *visitor)
{
	struct rdma_device devices[DEVICES_MOST];
	int i, count = devices_read(target, devices);
	struct gid gid;

	for (i = 0; i < count; i++) {
		gid.device = &devices[i];
		for (gid.port = 1; gid.port <= devices[i].ports; gid.port++)
			visit_port(target, &gid, visitor);
	}
}

/* The addresses with a GID, in words; 0 or -errno. */
int doctor_served(const struct target *target,
		       struct probe_result *result, char list[FOUND_MAX])
{
	struct network *network = calloc(1, sizeof(*network));
	struct gid_visitor visitor = {
		.visit = look_at_gid, .network = network, .result = result,
		.list = list,
	};
	int error = 0;

	if (!network)
		return -ENOMEM;
	network->address_count = addresses_read(target, network->addresses);
	network->interface_count =
		interfaces_read(target, network->interfaces);
	if (network->address_count < 0)
		error = network->address_count;
	else
		visit_gids(target, &visitor);
	free(network);
	return error;
}

static void add_link(const struct gid *gid, struct gid_visitor *visitor)
{
	int i;

	for (i = 0; i < visitor->count; i++) {
		if (!strcmp(visitor->names[i], gid->interface))
			return;
	}
	if (gid->interface[0] && visitor->count < visitor->most)
		strcpy(visitor->names[visitor->count++], gid->interface);
}

int doctor_links(const struct target *target, char names[][IFNAMSIZ], int most)
{
	struct gid_visitor visitor = {
		.visit = add_link, .names = names, .most = most,
	};

	visit_gids(target, &visitor);
	return visitor.count;
}

void probe_device_gids(const struct target *target,
		       struct probe_result *result)
{
	char list[FOUND_MAX] = "";
	int error;

	if (found_no_device(target, result))
		return;
	error = doctor_served(target, result, list);
	if (error) {
		found_unreadable(target, result, "its network's addresses",
				 error);
	} else if (list[0]) {
		found(result, PROBE_OK, "%s", list);
	} else {
		found(result, PROBE_FAIL,
		      "no GID stands for an address of its network namespace");
		remedy(result,
		       "give the RDMA interface an address there, or use the host's network (hostNetwork, --network=host), or give it an RDMA interface of its own (SR-IOV)");
	}
}
