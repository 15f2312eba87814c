// SPDX-License-Identifier: BSD-2-Clause
/*
 * A process that lowers RLIMIT_NOFILE to next to nothing is about to get by
 * with the fds it has: vsftpd's sessions, sandboxes. A lane needs new ones, and
 * poll(2) of more fds than the limit is EINVAL. So all goes back to TCP first,
 * and stays. Limits that another process sets (prlimit(2)) are not seen.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "preload/shim.h"
#include "preload/vectors.h"
#include "preload/verdict.h"

#define FILES_LEAST 32	/* a lane's, and the few of the process */

static void before(int resource, rlim_t soft)
{
	if (resource != RLIMIT_NOFILE || soft >= FILES_LEAST ||
	    !real_ready() || !shim_owns_process())
		return;
	verdict_forbid(REASON_file_limit, LOG_INFO);
	shim_send_all_back(REASON_file_limit);
}

/* ThreadSanitizer sets limits before it can look at what we do. */
#ifndef __SANITIZE_THREAD__
SHIM int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	if (!bad_pointer(limit))
		before((int)resource, limit->rlim_cur);
	return real.setrlimit(resource, limit);
}

SHIM int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	if (!bad_pointer(limit))
		before((int)resource, limit->rlim_cur);
	return real.setrlimit64(resource, limit);
}
#endif

static bool is_self(pid_t pid)
{
	return pid == 0 || pid == getpid();
}

SHIM int prlimit(pid_t pid, enum __rlimit_resource resource,
		 const struct rlimit *limit, struct rlimit *old)
{
	if (is_self(pid) && !bad_pointer(limit))
		before((int)resource, limit->rlim_cur);
	return real.prlimit(pid, resource, limit, old);
}

SHIM int prlimit64(pid_t pid, enum __rlimit_resource resource,
		   const struct rlimit64 *limit, struct rlimit64 *old)
{
	if (is_self(pid) && !bad_pointer(limit))
		before((int)resource, limit->rlim_cur);
	return real.prlimit64(pid, resource, limit, old);
}
