/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of the marks: listeners, marked or not, and their clients. */
#ifndef UNIT_MARK_HELP_H
#define UNIT_MARK_HELP_H

#include <criterion/criterion.h>
#include <netinet/in.h>

#include "base/addr.h"
#include "base/real.h"
#include "mark/mark.h"

#ifndef TCP_MAXSEG
#define TCP_MAXSEG 2
#endif

static inline int get_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	cr_assert_eq(real.getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static inline void set_option(int fd, int level, int name, int value)
{
	cr_assert_eq(real.setsockopt(fd, level, name, &value, sizeof(value)),
		     0, "option %d %d = %d: %m", level, name, value);
}

struct named {
	struct sockaddr_storage at;
	socklen_t length;
};

static inline struct named address_of(int fd)
{
	struct named name = { .length = sizeof(name.at) };

	cr_assert_eq(real.getsockname(fd, (struct sockaddr *)&name.at,
				      &name.length), 0);
	return name;
}

static inline sa_family_t family_of(int fd)
{
	return address_of(fd).at.ss_family;
}

/* A listener at "ADDRESS:0", or loopback; 0: no such option is set. */
static inline int serve(sa_family_t family, const char *text, int buffer,
			unsigned mark)
{
	const char *loopback = family == AF_INET ? "127.0.0.1:0" : "[::1]:0";
	int fd = real.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage at;

	cr_assert_geq(fd, 0);
	cr_assert_eq(addr_parse(text ? text : loopback, &at), 0);
	if (buffer)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, buffer);
	if (mark)
		mark_listener(fd, mark);
	cr_assert_eq(real.bind(fd, (struct sockaddr *)&at, addr_length(&at)),
		     0, "%s: %m", text ? text : loopback);
	cr_assert_eq(real.listen(fd, 4096), 0);
	return fd;
}

static inline void reach(int fd, const struct named *to)
{
	cr_assert_eq(real.connect(fd, (const struct sockaddr *)&to->at,
				  to->length), 0, "connect: %m");
}

/* A client that is connected, with TCP_MAXSEG set or (0) not. */
static inline int call(int listener, int maxseg)
{
	struct named to = address_of(listener);
	int fd = real.socket(to.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	if (maxseg)
		set_option(fd, IPPROTO_TCP, TCP_MAXSEG, maxseg);
	reach(fd, &to);
	return fd;
}

/* A client whose SYN is marked; it has set a TTL of its own, or (0) none. */
static inline int call_marked(int listener, int ttl)
{
	struct named to = address_of(listener);
	int fd = real.socket(to.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool v4 = to.at.ss_family == AF_INET;
	struct mark_syn syn;

	cr_assert_geq(fd, 0);
	if (ttl)
		set_option(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
			   v4 ? IP_TTL : IPV6_UNICAST_HOPS, ttl);
	mark_syn(fd, &to.at, true, !ttl, &syn);
	reach(fd, &to);
	mark_syn_sent(fd, &syn);
	return fd;
}

#endif
