// SPDX-License-Identifier: BSD-2-Clause
/*
 * Children that libc makes within itself, where neither pthread_atfork(3) nor
 * our exec and dup2 are asked: what they will have goes back to TCP first.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "preload/listen.h"
#include "preload/shim.h"
#include "ready/ready.h"

static int hand_on(void)
{
	listen_hand_on(false);
	return shim_hand_on();
}

SHIM int posix_spawn(pid_t *pid, const char *path,
		     const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *attr, char *const argv[],
		     char *const envp[])
{
	int ret = hand_on();

	return ret ? -ret : real.posix_spawn(pid, path, actions, attr, argv,
					     envp);
}

SHIM int posix_spawnp(pid_t *pid, const char *file,
		      const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attr, char *const argv[],
		      char *const envp[])
{
	int ret = hand_on();

	return ret ? -ret : real.posix_spawnp(pid, file, actions, attr, argv,
					      envp);
}

/* Of the next two, glibc 2.39's: the child is an fd, which is new. */
static int watched(int ret, int *pidfd)
{
	if (ret == 0)
		shim_forget(*pidfd);
	return ret;
}

SHIM int pidfd_spawn(int *pidfd, const char *path,
		     const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *attr, char *const argv[],
		     char *const envp[])
{
	int ret = hand_on();

	return ret ? -ret : watched(real.pidfd_spawn(pidfd, path, actions,
						     attr, argv, envp), pidfd);
}

SHIM int pidfd_spawnp(int *pidfd, const char *file,
		      const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attr, char *const argv[],
		      char *const envp[])
{
	int ret = hand_on();

	return ret ? -ret : watched(real.pidfd_spawnp(pidfd, file, actions,
						      attr, argv, envp), pidfd);
}

/* Close-on-exec or not, the new number will live on. */
SHIM int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions,
					  int fd, int to)
{
	int ret = shim_send_back(fd, REASON_inherited);

	return ret ? EBUSY : real.posix_spawn_file_actions_adddup2(actions,
								   fd, to);
}

SHIM int system(const char *command)
{
	int ret = command ? hand_on() : 0;

	return ret ? (int)shim_result(ret) : real.system(command);
}

SHIM FILE *popen(const char *command, const char *mode)
{
	int ret = hand_on();

	FILE *file = ret == 0 ? real.popen(command, mode) : NULL;

	if (ret)
		errno = -ret;
	if (file)
		shim_forget(fileno(file));
	return file;
}

/* The parent ends inside libc at once, so it could not be asked. */
SHIM int daemon(int nochdir, int noclose)
{
	shim_send_all_back(REASON_inherited);
	conn_await_closed();
	return real.daemon(nochdir, noclose);
}

/* fork(2) without the handlers: ours are needed. */
SHIM pid_t _Fork(void)
{
	pid_t pid;

	shim_before_fork();
	pid = real._Fork();
	if (pid == 0)
		shim_in_child();
	else
		shim_in_parent();
	return pid;
}
