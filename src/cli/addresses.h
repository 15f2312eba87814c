/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses and interfaces of a target's network namespace, as /proc and
 * its /sys have them: so of a process in another namespace as well, without
 * entering it.
 */
#ifndef CLI_ADDRESSES_H
#define CLI_ADDRESSES_H

#include <net/if.h>

#include "base/addr.h"
#include "cli/target.h"

#define ADDRESSES_MOST 256
#define INTERFACES_MOST 64

struct local_address {
	struct sockaddr_storage address;	/* port 0 */
	char interface[IFNAMSIZ];		/* "" when it cannot be told */
};

struct interface {
	char name[IFNAMSIZ];
	unsigned mtu;		/* 0: its /sys does not have it */
	bool up;
	char hardware[64];	/* "52:54:00:..."; "" */
};

/* How many there are, or -errno. */
int addresses_read(const struct target *target,
		   struct local_address list[ADDRESSES_MOST]);
int interfaces_read(const struct target *target,
		    struct interface list[INTERFACES_MOST]);

/* The address alone: "10.0.0.1", "fd00::1". Returns `text`. */
char *address_text(const struct sockaddr_storage *address,
		   char text[ADDR_TEXT_MAX]);

#endif
