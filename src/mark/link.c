// SPDX-License-Identifier: BSD-2-Clause
/* The links of this host, and which of them a listener is marked for. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/addr.h"
#include "base/real.h"
#include "mark/mark.h"

static const struct mark_link loopback_link = {
	.name = "lo", .mtu = MARK_LOOPBACK_MTU, .up = true, .loopback = true,
};

/* One question about the links of this host. */
struct search {
	int fd;			/* to ask the kernel with */
	char (*names)[MARK_NAME_SIZE];	/* that a device stands on */
	int count;
	const struct sockaddr_storage *address;
	bool found;
	struct mark_link best;	/* if found */
};

static unsigned mtu_of(int fd, const char *name)
{
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (real.ioctl(fd, SIOCGIFMTU, &request) != 0)
		return 0;
	return request.ifr_mtu > 0 ? (unsigned)request.ifr_mtu : 0;
}

static bool is_named(char names[][MARK_NAME_SIZE], int count, const char *name)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strncmp(names[i], name, MARK_NAME_SIZE - 1))
			return true;
	return false;
}

static void read_link(const struct search *search,
		      const struct ifaddrs *interface, struct mark_link *link)
{
	const char *name = interface->ifa_name;

	memset(link, 0, sizeof(*link));
	strncpy(link->name, name, sizeof(link->name) - 1);
	link->up = interface->ifa_flags & IFF_UP;
	link->loopback = interface->ifa_flags & IFF_LOOPBACK;
	link->mtu = link->loopback ? MARK_LOOPBACK_MTU
				   : mtu_of(search->fd, name);
	link->device = is_named(search->names, search->count, name);
}

/* getifaddrs(3) has each link by itself, and again with each address. */
static bool is_link(const struct ifaddrs *interface)
{
	return !interface->ifa_addr ||
	       interface->ifa_addr->sa_family == AF_PACKET;
}

static bool has_address(const struct search *search,
			const struct ifaddrs *interface)
{
	const struct sockaddr *from = interface->ifa_addr;
	struct sockaddr_storage own;

	return from && addr_normalize(&own, from,
				      from->sa_family == AF_INET6
					      ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in)) &&
	       addr_same_host(&own, search->address);
}

int mark_each_link(int fd, char names[][MARK_NAME_SIZE], int count,
		   mark_visit *visit, void *arg)
{
	struct search search = { .fd = fd, .names = names, .count = count };
	struct ifaddrs *all, *interface;
	struct mark_link link;
	int saved = errno, ret = 0;

	if (getifaddrs(&all) != 0) {
		ret = -errno;
		errno = saved;
		return ret;
	}
	for (interface = all; interface; interface = interface->ifa_next) {
		if (!is_link(interface))
			continue;
		read_link(&search, interface, &link);
		visit(&link, arg);
	}
	freeifaddrs(all);
	errno = saved;
	return ret;
}

bool mark_is_wider(const struct mark_link *link, const struct mark_link *best)
{
	if (!link->up || link->loopback || !link->mtu)
		return false;
	if (!best)
		return true;
	return link->device != best->device ? link->device
					    : link->mtu > best->mtu;
}

static void keep_widest(const struct mark_link *link, void *arg)
{
	struct search *search = arg;

	if (!mark_is_wider(link, search->found ? &search->best : NULL))
		return;
	search->best = *link;
	search->found = true;
}

/* The largest MTU of the links that have the address. */
static void find_address(struct search *search)
{
	struct ifaddrs *all, *interface;
	struct mark_link link;

	if (getifaddrs(&all) != 0)
		return;
	for (interface = all; interface; interface = interface->ifa_next) {
		if (!(interface->ifa_flags & IFF_UP) ||
		    !has_address(search, interface))
			continue;
		read_link(search, interface, &link);
		if (search->found && link.mtu <= search->best.mtu)
			continue;
		search->best = link;
		search->found = true;
	}
	freeifaddrs(all);
}

bool mark_find_link(int fd, const struct sockaddr_storage *address,
		    char names[][MARK_NAME_SIZE], int count,
		    struct mark_link *link)
{
	struct search search = { .fd = fd, .names = names, .count = count,
				 .address = address };
	int saved = errno;

	*link = loopback_link;
	if (addr_is_loopback(address))
		return true;
	if (addr_is_any(address)) {
		if (mark_each_link(fd, names, count, keep_widest, &search) != 0)
			return false;
	} else {
		find_address(&search);
		errno = saved;
		if (!search.found || !search.best.mtu)
			return false;
	}
	if (search.found)
		*link = search.best;
	return true;
}

unsigned mark_for_listener(int fd, char names[][MARK_NAME_SIZE], int count)
{
	struct sockaddr_storage name, address;
	socklen_t length = sizeof(name);
	struct mark_link link;
	unsigned mark = 0;
	int saved = errno;

	memset(&name, 0, sizeof(name));
	if (real.getsockname(fd, (struct sockaddr *)&name, &length) == 0 &&
	    addr_normalize(&address, (struct sockaddr *)&name, length)) {
		mark_find_link(fd, &address, names, count, &link);
		mark = mark_passive(link.mtu, name.ss_family);
	}
	errno = saved;
	return mark;
}
