// SPDX-License-Identifier: BSD-2-Clause
/*
 * Children that become another program at once, by vfork or inside libc, and
 * those of which the library is not told: what they do to their numbers is
 * not done to their parent's, and a connection they are given is a socket.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sem.h"


/* What the new program read and wrote; the parent can go on from there. */
static void after_shell(struct pair *p)
{
	p->rx += 10;
	SHOW(peer_do(PEER_SKIP, p->slot, 5, 0));
	SHOW(peer_send(p, 1000));
	pair_receive(p, 1000);
}

static const char *on_fd(int fd)
{
	static char script[100];

	snprintf(script, sizeof(script),
		 "head -c 10 <&%d | wc -c; printf 12345 >&%d", fd, fd);
	fflush(stdout);
	return script;
}

static void keep_open(struct pair *p)
{
	MUST(fcntl(p->fd, F_SETFD, 0));
	SHOW(peer_send(p, 10));
}

static void vfork_closes(struct pair *p)
{
	pid_t pid;

	fflush(stdout);
	pid = vfork();
	if (pid == 0) {
		close(p->fd);
		_exit(0);
	}
	join_child(pid);
	pair_talk(p);
}

static void vfork_closes_all(struct pair *p)
{
	pid_t pid;
	int fd;

	MUST(fcntl(p->fd, F_SETFD, 0));
	fflush(stdout);
	pid = vfork();
	if (pid == 0) {
		for (fd = 3; fd < 300; fd++)
			close(fd);
		close_range(3, ~0u, 0);
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	join_child(pid);
	pair_talk(p);
}

static void vfork_replaces(struct pair *p)
{
	pid_t pid;

	fflush(stdout);
	pid = vfork();
	if (pid == 0) {
		dup2(open("/dev/null", O_RDWR), p->fd);
		_exit(0);
	}
	join_child(pid);
	pair_talk(p);
}

static void vfork_gives(struct pair *p)
{
	const char *script = on_fd(0);
	pid_t pid;

	MUST(fcntl(p->fd, F_SETFD, FD_CLOEXEC));
	SHOW(peer_send(p, 10));
	pid = vfork();
	if (pid == 0) {
		dup2(p->fd, 0);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(1);
	}
	join_child(pid);
	after_shell(p);
}

static void vfork_leaves_open(struct pair *p)
{
	const char *script = on_fd(p->fd);
	pid_t pid;

	keep_open(p);
	pid = vfork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(1);
	}
	join_child(pid);
	after_shell(p);
}

static void spawns(struct pair *p)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)on_fd(p->fd),
			 NULL };
	pid_t pid;

	keep_open(p);
	MUST(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
	join_child(pid);
	after_shell(p);
	SHOW(peer_send(p, 10));
	MUST(posix_spawnp(&pid, "sh", NULL, NULL, argv, environ) == 0);
	join_child(pid);
	after_shell(p);
}

/* glibc has them since 2.39. */
static void spawns_watched(struct pair *p, const char *name, const char *path)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)on_fd(p->fd),
			 NULL };
	int (*spawn)(int *, const char *, const posix_spawn_file_actions_t *,
		     const posix_spawnattr_t *, char *const[], char *const[]);
	void *symbol = dlsym(RTLD_DEFAULT, name);
	siginfo_t info;
	int pidfd = -1, ret;

	memcpy(&spawn, &symbol, sizeof(spawn));
	ret = symbol ? spawn(&pidfd, path, NULL, NULL, argv, environ) : ENOSYS;
	if (ret == ENOSYS)
		MUST(posix_spawn(&pidfd, "/bin/sh", NULL, NULL, argv,
				 environ) == 0);
	else
		MUST(ret == 0);
	SHOW(waitid(ret == ENOSYS ? P_PID : (idtype_t)P_PIDFD, (id_t)pidfd,
		    &info, WEXITED));
	after_shell(p);
}

static void spawns_as_fd(struct pair *p)
{
	keep_open(p);
	spawns_watched(p, "pidfd_spawn", "/bin/sh");
	SHOW(peer_send(p, 10));
	spawns_watched(p, "pidfd_spawnp", "sh");
}

static void spawns_with(struct pair *p)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)on_fd(7), NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	MUST(fcntl(p->fd, F_SETFD, FD_CLOEXEC));
	SHOW(peer_send(p, 10));
	posix_spawn_file_actions_init(&actions);
	SHOW(posix_spawn_file_actions_adddup2(&actions, p->fd, 7));
	MUST(posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ) == 0);
	posix_spawn_file_actions_destroy(&actions);
	join_child(pid);
	after_shell(p);
}

static void spawns_without(struct pair *p)
{
	char *argv[] = { (char *)"true", NULL };
	pid_t pid;

	MUST(fcntl(p->fd, F_SETFD, FD_CLOEXEC));
	SHOW(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ));
	join_child(pid);
	pair_talk(p);
}

static void with_system(struct pair *p)
{
	keep_open(p);
	SHOW(system(on_fd(p->fd)));
	after_shell(p);
	SHOW(system(NULL) != 0);
}

static void with_popen(struct pair *p)
{
	char line[20] = "";
	FILE *file;

	keep_open(p);
	file = popen(on_fd(p->fd), "r");
	SHOW(file != NULL);
	SHOW(fgets(line, sizeof(line), file) != NULL);
	say("it said %s", strtok(line, "\n"));
	SHOW(pclose(file));
	after_shell(p);
}

/* In a child, because the caller of daemon() ends. */
static void with_daemon(struct pair *p)
{
	int ends[2], joined[2];
	pid_t pid;
	char byte;

	MUST(pipe(ends));
	MUST(pipe(joined));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(joined[1]);
		pair_open(p, 1);
		pair_warm(p);
		MUST(daemon(1, 1));
		MUST(read(joined[0], &byte, 1) == 0);
		pair_talk(p);
		pair_close(p);
		fflush(stdout);
		_exit(0);
	}
	close(ends[1]);
	join_child(pid);
	fflush(stdout);
	close(joined[1]);
	MUST(read(ends[0], &byte, 1) == 0);
}

static void without_handlers(struct pair *p)
{
	pid_t pid;

	fflush(stdout);
	pid = _Fork();
	if (pid == 0) {
		pair_talk(p);
		fflush(stdout);
		_exit(0);
	}
	join_child(pid);
	p->tx += 1000;
	p->rx += 2000;
	pair_talk(p);
}

/* Not told to anybody; it closes, and has a file of the same number. */
static void unseen(struct pair *p)
{
	char name[] = "/dev/null";
	pid_t pid;
	int fd;

	fflush(stdout);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		close(p->fd);
		fd = open(name, O_RDWR);
		_exit(write(fd, "x", 1) != 1);
	}
	join_child(pid);
	pair_talk(p);
}

/* As vsftpd's sessions: it changes its user, and goes on with the connection. */
static void unseen_talks(struct pair *p)
{
	pid_t pid;

	pair_send(p, 500);
	fflush(stdout);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		SHOW(setgid(getgid()));
		SHOW(seteuid(geteuid()));
		SHOW(setresuid((uid_t)-1, getuid(), (uid_t)-1));
		SHOW(peer_receive(p, 500));
		pair_talk(p);
		fflush(stdout);
		_exit(0);
	}
	join_child(pid);
	p->tx += 1000;
	p->rx += 2000;
	pair_talk(p);
}

const struct sem_case sem_cases[] = {
	{ "vfork_closes", LANE | SEM_PROCS, vfork_closes,
	  "a vfork child closes" },
	{ "vfork_closes_all", LANE | SEM_PROCS, vfork_closes_all,
	  "a vfork child closes all there is" },
	{ "vfork_replaces", LANE | SEM_PROCS, vfork_replaces,
	  "a vfork child has another file there" },
	{ "vfork_gives", LANE | SEM_PROCS, vfork_gives,
	  "vfork, dup2 to standard input, exec" },
	{ "vfork_leaves_open", LANE | SEM_PROCS, vfork_leaves_open,
	  "vfork, exec" },
	{ "spawns", LANE | SEM_PROCS, spawns, "posix_spawn, inherited" },
	{ "spawns_as_fd", LANE | SEM_PROCS, spawns_as_fd, "pidfd_spawn, where libc has it" },
	{ "spawns_with", LANE | SEM_PROCS, spawns_with,
	  "posix_spawn with dup2" },
	{ "spawns_without", LANE | SEM_PROCS, spawns_without,
	  "posix_spawn, close-on-exec" },
	{ "system", LANE | SEM_PROCS, with_system, "system(3)" },
	{ "popen", LANE | SEM_PROCS, with_popen, "popen(3)" },
	{ "daemon", SEM_PROCS, with_daemon, "daemon(3)" },
	{ "without_handlers", LANE | SEM_PROCS, without_handlers, "_Fork" },
	{ "unseen", LANE | SEM_PROCS | SEM_NO_TSAN, unseen,
	  "clone by syscall(2)" },
	{ "unseen_talks", LANE | SEM_PROCS | SEM_NO_TSAN, unseen_talks,
	  "the same, and it goes on with the connection" },
	{ 0 }
};
