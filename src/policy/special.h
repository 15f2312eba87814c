/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that stay on TCP unless a rule names them: loopback, link-local,
 * cloud metadata, unspecified and multicast. Pure.
 */
#ifndef POLICY_SPECIAL_H
#define POLICY_SPECIAL_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/addr.h"

/*
 * The length of the narrowest special range that holds the address, or 0.
 * A rule names the address when one of its prefixes holds it and is no
 * shorter than that: such a prefix lies inside the range.
 */
unsigned special_length(const struct sockaddr_storage *address);

/* The ranges one by one, from 0; NULL behind the last. */
const struct addr_prefix *special_range(size_t number);

#endif
