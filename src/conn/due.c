// SPDX-License-Identifier: BSD-2-Clause
#include "conn/due.h"

#include <stdlib.h>

#include "conn/parts.h"
#include "diag/log.h"

#ifdef SHUNT_DEBUG
static __thread unsigned left;	/* 1 + the last that was left to do */

void due_done(void)
{
	left = 0;
}

void due_check(void)
{
	static const char *const names[] = {
#define DUE(name, function) #name,
#include "conn/due.def"
	};

	if (!left)
		return;
	log_error("left undone: %s", names[left - 1]);
	abort();
}
#endif

void due(struct conn *conn, enum due what)
{
	atomic_fetch_or(&conn->due, 1u << what);
#ifdef SHUNT_DEBUG
	left = 1 + what;
#endif
}
