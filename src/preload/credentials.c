// SPDX-License-Identifier: BSD-2-Clause
/*
 * setuid(2) and its like, as libc has them: for all threads of the process.
 * Those for one thread alone (setfsuid(2), capset(2), syscall(2)) are not here:
 * librdmacm's own threads keep theirs, and a lane that takes no command of one
 * thread any more is left as one that has failed.
 */
#include <grp.h>
#include <unistd.h>

#include "preload/shim.h"

/* A vfork(2) child has credentials of its own, and not the memory. */
static bool begin(void)
{
	bool ours = shim_owns_process();

	if (ours)
		conn_before_credentials();
	return ours;
}

/* musl's way to all the threads leaves an errno behind; a success has none. */
static int over(bool ours, int saved, int ret)
{
	if (ours)
		conn_after_credentials(ret == 0);
	if (ret == 0)
		errno = saved;
	return ret;
}

#define CREDENTIALS(name, params, args) \
	SHIM int name params \
	{ \
		int saved = errno; \
		bool ours = begin(); \
		return over(ours, saved, real.name args); \
	}

CREDENTIALS(setuid, (uid_t uid), (uid))
CREDENTIALS(setgid, (gid_t gid), (gid))
CREDENTIALS(seteuid, (uid_t effective), (effective))
CREDENTIALS(setegid, (gid_t effective), (effective))
CREDENTIALS(setreuid, (uid_t own, uid_t effective), (own, effective))
CREDENTIALS(setregid, (gid_t own, gid_t effective), (own, effective))
CREDENTIALS(setresuid, (uid_t own, uid_t effective, uid_t kept), (own, effective, kept))
CREDENTIALS(setresgid, (gid_t own, gid_t effective, gid_t kept), (own, effective, kept))
CREDENTIALS(setgroups, (size_t count, const gid_t *groups), (count, groups))
CREDENTIALS(initgroups, (const char *user, gid_t group), (user, group))
