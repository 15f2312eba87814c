// SPDX-License-Identifier: BSD-2-Clause
/* Probes of the network's interfaces, and of the marks that they allow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/addresses.h"
#include "cli/doctor.h"
#include "mark/mark.h"

#define LOOPBACK_MTU 65536	/* as mark/ counts it, whatever it is */
#define LINKS_MOST 32

/* Below it loopback is much slower: docs/PROTOCOL.md's listener, measured. */
#define MARK_SMALL 4096

static void look_at_interface(const struct interface *interface,
			      const struct local_address *addresses, int count,
			      struct probe_result *result,
			      char list[FOUND_MAX])
{
	char own[FOUND_MAX] = "", text[ADDR_TEXT_MAX];
	int i;

	for (i = 0; i < count; i++) {
		if (!strcmp(addresses[i].interface, interface->name))
			list_add(own, "%s",
				 address_text(&addresses[i].address, text));
	}
	detail(result, "%s MTU %u %s %s", interface->name, interface->mtu,
	       interface->up ? "up" : "down", own);
	list_add(list, "%s %u%s", interface->name, interface->mtu,
		 interface->up ? "" : " (down)");
}

void probe_network_interfaces(const struct target *target,
			      struct probe_result *result)
{
	struct local_address *addresses =
		calloc(ADDRESSES_MOST, sizeof(*addresses));
	struct interface interfaces[INTERFACES_MOST];
	int i, count = interfaces_read(target, interfaces);
	char list[FOUND_MAX] = "", unknown[FOUND_MAX] = "";
	int address_count;

	if (count < 0 || !addresses) {
		found_unreadable(target, result, "its network",
				 addresses ? count : -ENOMEM);
		free(addresses);
		return;
	}
	address_count = addresses_read(target, addresses);
	for (i = 0; i < count; i++) {
		if (!interfaces[i].mtu)
			list_add(unknown, "%s", interfaces[i].name);
		look_at_interface(&interfaces[i], addresses, address_count,
				  result, list);
	}
	free(addresses);
	if (unknown[0]) {
		found(result, PROBE_WARN,
		      "its /sys has no MTU of %s: it is another network namespace's",
		      unknown);
		remedy(result,
		       "mount a sysfs of its own in its namespaces (ip netns exec and container engines do)");
		return;
	}
	found(result, PROBE_OK, "MTU of %s", list[0] ? list : "none");
}

/* -- marks ---------------------------------------------------------------- */

/* The interfaces, and which of them a device stands on. */
struct links {
	struct interface interfaces[INTERFACES_MOST];
	char names[LINKS_MOST][IFNAMSIZ];
	int count, name_count;
};

static bool is_loopback(const struct interface *interface)
{
	return !strcmp(interface->name, "lo");
}

static bool has_device(const struct links *links,
		       const struct interface *interface)
{
	int i;

	for (i = 0; i < links->name_count; i++) {
		if (!strcmp(links->names[i], interface->name))
			return true;
	}
	return false;
}

/* The link whose MTU a wildcard listener's mark is made for; NULL: none. */
static const struct interface *widest(const struct links *links,
				      bool with_device)
{
	const struct interface *best = NULL, *at = links->interfaces;
	int i;

	for (i = 0; i < links->count; i++, at++) {
		if (at->up && !is_loopback(at) &&
		    (!with_device || has_device(links, at)) &&
		    (!best || at->mtu > best->mtu))
			best = at;
	}
	return best;
}

/* An address's listener has its interface's, a wildcard one the widest's. */
static void detail_marks(const struct links *links,
			 struct probe_result *result)
{
	const struct interface *at = links->interfaces;
	unsigned ipv4, ipv6, mtu;
	int i;

	for (i = 0; i < links->count; i++, at++) {
		mtu = is_loopback(at) ? LOOPBACK_MTU : at->mtu;
		ipv4 = mark_passive(mtu, AF_INET);
		ipv6 = mark_passive(mtu, AF_INET6);
		detail(result, "%s MTU %u: mark %u, IPv6 and dual-stack %u",
		       at->name, mtu, ipv4, ipv6);
	}
}

/* handshake.mark by hand: an MTU that is too small for it hides it. */
static void found_by_hand(const struct links *links,
			  struct probe_result *result, unsigned mark)
{
	const struct interface *at = links->interfaces;
	char hidden[FOUND_MAX] = "";
	int i;

	for (i = 0; i < links->count; i++, at++) {
		if (at->up && !is_loopback(at) &&
		    mark_passive(at->mtu, AF_INET6) < mark)
			list_add(hidden, "%s (MTU %u)", at->name, at->mtu);
	}
	found(result, hidden[0] ? PROBE_WARN : PROBE_OK,
	      "%u by handshake.mark%s%s", mark,
	      hidden[0] ? ", more than can be announced on " : "", hidden);
	if (hidden[0])
		remedy(result,
		       "lower handshake.mark to what the smallest of these allows (--verbose has it), if clients come that way");
}

static void found_automatic(const struct target *target,
			    const struct links *links,
			    struct probe_result *result)
{
	const struct policy *policy = target->rulebook->result.policy;
	const struct interface *link = widest(links, true);
	unsigned ipv4, ipv6;

	if (!link)
		link = widest(links, false);
	if (!link) {
		found(result, PROBE_OK, "%u: there is loopback alone",
		      mark_passive(LOOPBACK_MTU, AF_INET));
		return;
	}
	ipv4 = mark_passive(link->mtu, AF_INET);
	ipv6 = mark_passive(link->mtu, AF_INET6);
	found(result, PROBE_OK,
	      "%u, or %u with IPv6, for %s (MTU %u); clients of a smaller MTU do not see it",
	      ipv4, ipv6, link->name, link->mtu);
	if (ipv4 >= MARK_SMALL || !policy ||
	    policy_all_tcp(policy, POLICY_LISTEN))
		return;
	result->status = PROBE_WARN;
	remedy(result,
	       "raise the MTU of %s (jumbo frames), or have the program listen on its address: bulk transfers over loopback through a wildcard listener of this mark run at about half",
	       link->name);
}

void probe_network_mark(const struct target *target,
			struct probe_result *result)
{
	const struct policy *policy = target->rulebook->result.policy;
	struct links links;
	int64_t by_hand = policy ? policy->settings[0].handshake.mark : -1;

	links.count = interfaces_read(target, links.interfaces);
	if (links.count < 0) {
		found_unreadable(target, result, "its network", links.count);
		return;
	}
	links.name_count = doctor_links(target, links.names, LINKS_MOST);
	detail_marks(&links, result);
	if (by_hand > 0)
		found_by_hand(&links, result, (unsigned)by_hand);
	else
		found_automatic(target, &links, result);
}
