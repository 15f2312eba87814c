// SPDX-License-Identifier: BSD-2-Clause
#include "base/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/critical.h"

/* Before each piece. */
struct head {
	size_t size;		/* without it */
	struct head *next;	/* of those left by handlers */
	bool mapped;
} __attribute__((aligned(16)));

static _Atomic(struct head *) left;

static struct head *head_of(void *piece)
{
	return (struct head *)piece - 1;
}

/* What handlers could not give back. */
static void sweep(void)
{
	struct head *head, *next;

	if (!atomic_load_explicit(&left, memory_order_relaxed))
		return;
	for (head = atomic_exchange(&left, NULL); head; head = next) {
		next = head->next;
		free(head);
	}
}

static void leave(struct head *head)
{
	head->next = atomic_load(&left);
	while (!atomic_compare_exchange_weak(&left, &head->next, head))
		;
}

static struct head *map(size_t size)
{
	struct head *head = mmap(NULL, sizeof(*head) + size,
				 PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return head == MAP_FAILED ? NULL : head;
}

static void *get(size_t size, bool zeroed)
{
	bool inside = critical_in_handler();
	struct head *head;

	if (size > SIZE_MAX / 2)
		return NULL;
	if (!inside)
		sweep();
	if (inside)
		head = map(size);
	else if (zeroed)
		head = calloc(1, sizeof(*head) + size);
	else
		head = malloc(sizeof(*head) + size);
	if (!head)
		return NULL;
	head->size = size;
	head->mapped = inside;
	return head + 1;
}

void *memory_new(size_t size)
{
	return get(size, true);
}

void *memory_array(size_t count, size_t size)
{
	size_t all;

	return __builtin_mul_overflow(count, size, &all) ? NULL
							 : memory_new(all);
}

static void *move(void *old, size_t size)
{
	size_t kept = head_of(old)->size;
	void *made = get(size, false);

	if (!made)
		return NULL;
	memcpy(made, old, kept < size ? kept : size);
	memory_free(old);
	return made;
}

void *memory_resize(void *old, size_t size)
{
	struct head *head;

	if (!old)
		return get(size, false);
	head = head_of(old);
	if (head->mapped || critical_in_handler())
		return move(old, size);
	if (size > SIZE_MAX / 2)
		return NULL;
	head = realloc(head, sizeof(*head) + size);
	if (!head)
		return NULL;
	head->size = size;
	return head + 1;
}

void memory_free(void *old)
{
	struct head *head;

	if (!old)
		return;
	head = head_of(old);
	if (head->mapped)
		munmap(head, sizeof(*head) + head->size);
	else if (critical_in_handler())
		leave(head);
	else
		free(head);
}
