// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that are no system calls. Constructors of the program's libraries may
 * use them before ours has run, and in a process with too old a libc it never
 * fills `real` in; so each finds libc's function when it is called.
 */
#include <errno.h>
#include <string.h>

#include "base/raw.h"
#include "base/symbol.h"

#define RAW_LIBC(type, name, params, args, failure) \
	type raw_##name params \
	{ \
		void *symbol = symbol_next(#name); \
		type (*next) params; \
		if (!symbol) { \
			errno = ENOSYS; \
			return failure; \
		} \
		memcpy(&next, &symbol, sizeof(next)); \
		return next args; \
	}

RAW_LIBC(int, mq_open, (const char *name, int flags, mode_t mode, struct mq_attr *attr),
	 (name, flags, mode, attr), -1)
RAW_LIBC(int, shm_open, (const char *name, int flags, mode_t mode),
	 (name, flags, mode), -1)
RAW_LIBC(int, mkstemp, (char *path), (path), -1)
RAW_LIBC(int, mkstemp64, (char *path), (path), -1)
RAW_LIBC(int, mkostemp, (char *path, int flags), (path, flags), -1)
RAW_LIBC(int, mkostemp64, (char *path, int flags), (path, flags), -1)
RAW_LIBC(int, mkstemps, (char *path, int tail), (path, tail), -1)
RAW_LIBC(int, mkstemps64, (char *path, int tail), (path, tail), -1)
RAW_LIBC(int, mkostemps, (char *path, int tail, int flags),
	 (path, tail, flags), -1)
RAW_LIBC(int, mkostemps64, (char *path, int tail, int flags),
	 (path, tail, flags), -1)
RAW_LIBC(FILE *, fopen, (const char *path, const char *mode),
	 (path, mode), NULL)
RAW_LIBC(FILE *, fopen64, (const char *path, const char *mode),
	 (path, mode), NULL)
RAW_LIBC(FILE *, freopen, (const char *path, const char *mode, FILE *file),
	 (path, mode, file), NULL)
RAW_LIBC(FILE *, freopen64, (const char *path, const char *mode, FILE *file),
	 (path, mode, file), NULL)
RAW_LIBC(FILE *, tmpfile, (void), (), NULL)
RAW_LIBC(FILE *, tmpfile64, (void), (), NULL)
RAW_LIBC(DIR *, opendir, (const char *path), (path), NULL)
RAW_LIBC(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL)
RAW_LIBC(int, vdprintf, (int fd, const char *format, va_list args),
	 (fd, format, args), -1)
RAW_LIBC(int, __vdprintf_chk, (int fd, int flag, const char *format, va_list args),
	 (fd, flag, format, args), -1)
RAW_LIBC(int, aio_read, (struct aiocb *request), (request), -1)
RAW_LIBC(int, aio_read64, (struct aiocb64 *request), (request), -1)
RAW_LIBC(int, aio_write, (struct aiocb *request), (request), -1)
RAW_LIBC(int, aio_write64, (struct aiocb64 *request), (request), -1)
RAW_LIBC(int, lio_listio, (int mode, struct aiocb *const list[], int n, struct sigevent *event),
	 (mode, list, n, event), -1)
RAW_LIBC(int, lio_listio64, (int mode, struct aiocb64 *const list[], int n, struct sigevent *event),
	 (mode, list, n, event), -1)
RAW_LIBC(int, execve, (const char *path, char *const argv[], char *const envp[]),
	 (path, argv, envp), -1)
RAW_LIBC(int, execv, (const char *path, char *const argv[]), (path, argv), -1)
RAW_LIBC(int, execvp, (const char *file, char *const argv[]), (file, argv), -1)
RAW_LIBC(int, execvpe,
	 (const char *file, char *const argv[], char *const envp[]),
	 (file, argv, envp), -1)
RAW_LIBC(int, posix_spawn,
	 (pid_t *pid, const char *path,
	  const posix_spawn_file_actions_t *actions,
	  const posix_spawnattr_t *attr, char *const argv[],
	  char *const envp[]),
	 (pid, path, actions, attr, argv, envp), ENOSYS)
RAW_LIBC(int, posix_spawnp,
	 (pid_t *pid, const char *file,
	  const posix_spawn_file_actions_t *actions,
	  const posix_spawnattr_t *attr, char *const argv[],
	  char *const envp[]),
	 (pid, file, actions, attr, argv, envp), ENOSYS)
RAW_LIBC(int, pidfd_spawn,
	 (int *pidfd, const char *path,
	  const posix_spawn_file_actions_t *actions,
	  const posix_spawnattr_t *attr, char *const argv[],
	  char *const envp[]),
	 (pidfd, path, actions, attr, argv, envp), ENOSYS)
RAW_LIBC(int, pidfd_spawnp,
	 (int *pidfd, const char *file,
	  const posix_spawn_file_actions_t *actions,
	  const posix_spawnattr_t *attr, char *const argv[],
	  char *const envp[]),
	 (pidfd, file, actions, attr, argv, envp), ENOSYS)
RAW_LIBC(int, posix_spawn_file_actions_adddup2,
	 (posix_spawn_file_actions_t *actions, int fd, int to),
	 (actions, fd, to), ENOSYS)
RAW_LIBC(int, system, (const char *command), (command), -1)
RAW_LIBC(FILE *, popen, (const char *command, const char *mode),
	 (command, mode), NULL)
RAW_LIBC(int, daemon, (int nochdir, int noclose), (nochdir, noclose), -1)
RAW_LIBC(pid_t, _Fork, (void), (), -1)
RAW_LIBC(int, fexecve, (int fd, char *const argv[], char *const envp[]),
	 (fd, argv, envp), -1)
RAW_LIBC(int, setuid, (uid_t uid), (uid), -1)
RAW_LIBC(int, setgid, (gid_t gid), (gid), -1)
RAW_LIBC(int, seteuid, (uid_t effective), (effective), -1)
RAW_LIBC(int, setegid, (gid_t effective), (effective), -1)
RAW_LIBC(int, setreuid, (uid_t own, uid_t effective), (own, effective), -1)
RAW_LIBC(int, setregid, (gid_t own, gid_t effective), (own, effective), -1)
RAW_LIBC(int, setresuid, (uid_t own, uid_t effective, uid_t kept),
	 (own, effective, kept), -1)
RAW_LIBC(int, setresgid, (gid_t own, gid_t effective, gid_t kept),
	 (own, effective, kept), -1)
RAW_LIBC(int, setgroups, (size_t count, const gid_t *groups),
	 (count, groups), -1)
RAW_LIBC(int, initgroups, (const char *user, gid_t group),
	 (user, group), -1)
RAW_LIBC(int, sigaction,
	 (int number, const struct sigaction *action, struct sigaction *old),
	 (number, action, old), -1)
RAW_LIBC(sighandler_t, signal, (int number, sighandler_t handler),
	 (number, handler), SIG_ERR)
RAW_LIBC(sighandler_t, sysv_signal, (int number, sighandler_t handler),
	 (number, handler), SIG_ERR)
RAW_LIBC(sighandler_t, __sysv_signal, (int number, sighandler_t handler),
	 (number, handler), SIG_ERR)
RAW_LIBC(sighandler_t, sigset, (int number, sighandler_t handler),
	 (number, handler), SIG_ERR)
