// SPDX-License-Identifier: BSD-2-Clause
/* The links that a listening socket is reached by, and their MTUs. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/addr.h"
#include "base/real.h"
#include "mark/mark.h"

#define LOOPBACK_MTU 65536

/* One question about the links of this host. */
struct search {
	struct sockaddr_storage address;	/* the listener's */
	bool any;
	char (*names)[MARK_NAME_SIZE];
	int count;
	unsigned mtu;		/* the answer; 0: none yet */
	int asker;		/* a socket for ioctl(2) */
};

static unsigned mtu_of(int asker, const char *name)
{
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (real.ioctl(asker, SIOCGIFMTU, &request) != 0)
		return 0;
	return request.ifr_mtu > 0 ? (unsigned)request.ifr_mtu : 0;
}

static bool is_named(const struct search *search, const char *name)
{
	int i;

	for (i = 0; i < search->count; i++)
		if (!strncmp(search->names[i], name, MARK_NAME_SIZE - 1))
			return true;
	return false;
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
	       addr_same_host(&own, &search->address);
}

static bool concerns(const struct search *search,
		     const struct ifaddrs *interface)
{
	if (!(interface->ifa_flags & IFF_UP))
		return false;
	if (!search->any)
		return has_address(search, interface);
	if (interface->ifa_flags & IFF_LOOPBACK)
		return false;
	return search->count == 0 || is_named(search, interface->ifa_name);
}

/* The largest MTU of all links that the search concerns. */
static void look(struct search *search)
{
	struct ifaddrs *all, *interface;
	unsigned mtu;

	search->mtu = 0;
	if (getifaddrs(&all) != 0)
		return;
	for (interface = all; interface; interface = interface->ifa_next) {
		if (!concerns(search, interface))
			continue;
		mtu = interface->ifa_flags & IFF_LOOPBACK
			      ? LOOPBACK_MTU
			      : mtu_of(search->asker, interface->ifa_name);
		if (mtu > search->mtu)
			search->mtu = mtu;
	}
	freeifaddrs(all);
}

/* A wildcard listener is marked for the device's links, else for any. */
static unsigned find_mtu(struct search *search)
{
	if (addr_is_loopback(&search->address))
		return LOOPBACK_MTU;
	look(search);
	if (search->mtu == 0 && search->any && search->count > 0) {
		search->count = 0;
		look(search);
	}
	return search->mtu ? search->mtu : LOOPBACK_MTU;
}

unsigned mark_for_listener(int fd, char names[][MARK_NAME_SIZE], int count)
{
	struct search search = { .names = names, .count = count, .asker = fd };
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	unsigned mark = 0;
	int saved = errno;

	memset(&name, 0, sizeof(name));
	if (real.getsockname(fd, (struct sockaddr *)&name, &length) == 0 &&
	    addr_normalize(&search.address, (struct sockaddr *)&name,
			   length)) {
		search.any = addr_is_any(&search.address);
		mark = mark_passive(find_mtu(&search), name.ss_family);
	}
	errno = saved;
	return mark;
}
