// SPDX-License-Identifier: BSD-2-Clause
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* RFC 2133's sockaddr_in6 had no scope; the kernel still accepts it. */
#define SIN6_LENGTH_MIN offsetof(struct sockaddr_in6, sin6_scope_id)

#define MAPPED_BITS 96

static const struct sockaddr_in *in4(const struct sockaddr_storage *address)
{
	return (const struct sockaddr_in *)address;
}

static const struct sockaddr_in6 *in6(const struct sockaddr_storage *address)
{
	return (const struct sockaddr_in6 *)address;
}

socklen_t addr_length(const struct sockaddr_storage *address)
{
	switch (address->ss_family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return 0;
	}
}

static void set_in4(struct sockaddr_storage *to, const void *bytes,
		    in_port_t port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	sin->sin_family = AF_INET;
	sin->sin_port = port;
	memcpy(&sin->sin_addr, bytes, sizeof(sin->sin_addr));
}

static void set_in6(struct sockaddr_storage *to, const struct in6_addr *bytes,
		    in_port_t port, uint32_t scope)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;

	if (IN6_IS_ADDR_V4MAPPED(bytes)) {
		set_in4(to, bytes->s6_addr + 12, port);
		return;
	}
	memset(to, 0, sizeof(*to));
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = port;
	sin6->sin6_addr = *bytes;
	sin6->sin6_scope_id = scope;
}

bool addr_normalize(struct sockaddr_storage *to, const struct sockaddr *from,
		    socklen_t length)
{
	struct sockaddr_in6 sin6 = { 0 };
	struct sockaddr_in sin;
	sa_family_t family;

	if (length < offsetof(struct sockaddr, sa_data))
		return false;
	memcpy(&family, &from->sa_family, sizeof(family));
	if (family == AF_INET && length >= sizeof(sin)) {
		memcpy(&sin, from, sizeof(sin));
		set_in4(to, &sin.sin_addr, sin.sin_port);
		return true;
	}
	if (family == AF_INET6 && length >= SIN6_LENGTH_MIN) {
		memcpy(&sin6, from,
		       length < sizeof(sin6) ? length : sizeof(sin6));
		set_in6(to, &sin6.sin6_addr, sin6.sin6_port,
			sin6.sin6_scope_id);
		return true;
	}
	return false;
}

uint16_t addr_port(const struct sockaddr_storage *address)
{
	switch (address->ss_family) {
	case AF_INET:
		return ntohs(in4(address)->sin_port);
	case AF_INET6:
		return ntohs(in6(address)->sin6_port);
	default:
		return 0;
	}
}

void addr_set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET)
		((struct sockaddr_in *)address)->sin_port = htons(port);
	else if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}

const uint8_t *addr_bytes(const struct sockaddr_storage *address, size_t *size)
{
	switch (address->ss_family) {
	case AF_INET:
		*size = 4;
		return (const uint8_t *)&in4(address)->sin_addr;
	case AF_INET6:
		*size = 16;
		return in6(address)->sin6_addr.s6_addr;
	default:
		*size = 0;
		return NULL;
	}
}

bool addr_same_host(const struct sockaddr_storage *a,
		    const struct sockaddr_storage *b)
{
	const uint8_t *left, *right;
	size_t size, other;

	left = addr_bytes(a, &size);
	right = addr_bytes(b, &other);
	if (!size || size != other || memcmp(left, right, size))
		return false;
	return a->ss_family != AF_INET6 ||
	       in6(a)->sin6_scope_id == in6(b)->sin6_scope_id;
}

bool addr_same(const struct sockaddr_storage *a,
	       const struct sockaddr_storage *b)
{
	return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

char *addr_format(const struct sockaddr_storage *address,
		  char text[ADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN], scope[12] = "";
	const uint8_t *bytes;
	size_t size;

	bytes = addr_bytes(address, &size);
	if (!size)
		return strcpy(text, "?");
	inet_ntop(address->ss_family, bytes, host, sizeof(host));
	if (size == 4) {
		snprintf(text, ADDR_TEXT_MAX, "%s:%u", host,
			 addr_port(address));
		return text;
	}
	if (in6(address)->sin6_scope_id)
		snprintf(scope, sizeof(scope), "%%%u",
			 in6(address)->sin6_scope_id);
	snprintf(text, ADDR_TEXT_MAX, "[%.44s%s]:%u", host, scope,
		 addr_port(address));
	return text;
}

/* All of `text` as a decimal number up to `max`; -EINVAL. */
static int parse_number(const char *text, uint32_t max, uint32_t *number)
{
	uint64_t sum = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		sum = sum * 10 + (uint64_t)(*text - '0');
		if (sum > max)
			return -EINVAL;
	}
	*number = (uint32_t)sum;
	return 0;
}

/* "fd00::1%2" (no brackets) and a port -> address. */
static int parse_in6(char *host, uint16_t port,
		     struct sockaddr_storage *address)
{
	struct in6_addr bytes;
	uint32_t scope = 0;
	char *percent;

	percent = strchr(host, '%');
	if (percent) {
		*percent = '\0';
		if (parse_number(percent + 1, UINT32_MAX, &scope))
			return -EINVAL;
	}
	if (inet_pton(AF_INET6, host, &bytes) != 1)
		return -EINVAL;
	set_in6(address, &bytes, htons(port), scope);
	return 0;
}

int addr_parse(const char *text, struct sockaddr_storage *address)
{
	char host[ADDR_TEXT_MAX];
	struct in_addr bytes;
	uint32_t port;
	size_t length;
	char *colon;

	length = strlen(text);
	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length + 1);
	colon = strrchr(host, ':');
	if (!colon || parse_number(colon + 1, UINT16_MAX, &port))
		return -EINVAL;
	*colon = '\0';
	if (host[0] == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		return parse_in6(host + 1, (uint16_t)port, address);
	}
	if (inet_pton(AF_INET, host, &bytes) != 1)
		return -EINVAL;
	set_in4(address, &bytes, htons((uint16_t)port));
	return 0;
}

/* The first `length` bits of two addresses are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned length)
{
	unsigned whole = length / 8, rest = length % 8;

	if (memcmp(a, b, whole))
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

static bool host_bits_clear(const struct addr_prefix *prefix)
{
	static const uint8_t zero[16];
	uint8_t rest[16];
	unsigned whole = prefix->length / 8;

	memcpy(rest, prefix->bytes, sizeof(rest));
	memset(rest, 0, whole);
	if (prefix->length % 8)
		rest[whole] &= 0xff >> (prefix->length % 8);
	return !memcmp(rest, zero, sizeof(rest));
}

/* ::ffff:10.0.0.0/104 is 10.0.0.0/8: the addresses it holds are IPv4. */
static void unmap_prefix(struct addr_prefix *prefix)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (prefix->family != AF_INET6 || prefix->length < MAPPED_BITS ||
	    memcmp(prefix->bytes, mapped, sizeof(mapped)))
		return;
	prefix->family = AF_INET;
	prefix->length -= MAPPED_BITS;
	memmove(prefix->bytes, prefix->bytes + 12, 4);
	memset(prefix->bytes + 4, 0, 12);
}

int addr_parse_prefix(const char *text, struct addr_prefix *prefix)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash;
	uint32_t length;
	size_t size;

	memset(prefix, 0, sizeof(*prefix));
	if (!strcmp(text, "*"))
		return 0;
	slash = strchrnul(text, '/');
	size = (size_t)(slash - text);
	if (size >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, size);
	host[size] = '\0';
	prefix->family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(prefix->family, host, prefix->bytes) != 1)
		return -EINVAL;
	length = prefix->family == AF_INET ? 32 : 128;
	if (*slash && parse_number(slash + 1, length, &length))
		return -ERANGE;
	prefix->length = (uint8_t)length;
	if (!host_bits_clear(prefix))
		return -EDOM;
	unmap_prefix(prefix);
	return 0;
}

bool addr_in_prefix(const struct sockaddr_storage *address,
		    const struct addr_prefix *prefix)
{
	const uint8_t *bytes;
	size_t size;

	bytes = addr_bytes(address, &size);
	if (!size)
		return false;
	if (prefix->family == AF_UNSPEC)
		return true;
	return address->ss_family == prefix->family &&
	       same_bits(bytes, prefix->bytes, prefix->length);
}

bool addr_is_any(const struct sockaddr_storage *address)
{
	static const uint8_t zero[16];
	const uint8_t *bytes;
	size_t size;

	bytes = addr_bytes(address, &size);
	return size && !memcmp(bytes, zero, size);
}

bool addr_is_loopback(const struct sockaddr_storage *address)
{
	switch (address->ss_family) {
	case AF_INET:
		return addr_bytes(address, &(size_t){ 0 })[0] == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&in6(address)->sin6_addr);
	default:
		return false;
	}
}

bool addr_is_link_local(const struct sockaddr_storage *address)
{
	const uint8_t *bytes;
	size_t size;

	bytes = addr_bytes(address, &size);
	if (size == 4)
		return bytes[0] == 169 && bytes[1] == 254;
	return size == 16 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}
