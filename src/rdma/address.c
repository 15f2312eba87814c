// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdatomic.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/lock.h"
#include "rdma/runtime.h"

#define KEPT_MS 1000
#define KEPT_MOST 64

static struct lock lock = LOCK_INIT(rdma_open);
static struct sockaddr_storage kept[KEPT_MOST];	/* with the lock */
static int kept_count;
static uint64_t kept_until_ms;

/*
 * Does the address belong to an RDMA device? Only rdma_bind_addr(3) knows:
 * the answer is in the kernel's GID tables. Loopback addresses have none.
 */
static bool has_device(struct rdma_event_channel *channel,
		       struct sockaddr_storage *address)
{
	struct rdma_cm_id *id;
	bool found;

	if (runtime.rdma_create_id(channel, &id, NULL, RDMA_PS_TCP))
		return false;
	found = !runtime.rdma_bind_addr(id, (struct sockaddr *)address) &&
		id->verbs;
	runtime.rdma_destroy_id(id);
	return found;
}

static bool candidate(const struct ifaddrs *interface,
		      struct sockaddr_storage *address)
{
	const struct sockaddr *from = interface->ifa_addr;

	if (!from || !(interface->ifa_flags & IFF_UP))
		return false;
	if (from->sa_family != AF_INET && from->sa_family != AF_INET6)
		return false;
	return addr_normalize(address, from, from->sa_family == AF_INET
			      ? sizeof(struct sockaddr_in)
			      : sizeof(struct sockaddr_in6)) &&
	       !(address->ss_family == AF_INET6 &&
		 addr_is_link_local(address));
}

/* Inside librdmacm. */
static int look(struct sockaddr_storage *addresses, int max)
{
	struct rdma_event_channel *channel;
	struct ifaddrs *all, *interface;
	int count = 0;

	if (getifaddrs(&all))
		return 0;
	channel = runtime.rdma_create_event_channel();
	for (interface = all; channel && interface && count < max;
	     interface = interface->ifa_next) {
		memset(&addresses[count], 0, sizeof(addresses[count]));
		if (candidate(interface, &addresses[count]) &&
		    has_device(channel, &addresses[count])) {
			addr_set_port(&addresses[count], 0);
			count++;
		}
	}
	if (channel)
		runtime.rdma_destroy_event_channel(channel);
	freeifaddrs(all);
	return count;
}

static int take_kept(struct sockaddr_storage *addresses, int max, uint64_t now)
{
	int count = -1;

	lock_acquire(&lock);
	if (now < kept_until_ms) {
		count = kept_count < max ? kept_count : max;
		if (count)
			memcpy(addresses, kept,
			       (size_t)count * sizeof(kept[0]));
	}
	lock_release(&lock);
	return count;
}

void address_after_fork(void)
{
	lock_init(&lock, LOCK_rdma_open);
	kept_until_ms = 0;
}

int rdma_addresses(struct sockaddr_storage *addresses, int max)
{
	struct sockaddr_storage found[KEPT_MOST];
	uint64_t now = clock_ms();
	int count, saved;

	count = take_kept(addresses, max, now);
	if (count >= 0)
		return count;
	if (!socket_begin())
		return 0;

	saved = inside_enter();
	count = runtime_loaded() ? look(found, KEPT_MOST) : 0;
	inside_leave(0, saved);
	socket_end();

	lock_acquire(&lock);
	memcpy(kept, found, (size_t)count * sizeof(kept[0]));
	kept_count = count;
	kept_until_ms = now + KEPT_MS;
	lock_release(&lock);
	count = count < max ? count : max;
	if (count)
		memcpy(addresses, found, (size_t)count * sizeof(found[0]));
	return count;
}
