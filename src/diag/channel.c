// SPDX-License-Identifier: BSD-2-Clause
#include "diag/channel.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define LISTENS 0x10000		/* __SO_ACCEPTCON, in the column of flags */

socklen_t channel_name(struct sockaddr_un *name, unsigned pid, uint64_t salt)
{
	int length;

	memset(name, 0, sizeof(*name));
	name->sun_family = AF_UNIX;
	length = snprintf(name->sun_path + 1, sizeof(name->sun_path) - 1,
			  "shunt/%u/%016" PRIx64, pid, salt);
	return (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 +
	       (socklen_t)length;
}

bool channel_in_line(const char *line, struct sockaddr_un *name,
		     socklen_t *length, unsigned *pid)
{
	unsigned flags;
	uint64_t salt;

	/* Num: RefCount Protocol Flags Type St Inode Path; @ stands for NUL */
	if (sscanf(line, "%*x: %*x %*x %x %*x %*x %*u @shunt/%u/%" SCNx64,
		   &flags, pid, &salt) != 3 || !(flags & LISTENS))
		return false;
	*length = channel_name(name, *pid, salt);
	return true;
}
