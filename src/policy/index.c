// SPDX-License-Identifier: BSD-2-Clause
#include "policy/index.h"

#include <stdlib.h>
#include <string.h>

static bool holds(const uint8_t *prefix, unsigned length, const uint8_t *bytes)
{
	unsigned whole = length / 8, rest = length % 8;

	if (memcmp(prefix, bytes, whole))
		return false;
	return !rest || !((prefix[whole] ^ bytes[whole]) >> (8 - rest));
}

/* The last node whose bits are not above the address's, or INDEX_NONE. */
static uint32_t last_not_above(const struct index *index, const uint8_t *bytes,
			       unsigned *steps)
{
	uint32_t from = 0, to = index->node_count, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		++*steps;
		if (memcmp(index->nodes[middle].bytes, bytes, 16) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from ? from - 1 : INDEX_NONE;
}

/* The rule for a port among a node's intervals. */
static uint32_t find_port(const struct index *index,
			  const struct index_node *node, uint16_t port,
			  unsigned *steps)
{
	const struct index_interval *first = &index->intervals[node->interval];
	uint32_t from = 0, to = node->interval_count, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		++*steps;
		if (first[middle].port <= port)
			from = middle + 1;
		else
			to = middle;
	}
	return from ? first[from - 1].rule : INDEX_NONE;
}

uint32_t index_find(const struct index *index, const uint8_t bytes[16],
		    unsigned least_length, uint16_t port, unsigned *steps)
{
	uint32_t best = INDEX_NONE, at, rule;
	const struct index_node *node;
	unsigned own = 0;

	at = last_not_above(index, bytes, &own);
	for (; at != INDEX_NONE; at = node->parent) {
		node = &index->nodes[at];
		own++;
		if (node->least >= best || node->length < least_length)
			break;
		if (!holds(node->bytes, node->length, bytes))
			continue;
		rule = find_port(index, node, port, &own);
		if (rule < best)
			best = rule;
	}
	if (steps)
		*steps += own;
	return best;
}

uint32_t index_node_rule(const struct index *index,
			 const struct index_node *node, uint16_t port)
{
	unsigned steps = 0;

	return find_port(index, node, port, &steps);
}

static int compare_claims(const void *a, const void *b)
{
	const struct index_claim *left = a, *right = b;
	int order = memcmp(left->bytes, right->bytes, 16);

	if (!order)
		order = left->length - right->length;
	if (!order)
		order = left->rule < right->rule ? -1 :
			left->rule > right->rule;
	return order;
}

static bool same_prefix(const struct index_claim *a,
			const struct index_claim *b)
{
	return a->length == b->length && !memcmp(a->bytes, b->bytes, 16);
}

/*
 * Scratch for flattening: the ports at which something begins or ends, cut
 * the ports into cells; `rule` is who has each; `next` leads from a cell to
 * the next one that is still free (union-find), so that a rule never walks
 * over cells which an earlier rule has taken.
 */
struct cells {
	uint32_t *port;		/* where each begins; one more ends the last */
	uint32_t *rule;
	uint32_t *next;
	uint32_t count;
};

static int compare_ports(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

static void cut_cells(struct cells *cells, const struct index_claim *claims,
		      size_t count)
{
	uint32_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		cells->port[2 * i] = claims[i].ports.from;
		cells->port[2 * i + 1] = claims[i].ports.to + 1u;
	}
	qsort(cells->port, 2 * count, sizeof(*cells->port), compare_ports);
	for (size_t i = 1; i < 2 * count; i++) {
		if (cells->port[i] != cells->port[kept])
			cells->port[++kept] = cells->port[i];
	}
	cells->count = kept;
	for (uint32_t i = 0; i <= kept; i++) {
		cells->rule[i] = INDEX_NONE;
		cells->next[i] = i;
	}
}

static uint32_t free_cell(struct cells *cells, uint32_t cell)
{
	while (cells->next[cell] != cell) {
		cells->next[cell] = cells->next[cells->next[cell]];
		cell = cells->next[cell];
	}
	return cell;
}

static uint32_t cell_at(const struct cells *cells, uint32_t port)
{
	uint32_t from = 0, to = cells->count, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (cells->port[middle] < port)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Claims come in the order of their rules: who is first keeps the cell. */
static void take_cells(struct cells *cells, const struct index_claim *claim)
{
	uint32_t end = cell_at(cells, claim->ports.to + 1u);
	uint32_t cell = free_cell(cells, cell_at(cells, claim->ports.from));

	while (cell < end) {
		cells->rule[cell] = claim->rule;
		cells->next[cell] = cell + 1;
		cell = free_cell(cells, cell);
	}
}

static void put_interval(struct index *index, struct index_node *node,
			 uint32_t port, uint32_t rule)
{
	struct index_interval *last = NULL;

	if (node->interval_count)
		last = &index->intervals[index->interval_count - 1];
	if (last ? last->rule == rule : rule == INDEX_NONE)
		return;
	index->intervals[index->interval_count++] =
		(struct index_interval){ .rule = rule, .port = (uint16_t)port };
	node->interval_count++;
	if (rule < node->least)
		node->least = rule;
}

static void put_node(struct index *index, struct cells *cells,
		     const struct index_claim *claims, size_t count)
{
	struct index_node *node = &index->nodes[index->node_count++];

	memcpy(node->bytes, claims->bytes, sizeof(node->bytes));
	node->length = claims->length;
	node->least = node->parent = INDEX_NONE;
	node->interval = index->interval_count;
	node->interval_count = 0;
	cut_cells(cells, claims, count);
	for (size_t i = 0; i < count; i++)
		take_cells(cells, &claims[i]);
	for (uint32_t i = 0; i < cells->count; i++)
		put_interval(index, node, cells->port[i], cells->rule[i]);
	if (cells->port[cells->count] <= UINT16_MAX)
		put_interval(index, node, cells->port[cells->count],
			     INDEX_NONE);
}

/* Nodes lie in the order of a walk down the tree: parents come first. */
static void link_parents(struct index *index)
{
	struct index_node *node;
	uint32_t up;

	for (uint32_t i = 1; i < index->node_count; i++) {
		node = &index->nodes[i];
		up = i - 1;
		while (up != INDEX_NONE &&
		       !holds(index->nodes[up].bytes, index->nodes[up].length,
			      node->bytes))
			up = index->nodes[up].parent;
		node->parent = up;
		if (up != INDEX_NONE && index->nodes[up].least < node->least)
			node->least = index->nodes[up].least;
	}
}

static bool make_room(struct index *index, struct cells *cells, size_t count)
{
	index->nodes = calloc(count, sizeof(*index->nodes));
	index->intervals = calloc(2 * count, sizeof(*index->intervals));
	cells->port = calloc(2 * count, sizeof(*cells->port));
	cells->rule = calloc(2 * count, sizeof(*cells->rule));
	cells->next = calloc(2 * count, sizeof(*cells->next));
	return index->nodes && index->intervals && cells->port &&
	       cells->rule && cells->next;
}

/* Give back what the worst case did not need. */
static void shrink(struct index *index)
{
	void *less;

	less = realloc(index->nodes, index->node_count * sizeof(*index->nodes));
	if (less)
		index->nodes = less;
	less = realloc(index->intervals,
		       index->interval_count * sizeof(*index->intervals));
	if (less)
		index->intervals = less;
}

static void put_nodes(struct index *index, struct cells *cells,
		      const struct index_claim *claims, size_t count)
{
	size_t from = 0;

	for (size_t i = 1; i <= count; i++) {
		if (i < count && same_prefix(&claims[from], &claims[i]))
			continue;
		put_node(index, cells, claims + from, i - from);
		from = i;
	}
}

bool index_build(struct index *index, struct index_claim *claims, size_t count)
{
	struct cells cells = { .count = 0 };
	bool fine;

	*index = (struct index){ .node_count = 0 };
	if (!count)
		return true;
	qsort(claims, count, sizeof(*claims), compare_claims);
	fine = make_room(index, &cells, count);
	if (fine) {
		put_nodes(index, &cells, claims, count);
		link_parents(index);
		shrink(index);
	} else {
		index_free(index);
	}
	free(cells.port);
	free(cells.rule);
	free(cells.next);
	return fine;
}

void index_free(struct index *index)
{
	free(index->nodes);
	free(index->intervals);
	*index = (struct index){ .node_count = 0 };
}
