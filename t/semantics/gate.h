/* SPDX-License-Identifier: BSD-2-Clause */
/* What one process of a case has another wait for. */
#ifndef SEM_GATE_H
#define SEM_GATE_H

#include <unistd.h>

#include "sem.h"

/* Closed by close_gate(), or by the end of all who have it. */
struct gate { int in, out; };

static inline struct gate open_gate(void)
{
	int ends[2];

	MUST(pipe(ends));
	return (struct gate){ ends[0], ends[1] };
}

static inline void close_gate(struct gate *gate)
{
	close(gate->in);
	close(gate->out);
}

static inline void await_gate(struct gate *gate)
{
	char byte;

	close(gate->out);
	MUST(read(gate->in, &byte, 1) == 0);
	close(gate->in);
}

#endif
