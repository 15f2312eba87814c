/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator is told (diag/channel.h), collected in memory first: while
 * somebody reads it slowly nothing of the process is held. Any thread, no
 * locks held.
 */
#ifndef CONN_ANSWER_H
#define CONN_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "conn/crowd.h"

struct answer {
	char *text;		/* free() it */
	size_t size, room;
	bool failed;		/* there was no memory for all of it */
};

/* One line; what is said has no tabs and line ends of its own. */
void answer_say(struct answer *answer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The process's line. */
void answer_process(struct answer *answer);

/* A connection's line, with a remark. */
void answer_conn(struct answer *answer, const struct conn *conn,
		 const char *note);

/*
 * The SHUNT_ variables. The kernel shows them, too, but not of a program that
 * writes its title over them: redis, nginx, PostgreSQL.
 */
void answer_environment(struct answer *answer);

/* The connections, if asked for, and all that is counted. */
void answer_stat(struct answer *answer, bool with_conns);

#endif
