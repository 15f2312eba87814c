/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom a question is about: this command's own surroundings, or a running
 * process, with the file system, the environment and the credentials that it
 * has. Everything that is read about it is read through these functions, so
 * that a test can give one whose files lie in a folder.
 *
 * Functions that return int return -errno when something cannot be read.
 * Paths are absolute, as the target sees them.
 */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "policy/environ.h"

#define TARGET_TEXT_MAX 4096	/* of a file of /proc or /sys */
#define GROUPS_MOST 64

/* /proc/PID/status, as far as it is of use. */
struct identity {
	uid_t uid;		/* the ones that count for files */
	gid_t gid;
	gid_t groups[GROUPS_MOST];
	int group_count;
	uint64_t capabilities;	/* effective */
	bool no_new_privs;
	unsigned seccomp, seccomp_filters;
	uint64_t pinned;	/* bytes */
	/* Not the first one: the kernel's drivers heed no capability of it. */
	bool user_namespace;
};

struct target {
	const char *root;	/* where its file system begins; "" is here */
	const char *proc;	/* its folder of /proc, for this command */
	const char *host;	/* where this command's own begins: "" */
	bool live;		/* it may what this command may: try things */
	pid_t pid;		/* 0: not a running process */
	const char *program;	/* its file; NULL: none was named */
	const char *dial;	/* a server's ADDRESS:PORT, or NULL */

	/* target_read()'s. */
	int root_error;		/* its file system: 0 or -errno */
	struct identity identity;
	int identity_error;	/* 0 or -errno */
	char **environment;	/* as environ; never NULL */
	int environment_error;
	struct environment ours;	/* the SHUNT_ ones */

	/* doctor.h's: what several probes look at. */
	const struct inspection *inspection;	/* of `program`, or NULL */
	const struct rulebook *rulebook;
};

/* What this command, and what it starts, would see. `program` may be NULL. */
void target_here(struct target *target, const char *program);

/* A running process. Ends the command when there is none. */
void target_process(struct target *target, pid_t pid);

/*
 * Fill identity and environment; the two above have done it. target_free()
 * leaves the paths alone.
 */
void target_read(struct target *target);
void target_free(struct target *target);

/*
 * Open, in the target's file system: absolute links stay inside it (on a
 * kernel before 5.6, which has no openat2(2), they lead to ours).
 */
int target_open(const struct target *target, const char *path, int flags);
/* stat(2) and access(2)'s F_OK. */
int target_stat(const struct target *target, const char *path,
		struct stat *status);
bool target_has(const struct target *target, const char *path);

/* The file's text without the newline at its end, cut to fit. */
int target_text(const struct target *target, const char *path,
		char text[TARGET_TEXT_MAX]);

/* A folder, for readdir(3), or NULL with errno. */
DIR *target_folder(const struct target *target, const char *path);

/* Where a symbolic link leads, one step; its own path if it is none. */
void target_follow(const struct target *target, const char *path,
		   char to[PATH_MAX]);

/* A file of its folder of /proc: a stream or NULL with errno; its text. */
FILE *target_proc(const struct target *target, const char *file);
int target_proc_text(const struct target *target, const char *file,
		     char text[TARGET_TEXT_MAX]);

/* A file as this command itself sees it, whatever the target is. */
FILE *target_host(const struct target *target, const char *path);
int target_host_text(const struct target *target, const char *path,
		     char text[TARGET_TEXT_MAX]);

/* A variable of its environment, or NULL. */
const char *target_variable(const struct target *target, const char *name);

/*
 * The path under which a file with this in its last component is mapped into
 * the running process. 1: it is, 0: none is, -errno.
 */
int target_mapped(const struct target *target, const char *part,
		  char path[PATH_MAX]);

/* -- identity.c ----------------------------------------------------------- */

/* Fill identity, or identity_error. */
void identity_read(struct target *target);

/* Do mode bits and capabilities let it open the file with this access? */
bool target_may(const struct target *target, const struct stat *status,
		unsigned access);	/* of R_OK, W_OK, X_OK */

#define CAPABILITY_DAC_OVERRIDE 1
#define CAPABILITY_IPC_LOCK 14
bool target_capable(const struct target *target, unsigned capability);

#endif
