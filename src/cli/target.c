// SPDX-License-Identifier: BSD-2-Clause
#include "cli/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cli.h"

#define OURS "SHUNT_"
#define ASK_MS 1000	/* an answer has been there in one, or not at all */

static const char *format_path(const char *format, pid_t pid)
{
	char *path;

	if (asprintf(&path, format, (int)pid) < 0)
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	return path;
}

void target_here(struct target *target, const char *program)
{
	*target = (struct target){
		.root = "", .proc = "/proc/self", .host = "", .live = true,
		.program = program,
	};
	target_read(target);
}

void target_process(struct target *target, pid_t pid)
{
	if (kill(pid, 0) && errno == ESRCH)
		cli_fail(STATUS_PROBLEM, "process %d: there is none", (int)pid);
	*target = (struct target){
		.root = format_path("/proc/%d/root", pid),
		.proc = format_path("/proc/%d", pid),
		.host = "", .pid = pid,
	};
	target_read(target);
}

static int read_into(int fd, char *text, size_t size)
{
	size_t got = 0;
	ssize_t more;

	while ((more = read(fd, text + got, size - 1 - got)) > 0)
		got += (size_t)more;
	text[got] = '\0';
	return more < 0 ? -errno : (int)got;
}

/* Everything of the fd, without the newline at its end; closes it. */
static int take_text(int fd, char text[TARGET_TEXT_MAX])
{
	int got;

	*text = '\0';
	if (fd < 0)
		return fd;
	got = read_into(fd, text, TARGET_TEXT_MAX);
	close(fd);
	if (got > 0 && text[got - 1] == '\n')
		text[got - 1] = '\0';
	return got < 0 ? got : 0;
}

static int open_at(const char *folder, const char *path, int flags)
{
	char whole[2 * PATH_MAX];
	int fd;

	snprintf(whole, sizeof(whole), "%s%s", folder, path);
	fd = open(whole, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_inside(const char *root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};
	int fd, folder = open_at(root, "", O_PATH | O_DIRECTORY);

	if (folder < 0)
		return folder;
	fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(folder);
	return fd == -ENOSYS ? open_at(root, path, flags) : fd;
}

int target_open(const struct target *target, const char *path, int flags)
{
	if (!*target->root)
		return open_at("", path, flags);
	return open_inside(target->root, path, flags);
}

int target_stat(const struct target *target, const char *path,
		struct stat *status)
{
	int fd = target_open(target, path, O_PATH);
	int error = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, status))
		error = -errno;
	close(fd);
	return error;
}

bool target_has(const struct target *target, const char *path)
{
	struct stat status;

	return target_stat(target, path, &status) == 0;
}

int target_text(const struct target *target, const char *path,
		char text[TARGET_TEXT_MAX])
{
	return take_text(target_open(target, path, O_RDONLY | O_NONBLOCK),
			 text);
}

DIR *target_folder(const struct target *target, const char *path)
{
	int fd = target_open(target, path, O_RDONLY | O_DIRECTORY);
	DIR *folder;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	folder = fdopendir(fd);
	if (!folder)
		close(fd);
	return folder;
}

void target_follow(const struct target *target, const char *path,
		   char to[PATH_MAX])
{
	int fd = target_open(target, path, O_PATH | O_NOFOLLOW);
	char link[PATH_MAX];
	ssize_t length = -1;
	const char *slash;

	if (fd >= 0) {
		length = readlinkat(fd, "", link, sizeof(link) - 1);
		close(fd);
	}
	link[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	if (length <= 0)
		snprintf(to, PATH_MAX, "%s", path);
	else if (*link == '/' || !slash)
		snprintf(to, PATH_MAX, "%s", link);
	else if (slash - path + length + 2 < PATH_MAX)
		snprintf(to, PATH_MAX, "%.*s/%.*s", (int)(slash - path), path,
			 (int)length, link);
}

static FILE *open_stream(const char *folder, const char *slash,
			 const char *path)
{
	char whole[2 * PATH_MAX];

	snprintf(whole, sizeof(whole), "%s%s%s", folder, slash, path);
	return fopen(whole, "re");
}

FILE *target_proc(const struct target *target, const char *file)
{
	return open_stream(target->proc, "/", file);
}

int target_proc_text(const struct target *target, const char *file,
		     char text[TARGET_TEXT_MAX])
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/%s", file);
	return take_text(open_at(target->proc, path, O_RDONLY), text);
}

FILE *target_host(const struct target *target, const char *path)
{
	return open_stream(target->host, "", path);
}

int target_host_text(const struct target *target, const char *path,
		     char text[TARGET_TEXT_MAX])
{
	return take_text(open_at(target->host, path, O_RDONLY), text);
}

/* The strings of a file that parts them by NUL -> a list as environ. */
static int read_list(FILE *file, char ***list)
{
	size_t count = 0, size = 0;
	char *entry = NULL;
	char **grown;

	while (getdelim(&entry, &size, '\0', file) > 0) {
		grown = reallocarray(*list, count + 2, sizeof(**list));
		if (!grown)
			break;
		*list = grown;
		grown[count++] = entry;
		grown[count] = NULL;
		entry = NULL;
		size = 0;
	}
	free(entry);
	return ferror(file) ? -EIO : 0;
}

static void read_environment(struct target *target)
{
	FILE *file;

	if (target->live) {
		for (char **from = environ; *from; from++)
			target->environment[from - environ] = strdup(*from);
		return;
	}
	file = target_proc(target, "environ");
	if (!file) {
		target->environment_error = -errno;
		return;
	}
	target->environment_error = read_list(file, &target->environment);
	fclose(file);
}

static bool is_ours(const char *entry)
{
	return !strncmp(entry, OURS, strlen(OURS));
}

/* Add NAME=VALUE, or more of the last one's value. */
static void add_told(struct target *target, const struct line *line)
{
	bool more = !strcmp(line->fields[0], "more");
	size_t count = 0;
	char **list, *entry;

	while (target->environment[count])
		count++;
	/* Nothing else is taken from a process, whatever it says. */
	if ((more && !count) || !is_ours(more ? target->environment[count - 1]
					      : line->fields[1]))
		return;
	if (asprintf(&entry, "%s%s%s", more ? target->environment[count - 1]
					    : line->fields[1],
		     more ? "" : "=", line->fields[more ? 1 : 2]) < 0)
		return;
	if (more) {
		free(target->environment[--count]);
	} else {
		list = reallocarray(target->environment, count + 2,
				    sizeof(*list));
		if (!list) {
			free(entry);
			return;
		}
		target->environment = list;
	}
	target->environment[count] = entry;
	target->environment[count + 1] = NULL;
}

static void forget_ours(struct target *target)
{
	char **from = target->environment, **to = from;

	for (; *from; from++) {
		if (!is_ours(*from))
			*to++ = *from;
		else
			free(*from);
	}
	*to = NULL;
}

/*
 * The process is asked as well: a program that shows a title of its own has
 * written it over what the kernel shows of its environment.
 */
static void ask_for_environment(struct target *target)
{
	struct question question = { .request = "environment",
				     .wait_ms = ASK_MS, .pid = target->pid };
	struct voices voices = { .count = 0 };
	struct line line = { .voice = NULL };
	char *text;

	if (ask(&question, &voices) == 0 && voices.count == 1 &&
	    !voices.all[0].wrong) {
		forget_ours(target);
		text = voices.all[0].text;
		line.voice = &voices.all[0];
		while (ask_line(&line, &text))
			if (!strcmp(line.fields[0], "env") ||
			    !strcmp(line.fields[0], "more"))
				add_told(target, &line);
	}
	ask_free(&voices);
}

static int look_at_root(const struct target *target)
{
	int fd = target_open(target, "/", O_PATH);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

void target_read(struct target *target)
{
	size_t count = 1;

	for (char **from = environ; target->live && *from; from++)
		count++;
	target->environment = cli_alloc(count * sizeof(char *));
	target->root_error = *target->root ? look_at_root(target) : 0;
	identity_read(target);
	read_environment(target);
	if (target->pid && !target->live)
		ask_for_environment(target);
	if (!environment_take(&target->ours,
			      (const char *const *)target->environment))
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
}

void target_free(struct target *target)
{
	for (char **entry = target->environment; *entry; entry++)
		free(*entry);
	free(target->environment);
	environment_free(&target->ours);
	target->environment = NULL;
}

const char *target_variable(const struct target *target, const char *name)
{
	size_t length = strlen(name);

	for (char **entry = target->environment; *entry; entry++) {
		if (!strncmp(*entry, name, length) && (*entry)[length] == '=')
			return *entry + length + 1;
	}
	return NULL;
}

/* The path of a line of /proc/PID/maps, or NULL. */
static char *path_of_line(char *line)
{
	char *path = strchr(line, '/');

	if (path)
		path[strcspn(path, "\n")] = '\0';
	return path;
}

int target_mapped(const struct target *target, const char *part,
		  char path[PATH_MAX])
{
	FILE *maps = target_proc(target, "maps");
	char *line = NULL, *found;
	size_t size = 0;
	int result = 0;

	if (!maps)
		return -errno;
	while (!result && getline(&line, &size, maps) > 0) {
		found = path_of_line(line);
		if (found && strstr(strrchr(found, '/'), part)) {
			snprintf(path, PATH_MAX, "%s", found);
			result = 1;
		}
	}
	if (!result && ferror(maps))
		result = -EACCES;
	free(line);
	fclose(maps);
	return result;
}
