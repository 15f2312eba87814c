// SPDX-License-Identifier: BSD-2-Clause
/* Key files: whatever is in one, it is a set of keys or a problem. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(void *arg, const char *line)
{
	size_t length = strlen(line);

	if (strncmp(line, "f:", 2) != 0 || length >= PROBLEM_MAX)
		abort();
	(void)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems = { .put = put };
	struct key_set set;
	unsigned i;
	bool fine = keyfile_parse("f", (const char *)data, size, &set,
				  &problems);

	if (fine != (problems.count == 0) || fine != (set.count > 0) ||
	    set.count > KEYS_MOST)
		abort();
	for (i = 0; i < set.count; i++)
		if (set.keys[i].size < KEY_LEAST || set.keys[i].size > KEY_MOST)
			abort();
	return 0;
}
