// SPDX-License-Identifier: BSD-2-Clause
/*
 * shunt report: what somebody who is to help would ask for, in one file. The
 * sections are commands of their own, each in a child: one that fails, or
 * hangs on a process that does not answer, costs its section alone. Nothing
 * of the application's is in it: not its arguments, nor variables that are not
 * the library's, nor a byte of what it sends.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/libc.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/process.h"
#include "cli/step.h"
#include "policy/value.h"

#define SECTION_S 120		/* at most, for one section */
#define FILE_MOST (64 << 20)	/* whatever the process says */
#define ANSWER_S 20

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif

static int write_versions(char *pid)
{
	char now[64] = "?";
	struct utsname kernel;
	time_t seconds = time(NULL);
	struct tm date;

	if (gmtime_r(&seconds, &date))
		strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", &date);
	printf("process   %s\nwritten   %s, by user %u\nshunt     %s\n",
	       pid, now, geteuid(), PACKAGE_VERSION);
	printf("libc      %s %s (the command's)\n",
	       libc_is_musl() ? "musl" : "glibc",
	       libc_is_musl() ? "" : gnu_get_libc_version());
	if (!uname(&kernel))
		printf("kernel    %s %s %s\n", kernel.sysname, kernel.release,
		       kernel.machine);
	return STATUS_FINE;
}

static void print_rules(const struct policy *policy)
{
	const struct rule *rule = policy->rules;

	for (; rule < policy->rules + policy->rule_count; rule++)
		printf("rule      %s: %s%s%s (%s)\n", rule->name,
		       value_mode_name(rule->mode), rule->nat ? ", nat" : "",
		       rule->drain ? ", drain" : "", rule->source);
	printf("%u rules for this program of %u\n", policy->rule_count,
	       policy->written);
}

/* The values with their sources are doctor's, policy.values. */
static int write_policy(char *pid)
{
	struct rulebook *rulebook = cli_alloc(sizeof(*rulebook));
	struct inspection *inspection = cli_alloc(sizeof(*inspection));
	struct target target;

	target_process(&target, (pid_t)strtol(pid, NULL, 10));
	inspect_process(&target, inspection);
	target.program = inspection->path;
	target.inspection = inspection;
	rulebook_load(&target, rulebook);
	printf("file      %s (%s)%s\n", rulebook->path, rulebook->source,
	       rulebook->assumed ? ": it cannot be read here" : "");
	fputs(rulebook->problems, stdout);
	if (rulebook->result.policy)
		print_rules(rulebook->result.policy);
	return STATUS_FINE;
}

static int write_doctor(char *pid)
{
	char name[] = "shunt doctor", verbose[] = "--verbose", by[] = "--pid";
	char *argv[] = { name, verbose, by, pid, NULL };

	return command_doctor(4, argv);
}

static int write_connections(char *pid)
{
	char name[] = "shunt stat", *argv[] = { name, pid, NULL };

	return command_stat(2, argv);
}

static int write_rows(char *pid)
{
	char name[] = "shunt ss", by[32], *argv[] = { name, by, NULL };

	snprintf(by, sizeof(by), "pid=%.20s", pid);
	return command_ss(2, argv);
}

static void hear_step(const struct line *line, void *arg)
{
	(void)arg;
	if (!strcmp(line->fields[0], "process"))
		printf("libshunt.so of release %s\n", *line->fields[3] ?
		       line->fields[3] : "unknown");
	else
		step_print(line);
}

static int write_steps(char *pid)
{
	return process_ask(pid, "steps", ANSWER_S, hear_step, NULL);
}

static const struct section {
	const char *title;
	int (*write)(char *pid);
} sections[] = {
	{ "versions", write_versions },
	{ "policy", write_policy },
	{ "doctor (with each value and who has set it)", write_doctor },
	{ "stat: connections, limits, reasons", write_connections },
	{ "ss: the connections, a row each", write_rows },
	{ "the last steps of its connections", write_steps },
};

/* In a child: all of the section's output is the file's. */
static noreturn void write_section(const struct section *section, char *pid)
{
	const struct rlimit most = { FILE_MOST, FILE_MOST };
	int status;

	setrlimit(RLIMIT_FSIZE, &most);
	alarm(SECTION_S);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	setvbuf(stderr, NULL, _IOLBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	optind = 0;
	status = section->write(pid);
	if (fflush(stdout))
		status = STATUS_OWN_FAILURE;
	_exit(status);
}

/* False: it is not whole. */
static bool add_section(const struct section *section, char *pid)
{
	int status = 0;
	pid_t child;

	printf("== %s\n", section->title);
	if (fflush(stdout))
		return false;
	child = fork();
	if (child == 0)
		write_section(section, pid);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	if (WIFSIGNALED(status))
		printf("(cut: it took too long, or became too large: %s)\n",
		       strsignal(WTERMSIG(status)));
	putchar('\n');
	return !WIFSIGNALED(status) &&
	       WEXITSTATUS(status) != STATUS_OWN_FAILURE;
}

/* The file becomes standard output. A name that is taken is left alone. */
static void open_report(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		cli_fail(STATUS_PROBLEM, "%s: %m%s", path, errno == EEXIST ?
			 ": remove it, or name another with -o" : "");
	if (dup2(fd, STDOUT_FILENO) < 0)
		cli_fail(STATUS_OWN_FAILURE, "%m");
	close(fd);
}

/* The process's number, if there is one. */
static void check_pid(const char *text)
{
	char *end, path[64];
	long pid = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || pid <= 0 || pid > INT32_MAX)
		cli_fail(STATUS_USAGE, "%s: not a process id", text);
	snprintf(path, sizeof(path), "/proc/%ld", pid);
	if (access(path, F_OK))
		cli_fail(STATUS_PROBLEM, "process %ld: there is none", pid);
}

int command_report(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	char *path = NULL, *pid;
	bool whole = true;
	int option;

	while ((option = getopt_long(argc, argv, "o:", long_options,
				     NULL)) >= 0) {
		if (option != 'o')
			cli_usage("report", STATUS_USAGE);
		path = optarg;
	}
	if (argc - optind != 1)
		cli_usage("report", STATUS_USAGE);
	pid = argv[optind];
	check_pid(pid);
	if (!path && asprintf(&path, "shunt-report-%s.txt", pid) < 0)
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	if (strcmp(path, "-"))
		open_report(path);
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		whole &= add_section(&sections[i], pid);
	if (strcmp(path, "-"))
		fprintf(stderr, "%s: %s\n", path, whole ? "written" :
			"written, but not whole: it says where");
	return whole ? STATUS_FINE : STATUS_PROBLEM;
}
