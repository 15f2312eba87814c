// SPDX-License-Identifier: BSD-2-Clause
/* shunt doctor: everything that stands between a program and a lane. */
#include "cli/doctor.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "cli/cli.h"
#include "cli/preload.h"

#define PROBE(area, name, scope, needs, asks) \
	{ #area "." #name, #area, PROBE_##scope, NEEDS_##needs, asks, \
	  probe_##area##_##name },
const struct probe probes[] = {
#include "cli/doctor.def"
};
#undef PROBE

#define PROBES (sizeof(probes) / sizeof(*probes))
const int probe_count = (int)PROBES;

const char *probe_status_name(enum probe_status status)
{
	static const char *const names[] = { "ok", "warn", "fail" };

	return names[status];
}

const char *target_kind(const struct target *target)
{
	if (target->pid)
		return "process";
	return target->program ? "program" : "here";
}

/* What follows `used` of the text, as one more line or a part of it. */
static void put(char *text, size_t size, size_t used, const char *format,
		va_list args)
{
	vsnprintf(text + used, size - used, format, args);
	for (char *c = text + used; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
}

void found(struct probe_result *result, enum probe_status status,
	   const char *format, ...)
{
	va_list args;

	result->status = status;
	va_start(args, format);
	put(result->found, sizeof(result->found), 0, format, args);
	va_end(args);
}

void remedy(struct probe_result *result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(result->remedy, sizeof(result->remedy), 0, format, args);
	va_end(args);
}

void detail(struct probe_result *result, const char *format, ...)
{
	size_t used = strlen(result->details), room = sizeof(result->details);
	va_list args;

	if (room - used < 3)
		return;
	va_start(args, format);
	put(result->details, room - 1, used, format, args);
	va_end(args);
	strcat(result->details, "\n");
}

void list_add(char list[FOUND_MAX], const char *format, ...)
{
	size_t used = strlen(list);
	va_list args;
	int length;

	if (used + sizeof(", ...") >= FOUND_MAX)
		return;
	if (used)
		used = (size_t)(stpcpy(list + used, ", ") - list);
	va_start(args, format);
	length = vsnprintf(list + used, FOUND_MAX - used, format, args);
	va_end(args);
	if ((size_t)length + sizeof(", ...") >= FOUND_MAX - used)
		snprintf(list + used, FOUND_MAX - used, "...");
}

const char *amount(uint64_t bytes, char text[AMOUNT_MAX])
{
	static const char units[] = " KMGTP";
	unsigned unit = 0;

	if (bytes == UINT64_MAX)
		return "unlimited";
	while (bytes && bytes % 1024 == 0 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	/* odd numbers are only ever read, so roughly */
	while (bytes >= 10 * 1024 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, AMOUNT_MAX, unit ? "%llu%ciB" : "%llu bytes",
		 (unsigned long long)bytes, units[unit]);
	return text;
}

void found_unreadable(const struct target *target,
		      struct probe_result *result, const char *what, int error)
{
	found(result, PROBE_WARN, "%s cannot be read: %s", what,
	      strerror(-error));
	if (error == -EACCES || error == -EPERM)
		remedy(result, target->pid ?
		       "run it as root, or as the process's own user" :
		       "run it as root, or as the program's own user");
	else
		remedy(result, "look whether %s is there, and mounted", what);
}

void probe_ask(const struct probe *probe, const struct target *target,
	       struct probe_result *result)
{
	if (probe->needs & NEEDS_FILES && target->root_error)
		found_unreadable(target, result, "its file system",
				 target->root_error);
	else if (probe->needs & NEEDS_ENVIRONMENT && target->environment_error)
		found_unreadable(target, result, "its environment",
				 target->environment_error);
	else
		probe->look(target, result);
}

/* What the command line says. */
struct request {
	const char *program, *dial;
	pid_t pid;
	bool json, verbose;
};

static pid_t parse_pid(const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || pid <= 0 || pid > INT32_MAX)
		cli_fail(STATUS_USAGE, "--pid %s: not a process id", text);
	return (pid_t)pid;
}

static void parse(int argc, char **argv, struct request *request)
{
	static const struct option long_options[] = {
		{ "dial", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "pid", required_argument, NULL, 'p' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct sockaddr_storage server;
	int option;

	while ((option = getopt_long(argc, argv, "d:v", long_options,
				     NULL)) >= 0) {
		if (option == 'd')
			request->dial = optarg;
		else if (option == 'j')
			request->json = true;
		else if (option == 'p')
			request->pid = parse_pid(optarg);
		else if (option == 'v')
			request->verbose = true;
		else
			cli_usage("doctor", STATUS_USAGE);
	}
	if (request->dial && request->pid)
		cli_fail(STATUS_USAGE, "--dial: nothing is tried for another "
			 "process (no --pid with it)");
	if (request->dial && addr_parse(request->dial, &server))
		cli_fail(STATUS_USAGE, "--dial %s: not ADDRESS:PORT (a numeric "
			 "address; IPv6 in brackets)", request->dial);
	if (argc - optind > (request->pid ? 0 : 1))
		cli_usage("doctor", STATUS_USAGE);
	request->program = argv[optind];
}

/* What the kernel calls a process whose file may not be seen. */
static const char *name_of(const struct target *target)
{
	char *text = cli_alloc(TARGET_TEXT_MAX);

	target_proc_text(target, "comm", text);
	return text;
}

/* The target, with what several probes look at. */
static void prepare(const struct request *request, struct target *target)
{
	struct inspection *inspection = cli_alloc(sizeof(*inspection));
	struct rulebook *rulebook = cli_alloc(sizeof(*rulebook));
	char *path;

	if (request->pid) {
		target_process(target, request->pid);
		inspect_process(target, inspection);
		if (inspection->error == -ENOENT || inspection->error == -ESRCH)
			cli_fail(STATUS_PROBLEM,
				 "process %d: it is a kernel thread, or has ended",
				 (int)request->pid);
		target->program = inspection->path;
		if (!*target->program)
			target->program = name_of(target);
	} else if (request->program) {
		path = preload_find_program(request->program);
		if (!path)
			cli_fail(STATUS_PROBLEM, "%s: no such program in PATH",
				 request->program);
		target_here(target, path);
		inspect_path(target, path, inspection);
	} else {
		target_here(target, NULL);
	}
	if (target->program)
		target->inspection = inspection;
	target->dial = request->dial;
	rulebook_load(target, rulebook);
	target->rulebook = rulebook;
}

static void print_lines(const char *lines)
{
	const char *end;

	for (; *lines; lines = end + 1) {
		end = strchrnul(lines, '\n');
		printf("        %-14s %.*s\n", "", (int)(end - lines), lines);
		if (!*end)
			break;
	}
}

static void print_result(const struct probe *probe,
			 const struct probe_result *result, bool verbose)
{
	printf("  %-4s  %-14s %s\n", probe_status_name(result->status),
	       strchr(probe->id, '.') + 1, result->found);
	if (verbose)
		print_lines(result->details);
	if (result->remedy[0])
		printf("        %-14s -> %s\n", "", result->remedy);
}

static void print_head(const struct target *target)
{
	if (target->pid)
		printf("process %d (%s)", (int)target->pid, target->program);
	else
		fputs(target->program ? target->program : "any program",
		      stdout);
	if (target->identity_error)
		puts("");
	else
		printf(", as user %u\n", target->identity.uid);
}

static void print_human(const struct target *target,
			const struct probe_result *results, const bool *asked,
			bool verbose)
{
	unsigned counts[3] = { 0 };
	const char *area = "";

	print_head(target);
	for (int i = 0; i < probe_count; i++) {
		if (!asked[i])
			continue;
		if (strcmp(area, probes[i].area))
			puts(probes[i].area);
		area = probes[i].area;
		print_result(&probes[i], &results[i], verbose);
		counts[results[i].status]++;
	}
	printf("%u ok, %u warn, %u fail\n", counts[PROBE_OK],
	       counts[PROBE_WARN], counts[PROBE_FAIL]);
}

static bool is_asked(const struct probe *probe, const struct target *target)
{
	switch (probe->scope) {
	case PROBE_PROGRAM:
		return target->program;
	case PROBE_DIALLED:
		return target->dial;
	default:
		return true;
	}
}

int command_doctor(int argc, char **argv)
{
	struct request request = { .program = NULL };
	struct probe_result *results;
	int status = STATUS_FINE;
	bool asked[PROBES];
	struct target target;

	parse(argc, argv, &request);
	prepare(&request, &target);
	results = cli_alloc(PROBES * sizeof(*results));
	for (int i = 0; i < probe_count; i++) {
		asked[i] = is_asked(&probes[i], &target);
		if (!asked[i])
			continue;
		probe_ask(&probes[i], &target, &results[i]);
		if (results[i].status == PROBE_FAIL)
			status = STATUS_PROBLEM;
	}
	if (request.json)
		doctor_print_json(&target, results, asked);
	else
		print_human(&target, results, asked, request.verbose);
	return status;
}
