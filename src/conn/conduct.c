// SPDX-License-Identifier: BSD-2-Clause
#include "conn/conduct.h"

#include <errno.h>

#include "conn/end.h"
#include "conn/join.h"
#include "conn/parts.h"
#include "conn/retreat.h"
#include "conn/settle.h"

void conduct_due(struct conn *conn)
{
	static void (*const all[])(struct conn *conn) = {
#define DUE(name, function) function,
#include "conn/due.def"
	};
	int i, saved = errno;
	unsigned bits;

	while ((bits = atomic_exchange(&conn->due, 0)))
		for (i = 0; i < DUES; i++)
			if (bits & 1u << i)
				all[i](conn);
	errno = saved;
}
