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

static int over(bool ours, int ret)
{
	if (ours)
		conn_after_credentials(ret == 0);
	return ret;
}

SHIM int setuid(uid_t uid)
{
	bool ours = begin();

	return over(ours, real.setuid(uid));
}

SHIM int setgid(gid_t gid)
{
	bool ours = begin();

	return over(ours, real.setgid(gid));
}

SHIM int seteuid(uid_t effective)
{
	bool ours = begin();

	return over(ours, real.seteuid(effective));
}

SHIM int setegid(gid_t effective)
{
	bool ours = begin();

	return over(ours, real.setegid(effective));
}

SHIM int setreuid(uid_t own, uid_t effective)
{
	bool ours = begin();

	return over(ours, real.setreuid(own, effective));
}

SHIM int setregid(gid_t own, gid_t effective)
{
	bool ours = begin();

	return over(ours, real.setregid(own, effective));
}

SHIM int setresuid(uid_t own, uid_t effective, uid_t kept)
{
	bool ours = begin();

	return over(ours, real.setresuid(own, effective, kept));
}

SHIM int setresgid(gid_t own, gid_t effective, gid_t kept)
{
	bool ours = begin();

	return over(ours, real.setresgid(own, effective, kept));
}

SHIM int setgroups(size_t count, const gid_t *groups)
{
	bool ours = begin();

	return over(ours, real.setgroups(count, groups));
}

SHIM int initgroups(const char *user, gid_t group)
{
	bool ours = begin();

	return over(ours, real.initgroups(user, group));
}
