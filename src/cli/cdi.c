// SPDX-License-Identifier: BSD-2-Clause
/*
 * shunt cdi: a specification of the Container Device Interface for this host
 * (github.com/cncf-tags/container-device-interface, SPEC.md), so that a
 * container engine brings the devices, the bundle, the policy and LD_PRELOAD
 * for one word. Version 0.3.0 has all that is needed here, and the oldest
 * engines read it.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/json.h"
#include "cli/policy.h"
#include "cli/preload.h"

#define KIND "shunt/rdma"
#define FOLDER "/etc/cdi"
#define FILE_NAME "shunt.json"
#define NODES "/dev/infiniband/"
#define MANAGER "rdma_cm"
#define INSIDE "/opt/shunt"		/* in the container */
#define INSIDE_POLICY "/etc/shunt.conf"	/* a bundle's default */
#define LIBRARY "libshunt.so"
#define PART_OF_BUNDLE "shunt-command"

struct plan {
	const char *at;		/* the bundle's folder in the container */
	char *bundle;		/* here */
	char *policy;		/* here, or NULL */
	struct rdma_device devices[DEVICES_MOST];
	int count;
	bool manager;		/* rdma_cm is there */
};

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* What a specification's device may be called. */
static bool is_name(const char *name)
{
	size_t length = strlen(name), i;

	for (i = 0; i < length; i++)
		if (!is_plain(name[i]) && !strchr("_-.:", name[i]))
			return false;
	return length > 0 && is_plain(name[0]) && is_plain(name[length - 1]) &&
	       strcmp(name, "all") != 0;
}

static bool has_node(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), NODES "%s", name);
	return access(path, F_OK) == 0;
}

static void find_devices(struct plan *plan)
{
	struct rdma_device found[DEVICES_MOST];
	struct target target;
	int i, count;

	target_here(&target, NULL);
	count = devices_read(&target, found);
	plan->manager = has_node(MANAGER);
	for (i = 0; i < count && plan->manager; i++) {
		if (!is_name(found[i].name) || !found[i].node[0] ||
		    !has_node(found[i].node))
			cli_warn("%s: it has no node in " NODES
				 ", or a name that cannot be used: left out",
				 found[i].name);
		else
			plan->devices[plan->count++] = found[i];
	}
	if (!plan->count)
		cli_warn("there is no RDMA device with its nodes in " NODES
			 " here: containers stay on TCP (shunt doctor)");
}

/* The folder that the library is in, which has to be a bundle. */
static char *find_bundle(void)
{
	char *path = preload_library(), part[PATH_MAX];
	char *slash = path ? strrchr(path, '/') : NULL;

	if (!slash)
		cli_fail(STATUS_PROBLEM, LIBRARY " is not found");
	*slash = '\0';
	if (snprintf(part, sizeof(part), "%s/" PART_OF_BUNDLE, path) >=
		    (int)sizeof(part) || access(part, F_OK))
		cli_fail(STATUS_PROBLEM,
			 "%s: not a folder that contrib/bundle has made, so no container can have it",
			 path);
	return path;
}

static void find_policy(struct plan *plan)
{
	struct environment environment;
	const char *path;
	bool given;

	cli_environment(&environment);
	path = cli_policy_path(&environment, &given);
	if (access(path, R_OK) == 0)
		plan->policy = realpath(path, NULL);
	else if (given)
		cli_fail(STATUS_PROBLEM, "%s: %m", path);
	else
		cli_warn("%s: %m: containers get no policy, and stay on TCP "
			 "unless they bring one", path);
}

/* -- what it says ---------------------------------------------------------- */

static void put_node(const char *name, const char *separator)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), NODES "%s", name);
	printf("%s{ \"path\": ", separator);
	json_text(path);
	fputs(", \"type\": \"c\", \"permissions\": \"rw\" }", stdout);
}

static void put_preload(const struct plan *plan)
{
	char text[PATH_MAX + sizeof(LIBRARY) + 16];

	snprintf(text, sizeof(text), "LD_PRELOAD=%s/" LIBRARY, plan->at);
	fputs("\"env\": [ ", stdout);
	json_text(text);
	fputs(" ]", stdout);
}

/* Of devices first to before `end`; LD_PRELOAD makes even none something. */
static void put_device(const struct plan *plan, const char *name, int first,
		       int end)
{
	fputs("    {\n      \"name\": ", stdout);
	json_text(name);
	fputs(",\n      \"containerEdits\": {\n        ", stdout);
	put_preload(plan);
	if (first < end) {
		fputs(",\n        \"deviceNodes\": [\n          ", stdout);
		put_node(MANAGER, "");
		for (; first < end; first++)
			put_node(plan->devices[first].node, ",\n          ");
		fputs("\n        ]", stdout);
	}
	fputs("\n      }\n    }", stdout);
}

static void put_mount(const char *from, const char *to)
{
	fputs("      { \"hostPath\": ", stdout);
	json_text(from);
	fputs(", \"containerPath\": ", stdout);
	json_text(to);
	fputs(", \"options\": [ \"ro\", \"nosuid\", \"nodev\", \"bind\" ] }",
	      stdout);
}

static void put_spec(const struct plan *plan)
{
	fputs("{\n  \"cdiVersion\": \"0.3.0\",\n  \"kind\": \"" KIND
	      "\",\n  \"devices\": [\n", stdout);
	put_device(plan, "all", 0, plan->count);
	for (int i = 0; i < plan->count; i++) {
		fputs(",\n", stdout);
		put_device(plan, plan->devices[i].name, i, i + 1);
	}
	fputs("\n  ],\n  \"containerEdits\": {\n    \"mounts\": [\n", stdout);
	put_mount(plan->bundle, plan->at);
	if (plan->policy) {
		fputs(",\n", stdout);
		put_mount(plan->policy, INSIDE_POLICY);
	}
	fputs("\n    ]\n  }\n}\n", stdout);
}

/* -- where to -------------------------------------------------------------- */

/* The file is there whole, or as it was: engines read it at any time. */
static void write_spec(const struct plan *plan, const char *path)
{
	char temporary[PATH_MAX];

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >=
	    (int)sizeof(temporary))
		cli_fail(STATUS_USAGE, "%s: too long", path);
	if (!strcmp(path, FOLDER "/" FILE_NAME) && mkdir(FOLDER, 0755) &&
	    errno != EEXIST)
		cli_fail(STATUS_PROBLEM, FOLDER ": %m");
	if (!freopen(temporary, "w", stdout))
		cli_fail(STATUS_PROBLEM, "%s: %m", temporary);
	put_spec(plan);
	if (ferror(stdout) || fflush(stdout) ||
	    fchmod(fileno(stdout), 0644) || rename(temporary, path)) {
		cli_warn("%s: %m", path);
		unlink(temporary);
		exit(STATUS_PROBLEM);
	}
}

/* Where write_spec() is to; NULL: standard output. */
static const char *parse(int argc, char **argv, struct plan *plan)
{
	static const struct option long_options[] = {
		{ "at", required_argument, NULL, 'a' },
		{ "write", optional_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "a:w", long_options,
				     NULL)) >= 0) {
		if (option == 'a')
			plan->at = optarg ? optarg : "";
		else if (option == 'w')
			path = optarg ? optarg : FOLDER "/" FILE_NAME;
		else
			cli_usage("cdi", STATUS_USAGE);
	}
	if (argc != optind)
		cli_usage("cdi", STATUS_USAGE);
	/* the loader parts LD_PRELOAD at both */
	if (plan->at[0] != '/' || !plan->at[1] || strpbrk(plan->at, " :") ||
	    strlen(plan->at) >= PATH_MAX)
		cli_fail(STATUS_USAGE, "--at %s: not an absolute path "
			 "without spaces and colons", plan->at);
	return path;
}

int command_cdi(int argc, char **argv)
{
	struct plan *plan = cli_alloc(sizeof(*plan));
	const char *path;

	plan->at = INSIDE;
	path = parse(argc, argv, plan);
	plan->bundle = find_bundle();
	find_policy(plan);
	find_devices(plan);
	if (path)
		write_spec(plan, path);
	else
		put_spec(plan);
	return STATUS_FINE;
}
