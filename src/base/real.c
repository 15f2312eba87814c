// SPDX-License-Identifier: BSD-2-Clause
#include "base/real.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/oldlibc.h"
#include "base/raw.h"
#include "base/symbol.h"

struct real real __attribute__((aligned(64))) = {
#define CALL(type, name, params, args, test) .name = raw_##name,
#include "base/calls.def"
#undef CALL
};

static bool ready;

/* `slot` is a function pointer of one of the rows' types. */
static void look_up(void *slot, const char *name)
{
	void *symbol = symbol_next(name);

	if (symbol)
		memcpy(slot, &symbol, sizeof(symbol));
}

void real_init(void)
{
	int saved = errno;

	if (!oldlibc_complete())
		return;
#define CALL(type, name, params, args, test) look_up(&real.name, #name);
#include "base/calls.def"
#undef CALL
	ready = !real_secure();
	errno = saved;
}

bool real_secure(void)
{
	return getauxval(AT_SECURE) != 0;
}

bool real_ready(void)
{
	return ready;
}
