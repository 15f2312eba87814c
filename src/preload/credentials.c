// SPDX-License-Identifier: BSD-2-Clause
/*
 * setuid(2) and its like, as libc has them: for all threads of the process.
 * Those for one thread alone (setfsuid(2), capset(2), syscall(2)) are not here:
 * librdmacm's own threads keep theirs, and a lane that takes no command of one
 * thread any more is left as one that has failed.
 */
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/syscall.h"
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

/*
 * libc tells all threads of the process, and waits for each to answer. In a
 * child that was forked without libc its list has the parent's, ours among
 * them, who are not there; the child has one.
 */
#define IN_LIBC(name, ...) \
	(shim_is_strange() ? (int)sys_call(SYS_##name, __VA_ARGS__) \
			   : real.name(__VA_ARGS__))

static int set_ids(long number, unsigned effective)
{
	return (int)sys_call(number, -1L, (long)(int)effective, -1L);
}

static int init_groups(const char *user, gid_t group)
{
	int ret, count = NGROUPS_MAX;
	gid_t *groups = calloc((size_t)count, sizeof(*groups));

	if (!groups)
		return -1;
	if (getgrouplist(user, group, groups, &count) < 0)
		count = NGROUPS_MAX;
	ret = (int)sys_call(SYS_setgroups, count, groups);
	free(groups);
	return ret;
}

SHIM int setuid(uid_t uid)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, IN_LIBC(setuid, uid));
}

SHIM int setgid(gid_t gid)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, IN_LIBC(setgid, gid));
}

SHIM int seteuid(uid_t effective)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, shim_is_strange()
				  ? set_ids(SYS_setresuid, effective)
				  : real.seteuid(effective));
}

SHIM int setegid(gid_t effective)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, shim_is_strange()
				  ? set_ids(SYS_setresgid, effective)
				  : real.setegid(effective));
}

SHIM int setreuid(uid_t own, uid_t effective)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, IN_LIBC(setreuid, own, effective));
}

SHIM int setregid(gid_t own, gid_t effective)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, IN_LIBC(setregid, own, effective));
}

SHIM int setresuid(uid_t own, uid_t effective, uid_t kept)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, IN_LIBC(setresuid, own, effective, kept));
}

SHIM int setresgid(gid_t own, gid_t effective, gid_t kept)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, IN_LIBC(setresgid, own, effective, kept));
}

SHIM int setgroups(size_t count, const gid_t *groups)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, IN_LIBC(setgroups, count, groups));
}

SHIM int initgroups(const char *user, gid_t group)
{
	int saved = errno;
	bool ours = begin();

	return over(ours, saved, shim_is_strange() ? init_groups(user, group)
					    : real.initgroups(user, group));
}
