/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses: IPv4 and IPv6 socket addresses as text, compared, and matched
 * against prefixes. IPv4-mapped IPv6 addresses (RFC 4291 2.5.5.2) count as
 * IPv4 everywhere. Pure functions; no name service is asked.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_TEXT_MAX 64	/* "[v6%scope]:port" and its NUL */

/* A CIDR prefix. family AF_UNSPEC matches every address. */
struct addr_prefix {
	sa_family_t family;
	uint8_t length;		/* bits */
	uint8_t bytes[16];	/* network order, host bits zero */
};

/* Socket length of the address's family; 0 for families not ours. */
socklen_t addr_length(const struct sockaddr_storage *address);

/* Copy, turning an IPv4-mapped address into IPv4. False: not IPv4 or IPv6. */
bool addr_normalize(struct sockaddr_storage *to, const struct sockaddr *from,
		    socklen_t length);

uint16_t addr_port(const struct sockaddr_storage *address);	/* host order */
void addr_set_port(struct sockaddr_storage *address, uint16_t port);

/* Same host (and scope), any port / same host and port. Normalized input. */
bool addr_same_host(const struct sockaddr_storage *a,
		    const struct sockaddr_storage *b);
bool addr_same(const struct sockaddr_storage *a,
	       const struct sockaddr_storage *b);

/* The 4 or 16 address bytes, network order; *size says which. */
const uint8_t *addr_bytes(const struct sockaddr_storage *address, size_t *size);

/* "10.0.0.1:80", "[fd00::1]:80". Returns `text`. */
char *addr_format(const struct sockaddr_storage *address,
		  char text[ADDR_TEXT_MAX]);

/* "10.0.0.1:80" or "[fd00::1]:80" -> address; -EINVAL. */
int addr_parse(const char *text, struct sockaddr_storage *address);

/*
 * "10.0.0.0/8", "fd00::/8", "10.0.0.1", "*"; -EINVAL when it is none,
 * -ERANGE for a bad length, -EDOM when host bits are set.
 */
int addr_parse_prefix(const char *text, struct addr_prefix *prefix);

bool addr_in_prefix(const struct sockaddr_storage *address,
		    const struct addr_prefix *prefix);

bool addr_is_any(const struct sockaddr_storage *address);
bool addr_is_loopback(const struct sockaddr_storage *address);
bool addr_is_link_local(const struct sockaddr_storage *address);

#endif
