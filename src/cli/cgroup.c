// SPDX-License-Identifier: BSD-2-Clause
#include "cli/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Version 1 writes the largest multiple of a page for no limit. */
#define NO_LIMIT (UINT64_C(1) << 62)

/* A line of mountinfo, as far as needed. */
struct mount {
	char root[PATH_MAX], point[PATH_MAX];
	char type[32], options[512];
};

/* Is the word in the list, which has commas? */
static bool in_list(const char *list, const char *word)
{
	size_t length;

	for (; *list; list += length + (list[length] == ',')) {
		length = strcspn(list, ",\n");
		if (length == strlen(word) && !strncmp(list, word, length))
			return true;
		if (list[length] != ',')
			break;
	}
	return false;
}

/* A line "NUMBER:CONTROLLERS:PATH", cut into its parts. */
static bool cut_line(char *line, const char **controllers, const char **path)
{
	char *list = strchr(line, ':'), *at;

	line[strcspn(line, "\n")] = '\0';
	at = list ? strchr(list + 1, ':') : NULL;
	if (!at)
		return false;
	*at = '\0';
	*controllers = list + 1;
	*path = at + 1;
	return true;
}

/*
 * The path of the target's cgroup with the controller; sets unified. Version
 * 1's line counts, wherever it stands: a controller is in one of both.
 */
static bool read_path(const struct target *target, const char *controller,
		      struct cgroup *cgroup, char path[PATH_MAX])
{
	FILE *file = target_proc(target, "cgroup");
	const char *controllers, *at;
	char *line = NULL;
	size_t size = 0;

	*path = '\0';
	cgroup->unified = true;
	while (file && cgroup->unified && getline(&line, &size, file) > 0) {
		if (!cut_line(line, &controllers, &at))
			continue;
		if (in_list(controllers, controller))
			cgroup->unified = false;
		if (!*controllers || !cgroup->unified)
			snprintf(path, PATH_MAX, "%s", at);
	}
	free(line);
	if (file)
		fclose(file);
	return *path;
}

static bool read_mount(const char *line, struct mount *mount)
{
	const char *rest = strstr(line, " - ");

	return rest &&
	       sscanf(line, "%*s %*s %*s %4095s %4095s", mount->root,
		      mount->point) == 2 &&
	       sscanf(rest, " - %31s %*s %511s", mount->type,
		      mount->options) == 2;
}

/* The mount point of the hierarchy that has it. */
static bool find_mount(const struct target *target, const char *controller,
		       bool unified, struct mount *mount)
{
	FILE *file = target_host(target, "/proc/self/mountinfo");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (file && !found && getline(&line, &size, file) > 0)
		found = read_mount(line, mount) &&
			(unified ? !strcmp(mount->type, "cgroup2") :
			 !strcmp(mount->type, "cgroup") &&
			 in_list(mount->options, controller));
	free(line);
	if (file)
		fclose(file);
	return found;
}

/* What of the path lies below the folder that is mounted. */
static const char *below(const char *path, const char *root)
{
	size_t length = strlen(root);

	if (root[1] && !strncmp(path, root, length) &&
	    (path[length] == '/' || !path[length]))
		path += length;
	return strcmp(path, "/") ? path : "";
}

bool cgroup_find(const struct target *target, const char *controller,
		 struct cgroup *cgroup)
{
	struct mount *mount = malloc(sizeof(*mount));
	char path[PATH_MAX];
	bool fine;

	fine = mount && read_path(target, controller, cgroup, path) &&
	       find_mount(target, controller, cgroup->unified, mount) &&
	       strncmp(path, "/..", 3) != 0;
	if (fine) {
		cgroup->top = strlen(mount->point);
		fine = snprintf(cgroup->folder, PATH_MAX, "%s%s", mount->point,
				below(path, mount->root)) < PATH_MAX;
	}
	free(mount);
	return fine;
}

int cgroup_text(const struct target *target, const struct cgroup *cgroup,
		const char *file, char text[TARGET_TEXT_MAX])
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", cgroup->folder, file) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	return target_host_text(target, path, text);
}

bool cgroup_up(struct cgroup *cgroup)
{
	char *slash = strrchr(cgroup->folder, '/');

	if (!slash || (size_t)(slash - cgroup->folder) < cgroup->top)
		return false;
	*slash = '\0';
	return true;
}

uint64_t cgroup_number(const char *text)
{
	uint64_t number;

	if (!strncmp(text, "max", 3))
		return UINT64_MAX;
	number = strtoull(text, NULL, 10);
	return number >= NO_LIMIT ? UINT64_MAX : number;
}
