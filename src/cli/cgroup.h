/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cgroup of a target, of either version (cgroups(7)): found by its line in
 * /proc/PID/cgroup and by what is mounted where this command runs.
 */
#ifndef CLI_CGROUP_H
#define CLI_CGROUP_H

#include "cli/target.h"

struct cgroup {
	bool unified;		/* version 2 */
	char folder[PATH_MAX];	/* as this command sees it */
	size_t top;		/* the length of the mount point in it */
};

/* The one that has this controller's files. False: there is none to be seen. */
bool cgroup_find(const struct target *target, const char *controller,
		 struct cgroup *cgroup);

/* The text of a file in it: 0 or -errno. */
int cgroup_text(const struct target *target, const struct cgroup *cgroup,
		const char *file, char text[TARGET_TEXT_MAX]);

/* On to its parent, whose limits count as well. False: it was the top. */
bool cgroup_up(struct cgroup *cgroup);

/* A number of a limit's file; UINT64_MAX for "max" and what is as good. */
uint64_t cgroup_number(const char *text);

#endif
