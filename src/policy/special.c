// SPDX-License-Identifier: BSD-2-Clause
#include "policy/special.h"

static const struct addr_prefix ranges[] = {
	/* narrowest first within a family */
	{ AF_INET, 32, { 0 } },				/* unspecified */
	{ AF_INET, 32, { 255, 255, 255, 255 } },	/* broadcast */
	{ AF_INET, 32, { 169, 254, 169, 254 } },	/* metadata */
	{ AF_INET, 16, { 169, 254 } },			/* link-local */
	{ AF_INET, 8, { 127 } },			/* loopback */
	{ AF_INET, 4, { 224 } },			/* multicast */
	{ AF_INET6, 128, { 0 } },			/* unspecified */
	{ AF_INET6, 128, { [15] = 1 } },		/* loopback */
	{ AF_INET6, 128, { 0xfd, 0, 0x0e, 0xc2, [14] = 2, [15] = 0x54 } },
	{ AF_INET6, 10, { 0xfe, 0x80 } },		/* link-local */
	{ AF_INET6, 8, { 0xff } },			/* multicast */
};

#define RANGES (sizeof(ranges) / sizeof(*ranges))

unsigned special_length(const struct sockaddr_storage *address)
{
	for (unsigned i = 0; i < RANGES; i++) {
		if (addr_in_prefix(address, &ranges[i]))
			return ranges[i].length;
	}
	return 0;
}

const struct addr_prefix *special_range(size_t number)
{
	return number < RANGES ? &ranges[number] : NULL;
}
