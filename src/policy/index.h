/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * (address, port) -> the first matching rule, for one role and family.
 *
 * One node per distinct prefix, sorted by its bits, then length. The last
 * node that is not above an address either holds it or has every prefix that
 * does among its ancestors; `parent` leads up to them, at most 33 (IPv4) or
 * 129 (IPv6) of them. A node's rules are flattened to disjoint port intervals,
 * each with the lowest rule number that covers it. So a search costs two
 * binary searches and a climb, whatever the rules are.
 *
 * Immutable once built: readers need no lock.
 */
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "policy/value.h"

#define INDEX_NONE UINT32_MAX

/* From this port to the next interval's: this rule, or INDEX_NONE. */
struct index_interval {
	uint32_t rule;
	uint16_t port;
};

struct index_node {
	uint8_t bytes[16];
	uint32_t parent;	/* or INDEX_NONE */
	uint32_t least;		/* rule number, of it and its ancestors */
	uint32_t interval;	/* its first */
	uint32_t interval_count;
	uint8_t length;		/* of the prefix, bits */
};

struct index {
	struct index_node *nodes;
	uint32_t node_count;
	struct index_interval *intervals;
	uint32_t interval_count;
};

/* A rule's claim on one prefix and port range, for index_build(). */
struct index_claim {
	uint8_t bytes[16];
	uint8_t length;
	struct port_range ports;
	uint32_t rule;
};

/* Sorts the claims. False: no memory. End with index_free(). */
bool index_build(struct index *index, struct index_claim *claims,
		 size_t count);
void index_free(struct index *index);

/*
 * The lowest rule number of all claims on the address (16 bytes, IPv4 padded
 * with zeros) and port whose prefix is at least `least_length` long; or
 * INDEX_NONE. *steps, if not NULL, grows by the nodes and intervals looked at.
 */
uint32_t index_find(const struct index *index, const uint8_t bytes[16],
		    unsigned least_length, uint16_t port, unsigned *steps);

/* The lowest rule number of the node's own claims on the port; INDEX_NONE. */
uint32_t index_node_rule(const struct index *index,
			 const struct index_node *node, uint16_t port);

#endif
