// SPDX-License-Identifier: BSD-2-Clause
#include "cli/marks.h"

#include <stdio.h>
#include <string.h>

#include "base/real.h"
#include "cli/cli.h"

/* A socket to ask the kernel of its links with. */
static int open_asker(void)
{
	int fd = real.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fd = real.socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		cli_fail(STATUS_OWN_FAILURE, "no socket can be made: %m");
	return fd;
}

/* The wildcard address of this one's family, with its port. */
static void make_any(const struct sockaddr_storage *address,
		     struct sockaddr_storage *any)
{
	memset(any, 0, sizeof(*any));
	any->ss_family = address->ss_family;
	addr_set_port(any, addr_port(address));
}

static void find_link(const struct sockaddr_storage *address,
		      struct listener_mark *mark)
{
	struct device_links *devices = &mark->devices;
	int fd = open_asker();

	devices->count = rdma_links(devices->names, MARK_NAMES_MOST);
	mark->at = *address;
	if (!mark_find_link(fd, address, devices->names, devices->count,
			    &mark->link)) {
		make_any(address, &mark->at);
		mark_find_link(fd, &mark->at, devices->names, devices->count,
			       &mark->link);
	}
	real.close(fd);
}

void marks_of_listener(const struct sockaddr_storage *address,
		       const struct policy_decision *decision,
		       struct listener_mark *mark)
{
	memset(mark, 0, sizeof(*mark));
	find_link(address, mark);
	mark->reason = decision->mode == POLICY_TCP ? decision->reason
						    : rdma_expect();
	if (mark->reason != REASON_none)
		return;
	mark->by_hand = decision->handshake.mark > 0;
	mark->mark = mark->by_hand
			     ? (unsigned)decision->handshake.mark
			     : mark_passive(mark->link.mtu, mark->at.ss_family);
}

/* A link that clients of its MTU do not see the mark by. */
struct hiding {
	const struct listener_mark *mark;
	bool porcelain;
};

static void put_hiding(const struct mark_link *link, void *arg)
{
	const struct hiding *hiding = arg;
	const struct listener_mark *mark = hiding->mark;
	unsigned most = mark_passive(link->mtu, mark->at.ss_family);

	if (!link->up || link->loopback || mark->mark <= most)
		return;
	if (hiding->porcelain)
		printf("hidden\t%s\n", link->name);
	else if (most)
		printf(
			"  hidden  from clients by %s (MTU %u), who would see a handshake.mark of at most %u\n",
			link->name, link->mtu, most);
	else
		printf(
			"  hidden  from clients by %s (MTU %u), which is too small for any\n",
			link->name, link->mtu);
}

static void put_hidden(const struct listener_mark *mark, bool porcelain)
{
	struct hiding hiding = { mark, porcelain };
	char (*names)[MARK_NAME_SIZE];
	struct device_links devices = mark->devices;
	int fd;

	if (!addr_is_any(&mark->at)) {
		put_hiding(&mark->link, &hiding);
		return;
	}
	names = devices.names;
	fd = open_asker();
	mark_each_link(fd, names, devices.count, put_hiding, &hiding);
	real.close(fd);
}

static void put_for_scripts(const struct listener_mark *mark)
{
	char address[ADDR_TEXT_MAX];

	printf("listener\t%s\n", addr_format(&mark->at, address));
	printf("mark\t%u\n", mark->mark);
	printf("mark_reason\t%s\n", reason_name(mark->reason));
	printf("mark_by\t%s\n", mark->by_hand ? "handshake.mark" : "auto");
	printf("link\t%s\n", mark->link.name);
	printf("mtu\t%u\n", mark->link.mtu);
}

/* Why it is the one of all links. */
static const char *choice(const struct listener_mark *mark)
{
	if (!addr_is_any(&mark->at) || mark->link.loopback)
		return "";
	return mark->link.device ? ", the largest with an RDMA device"
				 : ", the largest";
}

static void put_for_people(const struct listener_mark *mark)
{
	const struct mark_link *link = &mark->link;
	char address[ADDR_TEXT_MAX];

	addr_format(&mark->at, address);
	if (mark->reason != REASON_none)
		printf("  mark    none on %s: %s\n", address,
		       reason_sentence(mark->reason));
	else if (mark->by_hand)
		printf("  mark    %u on %s, by handshake.mark\n", mark->mark,
		       address);
	else if (mark->mark)
		printf("  mark    %u on %s, for %s (MTU %u%s)\n", mark->mark,
		       address, link->name, link->mtu, choice(mark));
	else
		printf(
			"  mark    none on %s: the MTU of %s, %u, is too small for one\n",
		       address, link->name, link->mtu);
}

void marks_put_listener(const struct listener_mark *mark, bool porcelain)
{
	if (porcelain)
		put_for_scripts(mark);
	else
		put_for_people(mark);
	if (mark->mark)
		put_hidden(mark, porcelain);
}

void marks_of_syn(const struct sockaddr_storage *remote, struct syn_mark *syn)
{
	syn->mtu = mark_route_mtu(remote);
	syn->mss = mark_active(syn->mtu, remote->ss_family);
	syn->by_ttl = mark_is_by_ttl(syn->mtu, remote->ss_family);
}

void marks_put_syn(const struct syn_mark *syn, bool porcelain)
{
	if (porcelain) {
		printf("route_mtu\t%u\n", syn->mtu);
		printf("syn_mss\t%u\n", syn->mss);
		printf("syn_ttl\t%u\n", syn->by_ttl ? MARK_TTL : 0);
	} else if (!syn->mtu) {
		puts("  syn     none: there is no route to it");
	} else if (syn->by_ttl) {
		printf("  syn     marked by TTL %u (the route's MTU is %u)\n",
		       MARK_TTL, syn->mtu);
	} else if (syn->mss) {
		printf("  syn     marked by MSS %u (the route's MTU is %u)\n",
		       syn->mss, syn->mtu);
	} else {
		printf(
			"  syn     not marked: the route's MTU, %u, is too small\n",
			syn->mtu);
	}
}
