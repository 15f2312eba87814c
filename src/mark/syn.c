// SPDX-License-Identifier: BSD-2-Clause
/*
 * Marking one's own SYN: by the MSS that the route's MTU allows; where that is
 * more than TCP_MAXSEG takes, which is loopback, by a TTL in the SYN alone.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/real.h"
#include "mark/mark.h"

#define USUAL_TTL 64	/* ip_default_ttl */
#define KEPT_MS 5000
#define PLACES 4

/*
 * The MTU of the routes that this thread has used lately. A value that has
 * changed since costs a mark, or a few bytes of a segment, for seconds.
 */
static __thread struct known {
	struct sockaddr_storage host;
	uint64_t until_ms;
	unsigned mtu;
} known[PLACES];

static void set(int fd, int level, int name, int value)
{
	int saved = errno;

	real.setsockopt(fd, level, name, &value, sizeof(value));
	errno = saved;
}

static int get(int fd, int level, int name)
{
	int value = 0, saved = errno;
	socklen_t size = sizeof(value);

	if (real.getsockopt(fd, level, name, &value, &size) != 0)
		value = 0;
	errno = saved;
	return value;
}

/* Connecting a datagram socket sends nothing and finds the route (udp(7)). */
static unsigned ask_mtu(const struct sockaddr_storage *remote)
{
	struct sockaddr_storage to = *remote;
	int fd, mtu = 0, saved = errno;
	bool v4 = to.ss_family == AF_INET;

	fd = real.socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		addr_set_port(&to, 9);
		if (real.connect(fd, (struct sockaddr *)&to,
				 addr_length(&to)) == 0)
			mtu = get(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
				  v4 ? IP_MTU : IPV6_MTU);
		real.close(fd);
	}
	errno = saved;
	return mtu > 0 ? (unsigned)mtu : 0;
}

unsigned mark_route_mtu(const struct sockaddr_storage *remote)
{
	size_t size;
	const uint8_t *bytes;
	struct known *place;
	uint64_t now;

	if (addr_is_loopback(remote))
		return MARK_LOOPBACK_MTU;
	bytes = addr_bytes(remote, &size);
	place = &known[bytes[size - 1] % PLACES];
	now = clock_ms();
	if (now < place->until_ms && addr_same_host(&place->host, remote))
		return place->mtu;
	place->host = *remote;
	place->mtu = ask_mtu(remote);
	place->until_ms = now + KEPT_MS;
	return place->mtu;
}

/* Both ends are on this host, or on a link of its kind. */
static void mark_by_ttl(int fd, bool v4, bool may_ttl, struct mark_syn *syn)
{
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	int name = v4 ? IP_TTL : IPV6_UNICAST_HOPS;

	if (!may_ttl && get(fd, level, name) != USUAL_TTL)
		return;		/* the application has its own */
	set(fd, level, name, MARK_TTL);
	syn->level = level;
	syn->name = name;
}

void mark_syn(int fd, const struct sockaddr_storage *remote, bool may_maxseg,
	      bool may_ttl, struct mark_syn *syn)
{
	unsigned mss, mtu = mark_route_mtu(remote);
	bool v4 = remote->ss_family == AF_INET;

	memset(syn, 0, sizeof(*syn));
	if (mark_is_by_ttl(mtu, remote->ss_family)) {
		mark_by_ttl(fd, v4, may_ttl, syn);
		return;
	}
	mss = may_maxseg ? mark_active(mtu, remote->ss_family) : 0;
	if (mss)
		set(fd, IPPROTO_TCP, TCP_MAXSEG, (int)mss);
}

void mark_syn_sent(int fd, const struct mark_syn *syn)
{
	if (syn->name)
		set(fd, syn->level, syn->name, -1);	/* the default */
}

void mark_syn_never(int fd)
{
	set(fd, IPPROTO_TCP, TCP_MAXSEG, 0);
}
