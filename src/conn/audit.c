// SPDX-License-Identifier: BSD-2-Clause
/*
 * --enable-debug: does every number of the fd table still stand for its
 * connection's socket? A number whose close was missed would hand a
 * connection's bytes to whoever got the number next. It looks at numbers that
 * others are using, which ThreadSanitizer takes for races.
 */
#include "conn/parts.h"
#include "conn/service.h"

#if defined(SHUNT_DEBUG) && !defined(__SANITIZE_THREAD__)

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/real.h"
#include "conn/share.h"

#define AUDIT_MS 100
#define LOOK_MS 20
#define LOOKS 50

static bool same_file(int fd, int other)
{
	struct stat one, two;

	return fstat(fd, &one) == 0 && fstat(other, &two) == 0 &&
	       one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

/*
 * A program that closes all numbers by an inline system call takes ours as
 * well: that is not a call which we should have seen.
 */
static bool is_open(int fd)
{
	return real.fcntl(fd, F_GETFD, NULL) >= 0;
}

static bool is_stale(int fd, struct fdtab_object *object)
{
	struct conn *conn = conn_from(object);
	struct fdtab_object *now = fdtab_hold(fd, NULL);

	if (now)
		fdtab_release(now);
	return now == object && is_open(conn->tcp) &&
	       !same_file(fd, conn->tcp) && !conn_is_plain(conn) &&
	       conn_state(conn) != STATE_dead && !family_is_away(conn);
}

/* dup2(2) has made another file of it when the table hears of it. */
static void look(int fd, struct fdtab_object *object, void *arg)
{
	char line[80];
	int i;

	(void)arg;
	for (i = 0; conn_from(object) && is_stale(fd, object); i++) {
		if (i < LOOKS) {
			real.poll(NULL, 0, LOOK_MS);
			continue;
		}
		snprintf(line, sizeof(line),
			 "shunt: fd %d is in the table, and another file\n",
			 fd);
		real.write(STDERR_FILENO, line, strlen(line));
		abort();
	}
}

void audit_table(void)
{
	static _Atomic uint64_t due_ms;	/* a forked child has it, too */
	uint64_t now = clock_ms();

	if (now < due_ms)
		return;
	due_ms = now + AUDIT_MS;
	fdtab_each(look, NULL);
}

#else

void audit_table(void)
{
}

#endif
