// SPDX-License-Identifier: BSD-2-Clause
/*
 * mark_parse_syn(), on any bytes. Only a value that some client announces is a
 * mark; what follows the SYN's headers changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mark/mark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth)
{
	if (!truth)
		abort();
}

/* It is the largest that some MTU has; 539 alone none does. */
static void announced(unsigned mss)
{
	must(mss >= MARK_LEAST && mss <= MARK_MAXSEG_MOST);
	must(!mark_is_passive(mss));
	must(mss < 547 || mark_active(mss + 12 + 40, AF_INET) == mss);
}

/* By the MSS, or by the TTL that the IP header has. */
static void check(const uint8_t *data, size_t size,
		  const struct mark_client *client)
{
	unsigned ttl;

	if (!client->seen) {
		must(client->mss == 0);
		return;
	}
	must(size >= 44);	/* with the MSS option, one at least */
	ttl = data[0] >> 4 == 4 ? data[8] : data[7];
	if (client->mss)
		announced(client->mss);
	else
		must(ttl == MARK_TTL);
}

/* The same bytes, cut: seen once they hold the headers, and not before. */
static void cut(const uint8_t *data, size_t size, bool seen)
{
	bool before = false;
	size_t i;

	for (i = 0; i <= size && i < 128; i++) {
		struct mark_client client;
		uint8_t *copy = malloc(i ? i : 1);

		must(copy != NULL);
		memcpy(copy, data, i);
		mark_parse_syn(copy, i, &client);
		free(copy);
		must(client.seen || !before);
		must(!client.seen || seen);
		before = client.seen;
	}
	must(size > 127 || before == seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mark_client client;

	memset(&client, 0xff, sizeof(client));
	mark_parse_syn(data, size, &client);
	check(data, size, &client);
	cut(data, size, client.seen);
	return 0;
}
