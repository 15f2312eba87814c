/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that stay on TCP unless a rule names them: loopback, link-local,
 * cloud metadata, unspecified and multicast. Pure.
 */
#ifndef POLICY_SPECIAL_H
#define POLICY_SPECIAL_H

#include <sys/socket.h>

/*
 * The length of the narrowest special range that holds the address, or 0.
 * A rule names the address when one of its prefixes holds it and is no
 * shorter than that: such a prefix lies inside the range.
 */
unsigned special_length(const struct sockaddr_storage *address);

#endif
