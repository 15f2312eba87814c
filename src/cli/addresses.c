// SPDX-License-Identifier: BSD-2-Clause
#include "cli/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* A route of /proc/net/route, in network order as it stands there. */
struct route {
	char interface[IFNAMSIZ];
	uint32_t destination, gateway, mask;
};

#define ROUTES_MOST 256

char *address_text(const struct sockaddr_storage *address,
		   char text[ADDR_TEXT_MAX])
{
	size_t size;
	const uint8_t *bytes = addr_bytes(address, &size);

	inet_ntop(address->ss_family, bytes, text, ADDR_TEXT_MAX);
	return text;
}

static int read_routes(const struct target *target, struct route *routes)
{
	FILE *file = target_proc(target, "net/route");
	char line[512];
	int count = 0;

	while (file && count < ROUTES_MOST && fgets(line, sizeof(line), file))
		count += sscanf(line, "%15s %x %x %*s %*s %*s %*s %x",
				routes[count].interface,
				&routes[count].destination,
				&routes[count].gateway,
				&routes[count].mask) == 4;
	if (file)
		fclose(file);
	return count;
}

/* The interface whose own network the address is in; the narrowest one. */
static void name_interface(struct local_address *local,
			   const struct route *routes, int count)
{
	const struct sockaddr_in *in = (void *)&local->address;
	uint32_t best = 0;
	int i;

	for (i = 0; i < count; i++) {
		if (routes[i].gateway ||
		    (in->sin_addr.s_addr & routes[i].mask) !=
		    routes[i].destination || ntohl(routes[i].mask) < best)
			continue;
		best = ntohl(routes[i].mask);
		strcpy(local->interface, routes[i].interface);
	}
}

static bool is_listed(const struct local_address *list, int count,
		      const struct sockaddr_storage *address)
{
	int i;

	for (i = 0; i < count; i++) {
		if (addr_same_host(&list[i].address, address))
			return true;
	}
	return false;
}

/*
 * fib_trie has "|-- ADDRESS" and then, of an address of this host, "/32 host
 * LOCAL"; in the table "Main" as well as in "Local".
 */
static int read_ipv4(const struct target *target, struct local_address *list)
{
	FILE *file = target_proc(target, "net/fib_trie");
	struct route routes[ROUTES_MOST];
	struct sockaddr_in last = { .sin_family = AF_INET };
	int count = 0, route_count = read_routes(target, routes);
	char line[256], text[64];

	if (!file)
		return -errno;
	while (count < ADDRESSES_MOST && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " |-- %63s", text) == 1 &&
		    inet_pton(AF_INET, text, &last.sin_addr) == 1)
			continue;
		if (!strstr(line, "/32 host LOCAL"))
			continue;
		list[count] = (struct local_address){ .interface = "" };
		memcpy(&list[count].address, &last, sizeof(last));
		if (ntohl(last.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
			strcpy(list[count].interface, "lo");
		else
			name_interface(&list[count], routes, route_count);
		count += !is_listed(list, count, &list[count].address);
	}
	fclose(file);
	return count;
}

static bool hex_bytes(const char *text, uint8_t *bytes, size_t size)
{
	unsigned byte;
	size_t i;

	for (i = 0; i < size; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		bytes[i] = (uint8_t)byte;
	}
	return true;
}

static int read_ipv6(const struct target *target, struct local_address *list,
		     int room)
{
	FILE *file = target_proc(target, "net/if_inet6");
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char line[256], text[33], name[IFNAMSIZ];
	unsigned index;
	int count = 0;

	while (file && count < room && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%32s %x %*s %*s %*s %15s", text, &index,
			   name) != 3 ||
		    strlen(text) != 32 ||
		    !hex_bytes(text, in6.sin6_addr.s6_addr, 16))
			continue;
		list[count] = (struct local_address){ .interface = "" };
		memcpy(&list[count].address, &in6, sizeof(in6));
		strcpy(list[count++].interface, name);
	}
	if (file)
		fclose(file);
	return count;
}

int addresses_read(const struct target *target,
		   struct local_address list[ADDRESSES_MOST])
{
	int count = read_ipv4(target, list);

	if (count < 0)
		return count;
	return count + read_ipv6(target, list + count,
				 ADDRESSES_MOST - count);
}

/* A file of /sys/class/net/NAME, or "". */
static void attribute(const struct target *target, const char *name,
		      const char *file, char text[TARGET_TEXT_MAX])
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, file);
	if (target_text(target, path, text))
		*text = '\0';
}

static void describe(const struct target *target, struct interface *interface)
{
	char text[TARGET_TEXT_MAX];

	attribute(target, interface->name, "mtu", text);
	interface->mtu = (unsigned)strtoul(text, NULL, 10);
	attribute(target, interface->name, "flags", text);
	interface->up = strtoul(text, NULL, 16) & IFF_UP;
	attribute(target, interface->name, "address", text);
	snprintf(interface->hardware, sizeof(interface->hardware), "%.63s",
		 text);
}

int interfaces_read(const struct target *target,
		    struct interface list[INTERFACES_MOST])
{
	FILE *file = target_proc(target, "net/dev");
	char line[512];
	int count = 0;

	if (!file)
		return -errno;
	while (count < INTERFACES_MOST && fgets(line, sizeof(line), file)) {
		if (!strchr(line, ':') ||
		    sscanf(line, " %15[^: ]:", list[count].name) != 1)
			continue;
		describe(target, &list[count++]);
	}
	fclose(file);
	return count;
}
