// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses of the fake network: a listener on a port is an abstract AF_UNIX
 * name of its family and port, whatever its address. AF_UNIX, because the
 * library under test looks at connect() and accept() of TCP sockets.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake.h"

#define PORT_FIRST 20000
#define PORT_COUNT 40000

static in_port_t *port_of(struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return &((struct sockaddr_in *)address)->sin_port;
	return &((struct sockaddr_in6 *)address)->sin6_port;
}

static socklen_t name_of(struct sockaddr_storage *address,
			 struct sockaddr_un *name)
{
	int n;

	memset(name, 0, sizeof(*name));
	name->sun_family = AF_UNIX;
	n = snprintf(name->sun_path + 1, sizeof(name->sun_path) - 1,
		     "fake-rdma.%d.%d", address->ss_family,
		     ntohs(*port_of(address)));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)n);
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int bind_some_port(struct fake *fake)
{
	struct sockaddr_un name;
	socklen_t length;
	int i;

	for (i = 0; i < PORT_COUNT; i++) {
		*port_of(&fake->local) =
			htons((in_port_t)(PORT_FIRST +
					  (getpid() * 7 + i) % PORT_COUNT));
		length = name_of(&fake->local, &name);
		if (!bind(fake->data, (struct sockaddr *)&name, length))
			return 0;
		if (errno != EADDRINUSE)
			return -1;
	}
	return -1;
}

int unix_listen(struct fake *fake)
{
	struct sockaddr_un name;
	socklen_t length;
	int ret;

	fake->data = make_socket();
	if (fake->data < 0)
		return -1;
	if (*port_of(&fake->local)) {
		length = name_of(&fake->local, &name);
		ret = bind(fake->data, (struct sockaddr *)&name, length);
	} else {
		ret = bind_some_port(fake);
	}
	/* Not by the library under test's listen(): a lock of ours is held. */
	return ret ? ret : (int)syscall(SYS_listen, fake->data, 128);
}

/* The first bytes of a connection are the address it comes from. */
int unix_connect(struct fake *fake)
{
	struct sockaddr_un name;
	socklen_t length = name_of(&fake->peer, &name);

	fake->data = make_socket();
	if (fake->data < 0)
		return -1;
	fake->local = fake->peer;
	*port_of(&fake->local) = htons((in_port_t)getpid());
	if (connect(fake->data, (struct sockaddr *)&name, length))
		return -1;
	if (write(fake->data, &fake->local, sizeof(fake->local)) !=
	    sizeof(fake->local))
		return -1;
	return 0;
}
